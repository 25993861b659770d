import { assert, assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { encodeFrames, FRAME_BYTES } from "../../../protocol/syntax/frame.ts";
import { ConnectionSlots, DEFAULT_CONNECTION_LIMITS } from "../../../server/net/connection_slots.ts";
import { FairScheduler, SelfConnection, SocketPolling, TurnQueue } from "../../../server/net/fairness.ts";
import type { StreamSocket } from "../../../server/net/listener.ts";
import { DEFAULT_SEND_LIMITS } from "../../../server/net/send_queue.ts";
import { PendingTotal } from "../../../server/quota/pending.ts";
import { Log } from "../../../server/report/log.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../server/service/hub/history.ts";
import { Hub } from "../../../server/service/hub/hub.ts";
import { ChannelsWire } from "../../../server/wire/hub/channels.ts";
import { Clock } from "../../simulation/clock.ts";
import { FramePeer } from "../../stream.ts";

Deno.test("a byte passes the connection again and again, and nothing waits once it is closed", async () => {
  const connection = await SelfConnection.open();
  try {
    for (let i = 0; i < 3; i++) await connection.roundTrip();
  } finally {
    const passing = connection.roundTrip();
    connection.close();
    await passing;
  }
  await connection.roundTrip();
});

// channels.md 5.5
Deno.test("every 2 ms a poll of the sockets is due, and everybody waits for the same one", async () => {
  let now = 0, polls = 0;
  const { promise: polled, resolve } = Promise.withResolvers<void>();
  const connection = {
    roundTrip() {
      polls++;
      return polled;
    },
    close() {},
  };
  const polling = new SocketPolling({ connection, monotonicClock: () => now });
  now = 1;
  assertEquals(polling.due, undefined);
  now = 2;
  const next = polling.due;
  assert(next !== undefined && polling.due === next);
  const waited = next.then(() => "waited");
  now = 9;
  assertEquals(await Promise.race([waited, Promise.resolve("waits")]), "waits");
  resolve();
  await next;
  assertEquals([polling.due, polls], [undefined, 1]);
  now = 11;
  assert(polling.due !== undefined);
});

// channels.md 5.5
Deno.test("a crowd that never stops goes on one after the other, and the sockets are polled in between", async () => {
  let now = 0;
  const said: string[] = [];
  const connection = {
    roundTrip() {
      said.push("poll");
      return Promise.resolve();
    },
    close() {},
  };
  const polling = new SocketPolling({ connection, monotonicClock: () => now });
  /** A client whose every read takes as long to work on as the sockets may wait. */
  const work = async (name: string) => {
    for (let i = 0; i < 2; i++) {
      const turn = polling.turn(true);
      if (turn !== undefined) await turn;
      said.push(`${name}${i}`);
      now += 2;
    }
  };
  await Promise.all(["a", "b", "c"].map(work));
  // who comes first has not waited for anybody, nor when it comes again while nobody else waits
  assertEquals(said.join(" "), "a0 poll a1 b0 poll c0 poll b1 poll c1");
});

Deno.test("who has little to do waits for one at most who has much", async () => {
  const connection = { roundTrip: () => Promise.resolve(), close() {} }, said: string[] = [];
  let now = 0;
  const polling = new SocketPolling({ connection, monotonicClock: () => now });
  now = 2;
  const work = async (name: string, isLong: boolean) => {
    await polling.turn(isLong);
    said.push(name);
    if (isLong) now += 2;
  };
  const names = ["first", "a", "b", "c"];
  await Promise.all([...names.map((name) => work(name, true)), work("1", false), work("2", false)]);
  assertEquals(said.join(" "), "first a 1 2 b c");
});

Deno.test("a crowd with little to do is not polled for each of it", async () => {
  let polls = 0;
  const connection = {
    roundTrip() {
      polls++;
      return Promise.resolve();
    },
    close() {},
  };
  let now = 0;
  const polling = new SocketPolling({ connection, monotonicClock: () => now });
  now = 2;
  const turns = Array.from({ length: 1000 }, () => polling.turn());
  // who comes first has not waited for anybody
  assertEquals(turns.indexOf(undefined), 0);
  now = 3;
  await Promise.all(turns);
  assertEquals(polls, 1);
});

/** Most reads of one that never stops while two others exchange twenty messages: 80 are enough, 4,700 if the sockets were not polled. */
const MOST_READS = 1000;

/** A client whose bytes are always there: it creates a channel and speaks there until it is stopped. */
class Flooder {
  reads = 0;
  readonly begun = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<never>();
  readonly #first = [encodeFrames("Flooder"), encodeFrames("/create flood")];
  isStopped = false;

  /** A listener that accepts it once it has begun. */
  get listener(): StreamSocket {
    let accepts = 0;
    const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
    const stream = {
      remoteAddr: addr,
      read: (buffer: Uint8Array) => {
        if (this.isStopped || this.reads > MOST_READS) return Promise.resolve(null);
        buffer.set(this.#first[this.reads++] ?? encodeFrames("hello"));
        return Promise.resolve(FRAME_BYTES);
      },
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      close() {},
    };
    return {
      accept: async () => {
        if (accepts++ > 0) return await this.#closed.promise;
        await this.begun.promise;
        return stream;
      },
      close: () => this.#closed.reject(new Deno.errors.BadResource("closed")),
    };
  }
}

// channels.md 5.5
Deno.test("two who talk don't wait for one who never stops", async () => {
  const flooder = new Flooder(), metrics = new Metrics();
  // each of its reads takes a millisecond
  const wallClock = () => flooder.reads;
  const history = new History(DEFAULT_HISTORY_LIMITS, []);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const polling = new SocketPolling({ connection: await SelfConnection.open(), monotonicClock: wallClock });
  const wire = new ChannelsWire({
    sockets: [listener, flooder.listener],
    hub: new Hub({ maxChannels: 10, history, metrics, wallClock }),
    slots: new ConnectionSlots(DEFAULT_CONNECTION_LIMITS),
    messagesPerSecond: undefined,
    limits: DEFAULT_SEND_LIMITS,
    total: new PendingTotal(Infinity),
    polling,
    metrics,
    log: new Log(() => Promise.resolve()),
    monotonicClock: wallClock,
  });
  const { port } = listener.addr;
  try {
    using alice = await FramePeer.connect(port);
    await alice.send("Alice", "/create tea", "/list");
    assertEquals(await alice.next(), "tea");
    using bob = await FramePeer.connect(port);
    await bob.send("Bob", "/join tea");
    assertEquals(await alice.next(), "Bob has joined");
    flooder.begun.resolve();
    for (let i = 0; i < 10; i++) {
      await alice.send(`${i}`);
      assertEquals(await bob.next(), `[Alice] ${i}`);
      await bob.send(`${i}`);
      assertEquals(await alice.next(), `[Bob] ${i}`);
    }
    const { reads } = flooder;
    assert(reads > 2 && reads < MOST_READS, `the flooder was read ${reads} times`);
  } finally {
    flooder.isStopped = true;
    flooder.begun.resolve();
    await wire.close();
    polling.close();
  }
});

Deno.test("each has a turn of the event loop of its own, in the order in which they came", async () => {
  const turns = new TurnQueue({ due: undefined });
  const done: string[] = [];
  let turn = 0, isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const work = async (name: string) => {
    for (let piece = 0; piece < 3; piece++) {
      await turns.next();
      done.push(`${name}${piece} ${turn}`);
    }
  };
  await Promise.all([work("a"), work("b"), work("c")]);
  isOver = true;
  assertEquals(done.map((line) => line.split(" ")[0]), [
    "a0",
    "b0",
    "c0",
    "a1",
    "b1",
    "c1",
    "a2",
    "b2",
    "c2",
  ]);
  assertEquals(new Set(done.map((line) => line.split(" ")[1])).size, 9, done.join());
  await new Promise((resolve) => setImmediate(resolve));
});

Deno.test("if a poll is due, the sockets are polled before the next piece", async () => {
  const { promise: due, resolve: polled } = Promise.withResolvers<void>();
  const done: string[] = [];
  const polling: { due: Promise<void> | undefined } = { due };
  const turns = new TurnQueue(polling);
  const pieces = ["first", "second"].map((piece) => turns.next().then(() => done.push(piece)));
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(done, []);
  polling.due = undefined;
  polled();
  await Promise.all(pieces);
  assertEquals(done, ["first", "second"]);
});

/** Work that counts half a millisecond of a tenth of the time: one every 5 ms, and 4 at once. */
class Workshop {
  readonly clock = new Clock();
  /** What was done, with the time at which it was. */
  readonly done: string[] = [];
  readonly stale: string[] = [];
  readonly scheduler: FairScheduler;
  /** What the next piece takes, in milliseconds. */
  takes = 0;
  #lost = 0;

  constructor() {
    const { clock } = this;
    const monotonicClock = () => clock.now() + this.#lost;
    this.scheduler = new FairScheduler({
      share: 0.1,
      minTaskMs: 0.5,
      burstMs: 2,
      monotonicClock,
      setTimer: clock.setTimer,
    });
  }

  take(client: string, name: string): boolean {
    return this.scheduler.schedule(client, name, {
      run: () => {
        this.done.push(`${this.clock.now()} ${client} ${name}`);
        this.#lost += this.takes;
      },
      onStale: () => this.stale.push(`${client} ${name}`),
    });
  }
}

// seal.md 2.8
Deno.test("work is done at once while there is time for it, and then at its share of the time", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 6; i++) assert(shop.take("a", `${i}`));
  assertEquals(shop.done, ["0 a 0", "0 a 1", "0 a 2", "0 a 3"]);
  await shop.clock.run(100);
  assertEquals(shop.done.slice(4), ["5 a 4", "10 a 5"]);
  for (let i = 6; i < 12; i++) shop.take("a", `${i}`);
  await shop.clock.run(100);
  assertEquals(shop.done.slice(6), ["100 a 6", "100 a 7", "100 a 8", "100 a 9", "105 a 10", "110 a 11"]);
});

