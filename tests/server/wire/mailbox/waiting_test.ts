/** Those who wait for one mailbox, as they see it. session.md section 7. */

import { assertEquals } from "@std/assert";
import { decodeServiceAnswer } from "../../../../protocol/session/service_requests.ts";
import { decodeAnswers, encodeRequests } from "../../../../protocol/session.ts";
import { Mailboxes } from "../../../../server/service/mailboxes.ts";
import { MailboxRequests } from "../../../../server/wire/session/mailbox/mailbox_requests.ts";
import { SessionWire } from "../../../../server/wire/session/session_wire.ts";
import { SessionStartTimes } from "../../../../server/wire/session/start_times.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";

/** A server on a real store, whose clock stands until it is moved, and whose store answers when it is told to. */
class World implements Disposable {
  clock = 0;
  readonly clients = new Map<number, Client>();
  readonly service: SessionWire<{ hostname: string; port: number }>;
  readonly #mailboxes: Mailboxes;
  readonly #outcomes: (() => void)[] = [];
  readonly #engine: BatchEngine;
  #timer = () => {};
  #random = 0;

  constructor() {
    const clock = () => this.clock,
      random = (bytes: number) => new Uint8Array(bytes).fill(++this.#random);
    this.#engine = new BatchEngine({
      directory: undefined,
      limits: DEFAULT_LIMITS,
      wallClock: clock,
      monotonicClock: clock,
      random,
      onEvent: (event) => {
        if (event.kind === "ready") this.#outcomes.push(() => this.#mailboxes.ready(event.mailbox));
      },
    });
    const apply = (request: StoreRequest) => this.#engine.apply([request]).outcomes[0] as never;
    const store = {
      submit: (request: StoreRequest, done: (outcome: never) => void) => {
        this.#outcomes.push(() => {
          const outcome = apply(request);
          this.#outcomes.push(() => done(outcome));
        });
        return true;
      },
      gather: (source: { take(): StoreRequest | undefined; settle(outcome: never): void }) => {
        this.#outcomes.push(() => {
          const request = source.take();
          if (request !== undefined) source.settle(apply(request));
        });
        return true;
      },
    } as never;
    const mailboxes = this.#mailboxes = new Mailboxes({ store, wallClock: clock });
    this.service = new SessionWire({
      startTimes: new SessionStartTimes(0, clock),
      store,
      handler: new MailboxRequests({ store, mailboxes, monotonicClock: clock }),
      send: (datagram, { port }) => this.clients.get(port)!.hear(datagram),
      wallClock: clock,
      monotonicClock: clock,
      random,
      setTimer: (_, callback) => {
        this.#timer = callback;
        return () => {};
      },
    });
  }

  /** Does the next thing that the store has to do, or tells what came of it. */
  step() {
    this.#outcomes.shift()?.();
  }

  /** Does everything that there is to do. */
  async settle() {
    do {
      while (this.#outcomes.length > 0) this.step();
      await Promise.resolve();
    } while (this.#outcomes.length > 0);
  }

  async pass(ms: number) {
    for (const end = this.clock + ms; this.clock < end;) {
      this.clock += 100;
      this.#engine.tick();
      this.#timer();
      await this.settle();
    }
  }

  async client(): Promise<Client> {
    const client = new Client(this, this.clients.size);
    this.clients.set(client.port, client);
    client.say();
    await this.settle();
    return client;
  }

  /** One who waits for bob's messages, under tag 1. */
  async waiting(): Promise<Client> {
    const client = await this.client();
    assertEquals(await client.ask("lease,1,bob,1,30000,60000"), ["pending,1"]);
    return client;
  }

  [Symbol.dispose]() {
    this.#engine.close();
  }
}

class Client {
  readonly #world: World;
  #startId = "";
  #cookie = "";
  #heard: string[] = [];
  /** Of the last lease. */
  token = "";

  constructor(world: World, readonly port: number) {
    this.#world = world;
  }

  get #session(): string {
    return `${this.port}`.padStart(22, "A");
  }

  say(...lines: string[]) {
    const header = { session: this.#session, startId: this.#startId, cookie: this.#cookie, low: 1 };
    this.#world.service.received(encodeRequests(header, lines), { hostname: "192.0.2.1", port: this.port });
  }

  hear(datagram: Uint8Array) {
    const { header: { startId, cookie } } = decodeAnswers(datagram, decodeServiceAnswer)!;
    this.#startId = startId;
    this.#cookie = cookie || this.#cookie;
    const lines = new TextDecoder().decode(datagram).split("\n").slice(1);
    this.#heard.push(...lines);
    for (const line of lines) this.token = /^msg,\d+,\d+,\d+,(\w+),/.exec(line)?.[1] ?? this.token;
  }

  /** What the server has said since it was asked last; of messages, what is not the same each time. */
  heard(): string[] {
    return this.#heard.splice(0).map((line) =>
      line.replace(/^(msg,\d+,\d+,\d+),\w+,(\d+),(\d+),.*,(.*)$/, "$1 attempt $3: $4")
    );
  }

  async ask(...lines: string[]): Promise<string[]> {
    this.say(...lines);
    await this.#world.settle();
    return this.heard();
  }

  /** Confirms what it got under tag 1. */
  async got() {
    assertEquals(await this.ask("got,1"), ["got,1"]);
  }
}

