import { assertEquals } from "@std/assert";
import { readRunning, writeRunning } from "../../../server/data/directory.ts";
import { temporaryDirectory } from "../../program.ts";

Deno.test("a server that was killed leaves its addresses, and counts as one that does not run", async () => {
  await using directory = await temporaryDirectory();
  for (
    const [service, hostname] of [["mailbox", "127.0.0.1"], ["mailbox", "0.0.0.0"], ["admin", "::1"]] as const
  ) {
    const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
    const { port } = socket.addr as Deno.NetAddr;
    const address = `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
    const running = { pid: 1, services: { [service]: [address], channels: ["127.0.0.1:7"] } };
    await writeRunning(directory.path, running);
    assertEquals(await readRunning(directory.path), running);
    socket.close();
    assertEquals(await readRunning(directory.path), undefined);
  }
  // an address of another network, where this machine was
  await writeRunning(directory.path, { pid: 1, services: { mailbox: ["192.0.2.1:21001"] } });
  assertEquals(await readRunning(directory.path), undefined);
});
