import { assert, assertEquals } from "@std/assert";
import { encodeFrames, FRAME_BYTES } from "../../../protocol/frame.ts";
import { ChannelsService } from "../../../server/wire/hub/channels.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../server/service/history.ts";
import { Hub } from "../../../server/service/hub.ts";
import { ConnectionCounter, DEFAULT_CONNECTION_LIMITS } from "../../../server/net/limits.ts";
import type { StreamListener } from "../../../server/net/listener.ts";
import { Log } from "../../../server/report/log.ts";
import { Loopback } from "../../../server/net/loopback.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { PendingTotal } from "../../../server/quota/pending.ts";
import { Rounds } from "../../../server/net/rounds.ts";
import { DEFAULT_SEND_LIMITS } from "../../../server/net/send_queue.ts";
import { FramePeer } from "../../stream.ts";

Deno.test("a round is over after 2 ms, and all wait until the sockets have been looked at", async () => {
  let now = 0, looks = 0;
  const { promise: looked, resolve } = Promise.withResolvers<void>();
  const look = () => {
    looks++;
    return looked;
  };
  const rounds = new Rounds({ look, monotonicClock: () => now });
  now = 1;
  assertEquals(rounds.next, undefined);
  now = 2;
  const next = rounds.next;
  assert(next !== undefined && rounds.next === next);
  const waited = next.then(() => "waited");
  now = 9;
  assertEquals(await Promise.race([waited, Promise.resolve("waits")]), "waits");
  resolve();
  await next;
  assertEquals([rounds.next, looks], [undefined, 1]);
  now = 11;
  assert(rounds.next !== undefined);
});

/** Most reads of one that never stops while two others exchange twenty messages: 80 are enough, 4,700 without rounds. */
const MOST_READS = 1000;

/** A client whose bytes are always there: it creates a channel and speaks there until it is stopped. */
class Flooder {
  reads = 0;
  readonly begun = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<never>();
  readonly #first = [encodeFrames("Flooder"), encodeFrames("/create flood")];
  isStopped = false;

  /** A listener that accepts it once it has begun. */
  get listener(): StreamListener {
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
      addr,
      accept: async () => {
        if (accepts++ > 0) return await this.#closed.promise;
        await this.begun.promise;
        return stream;
      },
      close: () => this.#closed.reject(new Deno.errors.BadResource("closed")),
    };
  }
}

Deno.test("two who talk don't wait for one who never stops", async () => {
  const flooder = new Flooder(), metrics = new Metrics(), loopback = await Loopback.open();
  // each of its reads takes a millisecond
  const wallClock = () => flooder.reads;
  const history = new History(DEFAULT_HISTORY_LIMITS, []);
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const service = new ChannelsService({
    sockets: [listener, flooder.listener],
    hub: new Hub({ maxChannels: 10, history, metrics, wallClock }),
    counter: new ConnectionCounter(DEFAULT_CONNECTION_LIMITS),
    connections: DEFAULT_CONNECTION_LIMITS,
    sending: DEFAULT_SEND_LIMITS,
    total: new PendingTotal(Infinity),
    rounds: new Rounds({ look: () => loopback.pass(), monotonicClock: wallClock }),
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
    await service.close();
    loopback.close();
  }
});