/** Has alice put these messages, numbered from `n`. */
async function put(world: World, n: number, ...texts: string[]) {
  const alice = world.clients.get(0) ?? await world.client();
  await alice.ask(...texts.map((text, i) => `put,${n + i},bob,alice,,,${text}`));
}

/** A world in which alice is client 0. */
async function open(): Promise<World> {
  const world = new World();
  await put(world, 1);
  return world;
}

// session.md 7.4, 7.6
Deno.test("a dead receiver's message goes to the next one after 1 s, and no later message before it", async () => {
  using world = await open();
  const dead = await world.waiting(), next = await world.waiting();
  await put(world, 1, "one", "two");
  assertEquals([dead.heard(), next.heard()], [["msg,1,1,1 attempt 1: one"], []]);
  // it comes once more, and the others are asked whether they are there
  await world.pass(200);
  assertEquals([dead.heard(), next.heard()], [["msg,1,1,1 attempt 1: one"], ["pending,1"]]);
  assertEquals(await next.ask("lease,1,bob,1,30000,59800"), ["pending,1"]);
  await world.pass(700);
  assertEquals([dead.heard(), next.heard()], [["msg,1,1,1 attempt 1: one"], []]);
  await world.pass(100);
  assertEquals([dead.heard(), next.heard()], [[], ["msg,1,1,1 attempt 1: one"]]);
  await next.got();
  assertEquals(await next.ask("lease,2,bob,1,30000,60000"), ["msg,2,1,1 attempt 1: two"]);
  // it is not waited for any more
  assertEquals(dead.heard(), []);
});

// session.md 7.4
Deno.test("a message goes to the next receiver as soon as the one before it is confirmed", async () => {
  using world = await open();
  const receivers = [await world.waiting(), await world.waiting(), await world.waiting()];
  await put(world, 1, "1", "2", "3");
  for (const [i, receiver] of receivers.entries()) {
    const heard = receivers.map((each) => each.heard().length);
    assertEquals(heard, receivers.map((_, other) => other === i ? 1 : 0));
    await receiver.got();
  }
});

// session.md 7.7
Deno.test("a mailbox is blocked for 1 s, however many of its receivers are dead", async () => {
  using world = await open();
  for (let i = 0; i < 10; i++) await world.waiting();
  const living = await world.waiting();
  await world.waiting();
  await put(world, 1, "one");
  await world.pass(200);
  assertEquals(living.heard(), ["pending,1"]);
  await living.ask("lease,1,bob,1,30000,59800");
  await world.pass(800);
  assertEquals(living.heard(), ["msg,1,1,1 attempt 1: one"]);
});

// session.md 7.6
Deno.test("a session that waits often, and confirms nothing while it speaks, holds up a mailbox for 1 s", async () => {
  using world = await open();
  const greedy = await world.client(), living = await world.client();
  for (let t = 1; t <= 5; t++) {
    assertEquals(await greedy.ask(`lease,${t},bob,1,30000,60000`), [`pending,${t}`]);
  }
  assertEquals(await living.ask("lease,1,bob,1,30000,60000"), ["pending,1"]);
  await put(world, 1, "one");
  await world.pass(200);
  assertEquals(living.heard(), ["pending,1"]);
  await living.ask("lease,1,bob,1,30000,59800");
  await greedy.ask();
  await world.pass(800);
  assertEquals(living.heard(), ["msg,1,1,1 attempt 1: one"]);
});

// session.md 7.7
Deno.test("a receiver that has not refreshed its wait has its turn behind those that have", async () => {
  using world = await open();
  const dead = await world.waiting(), living = await world.waiting();
  await world.pass(5000);
  await living.ask("lease,1,bob,1,30000,55000");
  await world.pass(2000);
  await put(world, 1, "one");
  assertEquals([dead.heard(), living.heard()], [[], ["msg,1,1,1 attempt 1: one"]]);
});

