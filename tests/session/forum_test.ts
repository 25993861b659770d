import { assert, assertEquals } from "@std/assert";
import { Forum } from "../../client/forum.ts";
import { CommandFailed, entryText, perform } from "../../client/forum_commands.ts";
import { ClientSession } from "../../client/session.ts";
import { parseCommand } from "../../protocol/forum_text.ts";
import { ForumRequests } from "../../server/session_forum.ts";
import type { ServiceRequests, SessionClient } from "../../server/session_requests.ts";
import { exchanges, TRANSCRIPTS } from "../forum/transcripts.ts";
import { Clock } from "./clock.ts";
import { type Address, type Conditions, type Counts, Network } from "./network.ts";
import { Random } from "./random.ts";
import { SimulatedServer } from "./server.ts";

const SERVER: Address = { hostname: "10.0.0.1", port: 10005 };

/** The time that any command takes at most, in milliseconds, whatever happens to the network and the server. */
const LONGEST = 120_000;

/** A forum on a bad network, whose server is killed. Who has which session is known without a log-in. */
class SimulatedForum {
  readonly network: Network;
  readonly console: string[] = [];
  kills = 0;
  readonly #clock = new Clock(1_700_000_000_000);
  readonly #random: Random;
  readonly #server: SimulatedServer;
  /** By session. */
  readonly #users = new Map<string, string>();
  readonly #forums = new Map<string, Forum>();
  #ports = 1000;

  constructor(seed: number, directory: string) {
    const random = this.#random = new Random(seed);
    const conditions: Conditions = { loss: 0.2, repeated: 0.2, reordered: 0.3, late: 200, delay: [1, 20] };
    this.network = new Network(this.#clock, random, () => conditions);
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random,
      network: this.network,
      address: SERVER,
      directory,
      commit: 10,
      failing: 0.01,
      overloaded: 0.01,
      requests: (store, now) => this.#requests(store, now),
    });
    this.#server.start();
  }

  #requests(
    store: ConstructorParameters<typeof ForumRequests>[0]["store"],
    now: () => number,
  ): ServiceRequests {
    const none = () => ({ error: "no files here" });
    const requests = new ForumRequests({
      store,
      now,
      transfer: { issueUpload: none, issueDownload: none },
      console: (line) => this.console.push(line),
    });
    const clients = new WeakMap<SessionClient, SessionClient>();
    const known = (client: SessionClient): SessionClient => {
      let named = clients.get(client);
      if (named === undefined) {
        const { id, tags } = client;
        const user = this.#users.get(id);
        clients.set(client, named = { id, tags, user, answer: (answer) => client.answer(answer) });
      }
      return named;
    };
    return {
      admits: (client) => requests.admits(known(client)),
      arrived: () => {},
      change: (client, request, bytes) => requests.change(known(client), request, bytes),
      carriedOut: (client, change, special) => requests.carriedOut(known(client), change, special),
      ask: (client, request) => requests.ask(known(client), request),
      forget: () => {},
    };
  }

  #forumOf(user: string): Forum {
    const known = this.#forums.get(user);
    if (known !== undefined) return known;
    const clock = this.#clock, address = { hostname: "10.0.0.2", port: this.#ports++ };
    const session = new ClientSession({
      now: clock.now,
      random: this.#random.bytes,
      setTimer: clock.setTimer,
      timeout: LONGEST,
      send: (datagram) => this.network.send(datagram, address, SERVER),
    });
    this.network.bind(address, (datagram) => session.received(datagram));
    this.#users.set(session.state.id, user);
    const forum = new Forum(session, SERVER, { wait: LONGEST });
    this.#forums.set(user, forum);
    return forum;
  }

  /** What the user is told of what he types. The server may be killed meanwhile. */
  async say(user: string, line: string): Promise<string[]> {
    const typed = parseCommand(line);
    if (typeof typed === "string") return [typed];
    if (this.#random.chance(0.3)) this.#kill(this.#random.fraction() * 100);
    const told: string[] = [];
    let over = false, failure: unknown;
    const speak = async () => {
      for await (const what of perform(this.#forumOf(user), typed)) {
        told.push(typeof what === "string" ? what : entryText(what));
      }
    };
    speak().catch((error) => {
      if (error instanceof CommandFailed) told.push(error.message);
      else failure = error;
    }).finally(() => over = true);
    assert(await this.#clock.until(() => over, LONGEST), `no answer to ${line}`);
    if (failure !== undefined) throw failure;
    return told;
  }

  #kill(after: number) {
    this.#clock.setTimer(after, () => {
      if (!this.#server.running) return;
      this.kills++;
      this.#server.kill();
      this.#clock.setTimer(this.#random.fraction() * 2000, () => this.#server.start());
    });
  }

  async end() {
    await this.#clock.until(() => this.#server.running, 10_000);
    this.#server.kill();
  }
}

/** A directory that costs no disk, where there is one. */
async function temporaryDirectory(): Promise<string> {
  const options = { prefix: "parley-simulation-" };
  return await Deno.makeTempDir({ ...options, dir: "/dev/shm" }).catch(() => Deno.makeTempDir(options));
}

async function simulate(
  seed: number,
  use: (forum: SimulatedForum) => Promise<void>,
): Promise<[Counts, number]> {
  const directory = await temporaryDirectory();
  const forum = new SimulatedForum(seed, directory);
  try {
    await use(forum);
  } catch (error) {
    throw new Error(`PARLEY_SEED=${seed} fails again`, { cause: error });
  } finally {
    await forum.end();
    await Deno.remove(directory, { recursive: true });
  }
  return [forum.network.counts, forum.kills];
}

function seeds(): number[] {
  const asked = Deno.env.get("PARLEY_SEED");
  if (asked !== undefined) return [Number(asked)];
  const count = Deno.env.get("PARLEY_FAULTS") === "full" ? 100 : 4;
  return [...Array(count).keys(), crypto.getRandomValues(new Uint32Array(1))[0]!];
}

for (const [name, transcript] of Object.entries(TRANSCRIPTS)) {
  Deno.test(`on a bad network, whose server is killed: ${name}`, async () => {
    for (const seed of seeds()) {
      await simulate(seed, async (forum) => {
        for (const { user, typed, told } of exchanges(transcript)) {
          assertEquals(await forum.say(user, typed), told, `${user}> ${typed}`);
        }
      });
    }
  });
}

Deno.test("a thread of many pages and a text of many datagrams are read whole on a bad network", async () => {
  const long = "Ω✓ and so on ".repeat(800).trim();
  for (const seed of seeds()) {
    const [counts, kills] = await simulate(seed, async (forum) => {
      await forum.say("yoda", "CRT a");
      const lines: string[] = [];
      for (let i = 1; i <= 150; i++) {
        const text = i % 40 === 0 ? `${i} ${long}` : `${i}`;
        assertEquals(await forum.say("yoda", `MSG a ${text}`), ["Message posted to a thread"]);
        lines.push(`${i} yoda: ${text}`);
      }
      assertEquals(await forum.say("hans", "RDT a"), lines);
      assertEquals(await forum.say("yoda", `EDT a 40 better ${long}`), ["The message has been edited"]);
      lines[39] = `40 yoda: better ${long}`;
      assertEquals(await forum.say("hans", "RDT a"), lines);
    });
    // else it would prove less than it says
    assert(counts.lost > 50 && counts.repeated > 50 && counts.reordered > 50 && kills > 5);
  }
});
