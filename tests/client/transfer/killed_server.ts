// A server that receives a part of a file and is killed: DIRECTORY FILE.
import { TransferPeer } from "./peer.ts";
import { TransferServer, uploadOf } from "./server.ts";

const [directory, path] = Deno.args as [string, string];
const server = await TransferServer.start({ directory });
const content = await Deno.readFile(path);
const peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(content, { name: "n" })));
await peer.line();
await peer.send("P1 from 0\n");
await peer.send(content.subarray(0, 4_000_000));
const [partial] = [...Deno.readDirSync(`${directory}/files`)];
while (Deno.statSync(`${directory}/files/${partial!.name}`).size < 1_000_000) {
  await new Promise((resolve) => setTimeout(resolve));
}
await Deno.stdout.write(new TextEncoder().encode("killed\n"));
Deno.kill(Deno.pid, "SIGKILL");
