import { assert, assertEquals, assertLess } from "@std/assert";
import { DatagramSocket, MAX_QUEUED_DATAGRAMS } from "../../../server/net/datagram_socket.ts";
import { Metrics } from "../../../server/report/metrics.ts";

Deno.test("datagrams that nobody has asked for wait up to a limit, and those beyond it are dropped and counted", async () => {
  const metrics = new Metrics(), gate = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<never>();
  let sent = 0;
  const conn = {
    addr: { transport: "udp", hostname: "127.0.0.1", port: 1 },
    receive: () => closed.promise,
    async send() {
      // the network takes nothing for a while
      await gate.promise;
      sent++;
    },
    close: () => closed.reject(new Deno.errors.BadResource()),
  };
  const socket = new DatagramSocket(conn as unknown as Deno.DatagramConn, {
    maxBytes: 100,
    polling: { due: undefined } as never,
    metrics,
    onDatagram() {},
  });
  const to = { transport: "udp", hostname: "127.0.0.1", port: 2 } as const, bytes = new Uint8Array(1);
  for (let i = 0; i < MAX_QUEUED_DATAGRAMS + 10; i++) socket.send(bytes, to);
  assertEquals([socket.waiting, metrics.get("send queue full")], [MAX_QUEUED_DATAGRAMS, 10]);
  gate.resolve();
  await socket.close();
  assertEquals([sent, socket.waiting], [MAX_QUEUED_DATAGRAMS, 0]);
});

const flood = { transport: "udp", hostname: "192.0.2.1", port: 1 } as const;
const other = { transport: "udp", hostname: "127.0.0.1", port: 2 } as const;

/** A socket for which datagrams of a flood have come already, and then one of another client. */
function flooded(count: number) {
  let unread = count;
  const closed = Promise.withResolvers<never>();
  return {
    addr: { transport: "udp", hostname: "127.0.0.1", port: 1 },
    receive: (buffer: Uint8Array) =>
      unread === 0
        ? closed.promise
        : Promise.resolve([buffer.subarray(0, 1), --unread === 0 ? other : flood] as const),
    close: () => closed.reject(new Deno.errors.BadResource()),
  } as unknown as Deno.DatagramConn;
}

/** A poll of all sockets, which takes a turn of the event loop. */
function polling() {
  return {
    due: undefined,
    isPolling: false,
    async poll() {
      this.isPolling = true;
      await new Promise((resolve) => setTimeout(resolve));
      this.isPolling = false;
    },
  };
}

Deno.test("of more datagrams than are handled at once, the rest are read first and handled in turn; beyond a limit they are dropped and counted", async () => {
  const metrics = new Metrics(), all = Promise.withResolvers<void>();
  const handled: string[] = [];
  const socket = new DatagramSocket(flooded(10_000), {
    maxBytes: 100,
    polling: polling() as never,
    metrics,
    onDatagram(_, from) {
      handled.push(from.hostname);
      if (handled.length + metrics.get("receive queue full") === 10_000) all.resolve();
    },
  });
  await all.promise;
  const dropped = metrics.get("receive queue full");
  assert(dropped > 1000, `${dropped}`);
  assertEquals(handled.length, 10_000 - dropped);
  // it came last, and went before what the other one had sent and was not handled
  assertLess(handled.indexOf(other.hostname), 100);
  assertEquals(socket.unhandledBytes, 0);
  await socket.close();
});

Deno.test("a socket that is stopped handles nothing more, also of what it has read", async () => {
  const stopped = Promise.withResolvers<number>();
  let handled = 0;
  const socket = new DatagramSocket(flooded(200), {
    maxBytes: 100,
    polling: polling() as never,
    metrics: new Metrics(),
    onDatagram(_, __, socket) {
      handled++;
      // the first of those that have waited
      if (socket.unhandledBytes === 0) return;
      socket.stop();
      stopped.resolve(handled);
    },
  });
  const before = await stopped.promise;
  await socket.close();
  assertEquals([handled, socket.unhandledBytes], [before, 0]);
});
