/** `/list`, whose answer is long where there are many channels: what it costs the server. */

import { assertEquals } from "@std/assert";
import { encodeFrames, FRAME_BYTES } from "../../../../protocol/syntax/frame.ts";
import { ChannelsWire } from "../../../../server/wire/hub/channels.ts";
import { Log } from "../../../../server/report/log.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../../server/service/hub/history.ts";
import { Hub } from "../../../../server/service/hub/hub.ts";
import { ConnectionSlots, DEFAULT_CONNECTION_LIMITS } from "../../../../server/net/connection_slots.ts";
import { Metrics } from "../../../../server/report/metrics.ts";
import { PendingTotal } from "../../../../server/quota/pending.ts";
import { DEFAULT_SEND_LIMITS } from "../../../../server/net/send_queue.ts";

/** A client that says all of this at once, and then nothing; it takes nothing of what it is sent. */
function deafClient(...texts: string[]) {
  const { promise: closed, resolve: close } = Promise.withResolvers<null>();
  const said = texts.map((text) => encodeFrames(text));
  return {
    remoteAddr: { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const,
    read(buffer: Uint8Array) {
      const frame = said.shift();
      if (frame === undefined) return closed;
      buffer.set(frame);
      return Promise.resolve(FRAME_BYTES);
    },
    write: () => closed.then((): number => Promise.reject(new Deno.errors.BadResource("closed")) as never),
    close: () => close(null),
  };
}

/** A service of channels whose clients are such ones. */
class World implements AsyncDisposable {
  readonly metrics = new Metrics();
  readonly log: string[] = [];
  readonly total: PendingTotal;
  readonly #wire: ChannelsWire;
  readonly #come: (client: ReturnType<typeof deafClient> | Error) => void;

  /** @param limit Bytes that may wait for all clients together. */
  constructor(limit: number, messagesPerSecond?: number) {
    const total = this.total = new PendingTotal(limit), { metrics, log } = this, wallClock = () => 0;
    const history = new History(DEFAULT_HISTORY_LIMITS, []);
    const waiting: (ReturnType<typeof deafClient> | Error)[] = [];
    let wake = () => {};
    this.#come = (client) => {
      waiting.push(client);
      wake();
    };
    const addr = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
    const socket = {
      addr,
      async accept() {
        while (waiting.length === 0) await new Promise<void>((resolve) => wake = resolve);
        const client = waiting.shift()!;
        if (client instanceof Error) throw client;
        return client;
      },
      close: () => this.#come(new Deno.errors.BadResource("closed")),
    };
    this.#wire = new ChannelsWire({
      sockets: [socket],
      hub: new Hub({ maxChannels: 1000, history, metrics, wallClock }),
      slots: new ConnectionSlots(DEFAULT_CONNECTION_LIMITS),
      messagesPerSecond,
      limits: DEFAULT_SEND_LIMITS,
      total,
      polling: { due: undefined, turn() {} } as never,
      metrics,
      log: new Log((bytes) => Promise.resolve(log.push(new TextDecoder().decode(bytes))), { wallClock }),
      monotonicClock: wallClock,
    });
  }

  /** Has a client come that says this, and waits until so many messages have been received in all. */
  async says(received: number, ...texts: string[]) {
    this.#come(deafClient(...texts));
    while (this.metrics.get("channels received") < received) {
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async [Symbol.asyncDispose]() {
    await this.#wire.close();
  }
}

/** Names of 1,000 channels, as long as they may be. */
const names = Array.from({ length: 1000 }, (_, i) => `${i}`.padEnd(64, "x"));
const creates = names.map((name) => `/create ${name}`);

/** As many frames as the list of them takes: three names each. */
const LIST_FRAMES = Math.ceil(names.length / 3);

// channels.md 5.3
Deno.test("a list that many clients ask for and do not read is in memory once", async () => {
  await using world = new World(Infinity);
  await world.says(1000, "Maker", ...creates);
  // one more, and the server would wait for the client to take some of it
  const asks = new Array<string>(3).fill("/list");
  for (let i = 1; i <= 100; i++) await world.says(1000 + 3 * i, `Client ${i}`, ...asks);
  assertEquals(world.total.bytes, LIST_FRAMES * FRAME_BYTES);
  assertEquals(world.metrics.get("channels cut off pending"), 0);
});

Deno.test("a list that has changed is sent as it is", async () => {
  await using world = new World(Infinity);
  await world.says(2, "Alice", "/create tea", "/list");
  assertEquals(world.total.bytes, FRAME_BYTES);
  // the one list that both hold, and the new one
  await world.says(5, "Bob", "/list", `/create ${"coffee".padEnd(64)}`, "/list");
  assertEquals(world.total.bytes, 2 * FRAME_BYTES);
});

// channels.md 5.3
Deno.test("those who have most waiting are cut off where too much waits for all, and that is counted and logged", async () => {
  await using world = new World(20 * FRAME_BYTES);
  const asks = (count: number) => new Array<string>(count).fill("/");
  await world.says(5, "Alice", ...asks(5));
  await world.says(13, "Bob", ...asks(8));
  await world.says(20, "Carol", ...asks(7));
  assertEquals([world.total.bytes, world.log], [20 * FRAME_BYTES, []]);
  await world.says(21, "Dora", ...asks(1));
  assertEquals(world.total.bytes, 13 * FRAME_BYTES);
  assertEquals(world.log, [
    "1970-01-01T00:00:00.000Z warn channels 127.0.0.1:1 'Bob' is cut off: " +
    "too much waited to be sent to all clients, and most of it to this one\n",
  ]);
  assertEquals(world.metrics.get("channels cut off most pending"), 1);
});

// channels.md 5.6
Deno.test("what a client is answered counts against its rate, each frame like a message", async () => {
  await using world = new World(Infinity, 1000);
  await world.says(1000, "Maker", ...creates);
  // it has created as many as it may say at once, its name too
  assertEquals(world.metrics.get("channels slowed down"), 1);
  // 1,000 tokens: its name, and two lists of 334 frames; the third is begun with 329
  await world.says(1003, "Alice", "/list", "/list", "/list", "/list");
  assertEquals(world.metrics.get("channels slowed down"), 2);
});