Deno.test("a receiver that leaves while another one begins to wait takes nothing from it", async () => {
  using world = await open();
  const first = await world.waiting(), second = await world.client();
  // the store has looked for its session
  await second.ask("stat,9,bob");
  second.say("lease,1,bob,1,30000,60000");
  assertEquals(await first.ask("cancel,1"), ["none,1"]);
  assertEquals(second.heard(), ["pending,1"]);
  await put(world, 1, "one");
  assertEquals(second.heard(), ["msg,1,1,1 attempt 1: one"]);
});

// session.md 6.4
Deno.test("a receiver without others behind it has 5 s to confirm its lease", async () => {
  using world = await open();
  const slow = await world.waiting();
  await put(world, 1, "one");
  await world.pass(4900);
  assertEquals(slow.heard().length, 5);
  await slow.got();
  await world.pass(10_000);
  assertEquals(slow.heard(), []);
  assertEquals(await slow.ask("lease,2,bob,1,30000,0"), ["none,2"]);
});

// session.md 7.4
Deno.test("a receiver without a wait still waits for a message that another may not have received", async () => {
  using world = await open();
  const receiver = await world.waiting(), other = await world.client();
  await put(world, 1, "one");
  assertEquals(receiver.heard(), ["msg,1,1,1 attempt 1: one"]);
  assertEquals(await other.ask("lease,5,bob,1,30000,0"), ["pending,5"]);
  await receiver.got();
  assertEquals(other.heard(), ["none,5"]);
  assertEquals(await other.ask("lease,6,bob,1,30000,0"), ["none,6"]);
  // a dead one loses it to the one who asks, and who waits after that is told of what comes
  assertEquals(await receiver.ask("lease,2,bob,1,30000,60000"), ["pending,2"]);
  await put(world, 2, "two");
  assertEquals(await other.ask("lease,7,bob,1,30000,0"), ["pending,7"]);
  await world.pass(1000);
  assertEquals(other.heard(), ["pending,7", "msg,7,1,1 attempt 1: two"]);
});

Deno.test("a wait that is withdrawn while a message is looked for delays it for nobody", async () => {
  using world = await open();
  const leaving = await world.waiting(), next = await world.waiting();
  world.clients.get(0)!.say("put,1,bob,alice,,,one");
  // until the store has given the message to the one who leaves, and has not said so
  for (let steps = 0; steps < 3; steps++) world.step();
  leaving.say("cancel,1");
  await world.settle();
  assertEquals([leaving.heard(), next.heard()], [["none,1"], ["msg,1,1,1 attempt 1: one"]]);
});

// session.md 7.3, 7.4
Deno.test("what a receiver releases comes to the next one before any later message", async () => {
  using world = await open();
  const leaving = await world.waiting(), next = await world.waiting();
  await put(world, 1, "one", "two");
  assertEquals([leaving.heard(), next.heard()], [["msg,1,1,1 attempt 1: one"], []]);
  assertEquals(await leaving.ask(`back,1,${leaving.token},1`), ["ok,1"]);
  assertEquals(next.heard(), ["msg,1,1,1 attempt 1: one"]);
});

// session.md 7.3, 7.4
Deno.test("a release whose turn has not come yet lets no later message pass", async () => {
  using world = await open();
  const leaving = await world.waiting(), next = await world.waiting();
  await put(world, 1, "one", "two");
  assertEquals([leaving.heard(), next.heard()], [["msg,1,1,1 attempt 1: one"], []]);
  assertEquals(await leaving.ask(`back,2,${leaving.token},1`), ["have,2"]);
  assertEquals(next.heard(), []);
  assertEquals(await leaving.ask("put,1,carol,alice,,,three"), ["ok,1-2"]);
  assertEquals(next.heard(), ["msg,1,1,1 attempt 1: one"]);
});

Deno.test("messages that a session had not confirmed when it left go to the next receiver at once", async () => {
  using world = await open();
  const leaving = await world.waiting(), next = await world.waiting();
  await put(world, 1, "one");
  assertEquals(leaving.heard(), ["msg,1,1,1 attempt 1: one"]);
  assertEquals(await leaving.ask("cancel,1"), ["none,1"]);
  assertEquals(next.heard(), ["msg,1,1,1 attempt 1: one"]);
});