// seal.md 2.9
Deno.test("those client wait take turns, however much one of them asks for", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 8; i++) shop.take("a", `${i}`);
  shop.take("b", "0");
  shop.take("b", "1");
  shop.take("c", "0");
  await shop.clock.run(100);
  assertEquals(shop.done.slice(4).map((line) => line.slice(line.indexOf(" ") + 1)), [
    "a 4",
    "b 0",
    "c 0",
    "a 5",
    "b 1",
    "a 6",
    "a 7",
  ]);
});

// seal.md 2.9
Deno.test("blocks take turns, and in each the networks of it; what is dropped leaves its turn to the next one", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 4; i++) shop.take("10.1.0.1", `${i}`);
  for (let i = 1; i < 5; i++) shop.take(`10.1.0.${i}`, "0");
  shop.take("10.1.0.1", "1");
  shop.take("10.2.0.1", "0");
  shop.take("10.2.0.1", "1");
  shop.take("2001:db8:0:1", "0");
  shop.scheduler.cancel("10.1.0.2", "0");
  shop.scheduler.cancel("10.1.0.2", "0");
  shop.scheduler.cancel("10.3.0.1", "0");
  assertEquals(shop.scheduler.tasks, 7);
  await shop.clock.run(100);
  assertEquals(shop.done.slice(4).map((line) => line.slice(line.indexOf(" ") + 1)), [
    "10.1.0.1 0",
    "10.2.0.1 0",
    "2001:db8:0:1 0",
    "10.1.0.3 0",
    "10.2.0.1 1",
    "10.1.0.4 0",
    "10.1.0.1 1",
  ]);
});

