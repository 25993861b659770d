/** What floods of sessions leave to other clients. */

import { assertEquals } from "@std/assert";
import { MailboxSession } from "../../client/mailbox/mailbox_session.ts";
import { ClientSeal } from "../../client/session/seal/seal.ts";
import { ACCOUNT, fastSalt, makeAccount } from "./account.ts";
import { Clock } from "./clock.ts";
import { type Address, Network, PERFECT } from "./network.ts";
import { Random } from "./random.ts";
import { SimulatedServer, type SimulatedServerOptions } from "./server.ts";

const SERVER: Address = { hostname: "10.0.0.1", port: 21001 };
const STRANGER = "192.0.2.1", OTHER = "192.0.2.2";

/** A session that is written by hand. */
interface Written {
  id: string;
  startId: string;
  cookie: string;
}

class World implements AsyncDisposable {
  readonly clock = new Clock(1_700_000_000_000);
  readonly random = new Random(1);
  readonly network = new Network(this.clock, this.random, () => PERFECT);
  readonly server: SimulatedServer;
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-flood-" });
  #names = 0;
  #ports = 1000;

  constructor(options: Partial<SimulatedServerOptions> = {}) {
    const { clock, random, network } = this, directory = this.#directory;
    const calm = { commit: 1, failing: 0, overloaded: 0 };
    this.server = new SimulatedServer({
      clock,
      random,
      network,
      address: SERVER,
      directory,
      ...calm,
      ...options,
    });
  }

  static async make(options: Partial<SimulatedServerOptions> = {}): Promise<World> {
    const world = new World(options);
    await world.server.start();
    world.server.ask(makeAccount(ACCOUNT));
    await world.restart();
    return world;
  }

  async restart() {
    this.server.kill();
    await this.server.start();
  }

