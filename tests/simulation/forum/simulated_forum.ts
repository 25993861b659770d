/**
 * A forum on a bad network, in simulated time.
 *
 * @module
 */

import { assert } from "@std/assert";
import { Forum as ForumClient } from "../../../client/forum.ts";
import { CommandFailedError, entryText, runCommand } from "../../../client/command/forum/commands.ts";
import { ClientSeal } from "../../../client/session/seal/seal.ts";
import { Session } from "../../../client/session/session.ts";
import { LoginError } from "../../../client/session/errors.ts";
import { decodeForumAnswer } from "../../../protocol/forum.ts";
import { parseCommand } from "../../../protocol/forum/forum_text.ts";
import { isSealDatagram } from "../../../protocol/seal.ts";
import { MAX_SESSION_DATAGRAM_BYTES } from "../../../protocol/session.ts";
import { Forum } from "../../../server/service/forum.ts";
import { ForumRequests } from "../../../server/wire/session/forum/forum_requests.ts";
import { fastSalt } from "../account.ts";
import { Clock } from "../clock.ts";
import { type Address, type Conditions, Network } from "../network.ts";
import { Random } from "../random.ts";
import { SimulatedServer } from "../server.ts";

const SERVER: Address = { hostname: "10.0.0.1", port: 10005 };

/** The time that any command takes at most, in milliseconds, whatever happens to the network and the server. */
const LONGEST = 120_000;

/** A forum on a bad network, whose server is killed. Its users log in, with new accounts. */
export class SimulatedForum {
  readonly network: Network;
  readonly console: string[] = [];
  kills = 0;
  /** Bytes of the longest datagram. */
  longest = 0;
  readonly #clock = new Clock(1_700_000_000_000);
  readonly #random: Random;
  readonly #server: SimulatedServer;
  readonly #forums = new Map<string, Promise<ForumClient>>();
  #ports = 1000;
  /** Restarts that a client still counts, at the time of the last one. */
  #restarts = 0;
  #killedAt = 0;

  constructor(seed: number, directory: string) {
    const random = this.#random = new Random(seed);
    const conditions: Conditions = { loss: 0.2, repeated: 0.2, reordered: 0.3, late: 200, delay: [1, 20] };
    const network = this.network = new Network(this.#clock, random, () => conditions);
    const send = network.send.bind(network);
    network.send = (datagram, from, to) => {
      // nothing of it is to be read on the way
      assert(isSealDatagram(datagram));
      this.longest = Math.max(this.longest, datagram.length);
      send(datagram, from, to);
    };
    const none = () => Promise.reject(new Error("no files here"));
    const files = {
      begin: none,
      read: none,
      remove: none,
      refuses: () => "no files here",
      path: () => "",
      damaged: new Set<string>(),
    };
    this.#server = new SimulatedServer({
      clock: this.#clock,
      random,
      network,
      address: SERVER,
      directory,
      commit: 10,
      failing: 0.01,
      overloaded: 0.01,
      oneSession: true,
      handler: (store, wallClock) =>
        new ForumRequests(
          new Forum({
            store: { submit: store.submit.bind(store), ask: none },
            files,
            wallClock,
            monotonicClock: wallClock,
            random: (bytes) => random.bytes(bytes),
          }),
          (line) => this.console.push(line),
        ),
    });
    this.#server.start();
  }

  /** The forum as this user sees it. */
  of(user: string): Promise<ForumClient> {
    let forum = this.#forums.get(user);
    if (forum === undefined) this.#forums.set(user, forum = this.#enter(user));
    return forum;
  }

  /** Logs in; again where the disk would not take the account, which is the user's to try again. */
  async #enter(user: string): Promise<ForumClient> {
    for (;;) {
      try {
        return await this.#connect(user);
      } catch (error) {
        if (!(error instanceof LoginError && error.message.endsWith("cannot write to disk"))) throw error;
      }
    }
  }

  async #connect(user: string): Promise<ForumClient> {
    const clock = this.#clock, address = { hostname: "10.0.0.2", port: this.#ports++ };
    const environment = {
      monotonicClock: clock.now,
      random: this.#random.bytes,
      setTimer: clock.setTimer,
      timeout: LONGEST,
      send: (datagram: Uint8Array<ArrayBuffer>) => this.network.send(datagram, address, SERVER),
    };
    const session = new Session(
      { ...environment, send: (datagram) => seal.send(datagram) },
      decodeForumAnswer,
    );
    const trust = { trust() {}, trusted() {} };
    const seal: ClientSeal = new ClientSeal(
      { ...environment, ...trust, service: "mailbox", saltPassword: fastSalt, keepAlive: true },
      { name: user, password: user, make: true },
      session,
    );
    this.network.bind(address, (datagram) => seal.received(datagram));
    await seal.open(session.state.id);
    return new ForumClient(session, SERVER, LONGEST);
  }

  /** What the user is told of what he types. The server may be killed meanwhile. */
  async say(user: string, line: string): Promise<string[]> {
    const typed = parseCommand(line);
    if (typeof typed === "string") return [typed];
    if (this.#random.chance(0.3)) this.#kill(this.#random.fraction() * 100);
    const told: string[] = [];
    const speak = async () => {
      for await (const what of runCommand(await this.of(user), typed)) {
        told.push(typeof what === "string" ? what : entryText(what));
      }
    };
    const spoken = speak().catch((error) => {
      if (!(error instanceof CommandFailedError)) throw error;
      told.push(error.message);
    });
    await this.run(spoken, LONGEST, `no answer to ${line}`);
    return told;
  }

  /** Lets time pass until this is settled, for at most so many milliseconds. */
  async run(settling: Promise<unknown>, msMax: number, late: string) {
    let over = false;
    settling.catch(() => {}).finally(() => over = true);
    assert(await this.#clock.until(() => over, msMax), late);
    await settling;
  }

  /**
   * Kills the server, unless a client might give it up: 16 restarts without progress, of which one is forgotten every
   * 4 s (session.md 9.7).
   */
  #kill(after: number) {
    this.#clock.setTimer(after, () => {
      const now = this.#clock.now();
      this.#restarts = Math.max(0, this.#restarts - (now - this.#killedAt) / 4000);
      this.#killedAt = now;
      if (!this.#server.running || this.#restarts > 14) return;
      this.#restarts++;
      this.kills++;
      this.#server.kill();
      this.#clock.setTimer(this.#random.fraction() * 2000, () => this.#server.start());
    });
  }

  async end() {
    await this.#clock.until(() => this.#server.running, 10_000);
    this.#server.kill();
    assert(this.longest <= MAX_SESSION_DATAGRAM_BYTES, `a datagram of ${this.longest} bytes`);
  }
}

export async function simulate(
  seed: number,
  use: (forum: SimulatedForum) => Promise<void>,
): Promise<SimulatedForum> {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-simulation-" });
  const forum = new SimulatedForum(seed, directory);
  try {
    await use(forum);
  } catch (error) {
    throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
  } finally {
    await forum.end();
    await Deno.remove(directory, { recursive: true });
  }
  return forum;
}

export function seeds(): number[] {
  const asked = Deno.env.get("WIREPOST_SEED");
  if (asked !== undefined) return [Number(asked)];
  const count = Deno.env.get("WIREPOST_FAULTS") === "full" ? 100 : 4;
  return [...Array(count).keys(), crypto.getRandomValues(new Uint32Array(1))[0]!];
}
