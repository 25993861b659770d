import { assertEquals } from "@std/assert";
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