  /** Sends from a port of this address. Gives all datagrams that came back. */
  from(hostname: string): (text: string) => Promise<string[]> {
    const from = { hostname, port: this.#ports++ };
    let received: string[] = [];
    this.network.bind(from, (datagram) => void received.push(new TextDecoder().decode(datagram)));
    return async (text) => {
      received = [];
      this.network.send(new TextEncoder().encode(text), from, SERVER);
      await this.clock.run(50);
      return received;
    };
  }

  /** Begins `count` sessions at an address, each with this request. */
  async begin(
    hostname: string,
    count: number,
    request: string,
  ): Promise<{ all: Written[]; answers: string[] }> {
    const all: Written[] = [], answers: string[] = [];
    for (let done = 0; done < count; done += 500) {
      const ids = Array.from(
        { length: Math.min(500, count - done) },
        () => `s${this.#names++}`.padEnd(22, "_"),
      );
      const from = { hostname, port: this.#ports++ };
      const receive = (datagram: Uint8Array) => {
        const text = new TextDecoder().decode(datagram);
        const [, id = "", startId = "", cookie = ""] = text.split("\n")[0]!.split(" ");
        if (cookie === "-") return void answers.push(text.slice(text.indexOf("\n") + 1));
        all.push({ id, startId, cookie });
        this.network.send(
          new TextEncoder().encode(`P1> ${id} ${startId} ${cookie} 1${request}`),
          from,
          SERVER,
        );
      };
      const unbind = this.network.bind(from, receive);
      for (const id of ids) this.network.send(new TextEncoder().encode(`P1> ${id} - - 1`), from, SERVER);
      await this.clock.run(50);
      unbind();
    }
    return { all, answers };
  }

  /** Puts a message through a client of its own, which may log in. Gives what became of it. */
  async put(hostname: string, text: string, isSealed = false): Promise<string> {
    const from = { hostname, port: this.#ports++ }, { clock, random, network } = this;
    const send = (datagram: Uint8Array<ArrayBuffer>) => network.send(datagram, from, SERVER);
    const environment = { monotonicClock: clock.now, setTimer: clock.setTimer, random: random.bytes, send };
    let seal: ClientSeal | undefined;
    const session = new MailboxSession({
      ...environment,
      send: (datagram) => seal === undefined ? send(datagram) : seal.send(datagram),
    });
    if (isSealed) {
      const trust = { service: "mailbox", trust() {}, trusted() {}, saltPassword: fastSalt };
      seal = new ClientSeal({ ...environment, ...trust }, { ...ACCOUNT }, session);
    }
    const unbind = network.bind(from, (datagram) => (seal ?? session).received(datagram));
    let result = "no outcome";
    (async () => {
      await seal?.open(session.state.id);
      await session.put({ receiver: "bob", sender: isSealed ? ACCOUNT.name : "al", text });
      result = "stored";
    })().catch((error) => result = error.name);
    await clock.until(() => result !== "no outcome", 5000);
    session.close(0);
    unbind();
    return result;
  }

  get messages(): number {
    return (this.server.ask({ kind: "count" }) as { messages: number }).messages;
  }

  async [Symbol.asyncDispose]() {
    this.server.kill();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

const PUT = "\nput,1,bob,mallory,,,spam";

// session.md 10.2
Deno.test("10,000 sessions of one address with one put each keep nobody out, also after a restart", async () => {
  await using world = await World.make();
  const { all, answers } = await world.begin(STRANGER, 10_050, PUT);
  assertEquals([all.length, answers.filter((answer) => answer === "ok,1").length], [10_050, 10_050]);
  for (const start of ["first", "second"]) {
    // behind the same address, elsewhere, and as the owner of an account
    assertEquals(await world.put(STRANGER, start), "stored");
    assertEquals(await world.put(OTHER, start), "stored");
    assertEquals(await world.put(STRANGER, start, true), "stored");
    await world.restart();
  }
  assertEquals(world.messages, 10_056);
});

// session.md 10.2
Deno.test("10,050 sessions without a request keep nobody out", async () => {
  await using world = await World.make();
  const { answers } = await world.begin(STRANGER, 10_050, "");
  assertEquals(answers.filter((answer) => answer.includes("busy")), []);
  assertEquals(await world.put(STRANGER, "1"), "stored");
  assertEquals(await world.put(STRANGER, "2", true), "stored");
});

// session.md 10.2
Deno.test("if one address takes all sessions, its oldest ones make room for others", async () => {
  const limits = { all: 20, ofNetwork: 1000, ofAccount: 10 };
  await using world = await World.make({ kept: limits, sessions: limits });
  const { all: [other] } = await world.begin(OTHER, 1, PUT);
  await world.begin(STRANGER, 20, PUT);
  await world.begin(STRANGER, 20, PUT);
  for (let i = 0; i < 5; i++) assertEquals(await world.put(`192.0.3.${i}`, `${i}`), "stored");
  for (let i = 0; i < 5; i++) assertEquals(await world.put(STRANGER, `${i}`, true), "stored");
  // a network with one session has kept it
  assertEquals((await knock(world.from(OTHER), other!)).last, "ok,1");
});

/** Goes on with a session at another address: its cookie there, and the answer to its first put. */
async function knock(ask: (text: string) => Promise<string[]>, { id, cookie }: Written) {
  const [challenge = ""] = await ask(`P1> ${id} - ${cookie} 1${PUT}`);
  const [, startId = "", right = ""] = /^P1< \S+ (\w{8}) (\w{28}) 0$/.exec(challenge)!;
  const [answer = ""] = await ask(`P1> ${id} ${startId} ${right} 1${PUT}`);
  return { startTime: right.slice(0, 12), last: answer.slice(answer.indexOf("\n") + 1) };
}

// session.md 8.9
Deno.test("a session that made room learns that its outcome is unknown, though its low is 1", async () => {
  const limits = { all: 2, ofNetwork: 2, ofAccount: 2 };
  await using world = await World.make({ kept: limits, sessions: limits });
  const { all: [first], answers } = await world.begin(STRANGER, 1, PUT);
  assertEquals(answers, ["ok,1"]);
  await world.begin(STRANGER, 2, PUT);
  const startTime = first!.cookie.slice(0, 12);
  for (let start = 0; start < 2; start++) {
    assertEquals(await knock(world.from(STRANGER), first!), { startTime, last: "unknown" });
    assertEquals(await knock(world.from(OTHER), first!), { startTime, last: "unknown" });
    await world.restart();
  }
  assertEquals(world.messages, 3);
});

// session.md 4.8
Deno.test("a clock that is set back lets new sessions begin, whether or not the server is started anew", async () => {
  const limits = { all: 2, ofNetwork: 2, ofAccount: 2 };
  await using world = await World.make({ kept: limits, sessions: limits });
  await world.begin(STRANGER, 2, PUT);
  for (let start = 0; start < 2; start++) {
    world.server.clockSet -= 86_400_000;
    for (let i = 0; i < 5; i++) assertEquals(await world.put(STRANGER, `${start} ${i}`), "stored");
    await world.restart();
  }
  assertEquals(world.messages, 12);
});

// session.md 4.10
Deno.test("a session with a start time in the future makes no other session unknown", async () => {
  const limits = { all: 2, ofNetwork: 2, ofAccount: 2 };
  await using world = await World.make({ kept: limits, sessions: limits });
  const liar = { id: "A".repeat(22), startId: "-", cookie: "f".repeat(28) };
  assertEquals(await knock(world.from(STRANGER), liar), { startTime: "f".repeat(12), last: "unknown" });
  for (let i = 0; i < 5; i++) assertEquals(await world.put(OTHER, `${i}`), "stored");
});

/** The cookie of an answer, `-` for none, and its last line. */
function answered([answer = ""]: string[]) {
  const [header = "", ...lines] = answer.split("\n");
  return { cookie: header.split(" ")[3]!, last: lines.at(-1) };
}

// session.md 4.7
Deno.test("a cookie proves its address for its minute and the next, and a client goes on with a new one", async () => {
  await using world = await World.make();
  const ask = world.from(STRANGER), id = "A".repeat(22);
  const [, , startId = "", first = ""] = (await ask(`P1> ${id} - - 1`))[0]!.split(" ");
  const say = async (cookie: string, lines: string) =>
    answered(await ask(`P1> ${id} ${startId} ${cookie} ${lines}`));
  await world.clock.run(60_000);
  assertEquals(await say(first, "1\nput,1,bob,mallory,,,one"), { cookie: "-", last: "ok,1" });
  // the server knows the session at its address: the cookie is not looked at
  for (let i = 0; i < 6; i++) {
    await world.clock.run(30_000);
    assertEquals(await say(first, "2"), { cookie: "-", last: undefined });
  }
  // it was silent, and memory has forgotten it; the store has not
  await world.clock.run(121_000);
  const { cookie, last } = await say(first, "2\nput,2,bob,mallory,,,two");
  assertEquals([cookie.slice(0, 12), last], [first.slice(0, 12), undefined]);
  assertEquals(cookie === first, false);
  assertEquals(await say(cookie, "2\nput,2,bob,mallory,,,two"), { cookie: "-", last: "ok,2" });
  assertEquals(world.messages, 2);
});

// session.md 4.7
Deno.test("a cookie of two minutes ago begins nothing", async () => {
  await using world = await World.make();
  const ask = world.from(STRANGER);
  const id = "B".repeat(22), [, , startId = "", old = ""] = (await ask(`P1> ${id} - - 1`))[0]!.split(" ");
  await world.clock.run(121_000);
  const { cookie, last } = answered(await ask(`P1> ${id} ${startId} ${old} 1${PUT}`));
  assertEquals([cookie.slice(0, 12), last, world.messages], [old.slice(0, 12), undefined, 0]);
  assertEquals(answered(await ask(`P1> ${id} ${startId} ${cookie} 1${PUT}`)).last, "ok,1");
});
