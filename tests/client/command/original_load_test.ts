import { assertEquals, assertLess } from "@std/assert";
import { originalLoad } from "../../../client/command/bench/original_load.ts";

Deno.test("originalLoad() measures on at full speed after one lost request", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const mailboxes = new Map<string, string[]>();
  let takes = 0;
  const serving = (async () => {
    for await (const [datagram, from] of socket) {
      const [type, mailbox = "", , message = ""] = new TextDecoder().decode(datagram).split(", ");
      const messages = mailboxes.getOrInsertComputed(mailbox, () => []);
      if (type === "F") messages.push(message);
      else if (++takes !== 10) {
        const mail = messages.shift();
        const reply = mail === undefined ? "X" : `N, 2026-01-31T12:00:00.000Z, bench, ${mail}`;
        await socket.send(new TextEncoder().encode(reply), from);
      }
    }
  })();
  const { resent, elapsed } = await originalLoad({
    server: socket.addr as Deno.NetAddr,
    inFlight: 1,
    count: 400,
    kind: "pass",
  });
  socket.close();
  await serving;
  assertEquals(resent, 1);
  // with 200 ms for each of the 390 behind it, it would be 78 s
  assertLess(elapsed, 40_000);
});