// seal.md 2.8
Deno.test("work that takes longer than the least counts for as long as it takes, up to a hundredth of a second", async () => {
  const shop = new Workshop();
  shop.takes = 2;
  for (let i = 0; i < 3; i++) shop.take("a", `${i}`);
  await shop.clock.run(1000);
  // 2 ms of work want 20 ms of time
  assertEquals(shop.done, ["0 a 0", "3 a 1", "21 a 2"]);
  shop.takes = 3_600_000;
  shop.take("a", "suspended");
  shop.takes = 0;
  shop.take("a", "later");
  await shop.clock.run(100);
  assertEquals(shop.done.at(-1), "1000 a later");
});

// seal.md 2.10
Deno.test("one may have 128 pieces waiting, 1,024 may have one, and all together 8,192 more", async () => {
  const shop = new Workshop();
  for (let i = 0; i < 4; i++) shop.take("a", `${i}`);
  for (let i = 0; i < 128; i++) assert(shop.take("a", `waits ${i}`));
  assert(!shop.take("a", "waits 128"));
  assert(shop.scheduler.isFull("a") && !shop.scheduler.isFull("b"));
  // a client without a waiting task finds a place, however many tasks others have
  for (let i = 1; i < 1024; i++) {
    assert(shop.take(`${i}`, "waits"));
    for (let more = 0; more < 127 && !shop.scheduler.isFull(`${i}`); more++) {
      shop.take(`${i}`, `waits ${more}`);
    }
  }
  assert(!shop.take("1023", "another") && !shop.take("b", "waits"));
  assert(shop.scheduler.isFull("b"));
  assert(
    shop.scheduler.has("1", "waits") && !shop.scheduler.has("1", "other") &&
      !shop.scheduler.has("b", "waits"),
  );
  await shop.clock.run(60_000);
  assertEquals(shop.done.length + shop.stale.length, 4 + 1024 + 8192);
  assert(shop.take("b", "waits"));
});

// seal.md 2.10
Deno.test("work that has waited for ten seconds is not done any more, nor what waits at the end", async () => {
  const shop = new Workshop();
  shop.takes = 10;
  for (let i = 0; i < 1024; i++) shop.take(`${i}`, "waits");
  await shop.clock.run(30_000);
  const { length } = shop.done;
  assert(length > 100 && length < 1024);
  assertEquals(shop.stale.length, 1024 - length);
  for (let i = 0; i < 10; i++) shop.take(`${i}`, "waits");
  shop.scheduler.close();
  await shop.clock.run(30_000);
  assertEquals(shop.done.length, length + 1);
});
