import { assert, assertEquals } from "@std/assert";
import { decodeSealToClient, encodeHello } from "../../../protocol/seal.ts";
import { sealId } from "../../../protocol/seal/keys.ts";
import { Peer, ServerProcess, temporaryDirectory, wirepost } from "../../program.ts";

/** Handshakes that one address may begin before the server answers `busy`: 256. */
const ADDRESSES = 8, EACH = 250;

/** Begins more handshakes at one of this machine's addresses than the server does at once, or lets wait. */
async function flood(port: number, hostname: string) {
  using peer = new Peer(port, "127.0.0.1", hostname);
  for (let i = 0; i < EACH; i++) {
    const key = crypto.getRandomValues(new Uint8Array(32)), id = sealId(key);
    await peer.send(encodeHello({ id, startId: "", cookie: "" }, key));
    // which shows too that what was sent before has arrived
    for (;;) {
      const { header, body } = decodeSealToClient(new TextEncoder().encode(await peer.receive()))!;
      if (body.kind !== "challenge") continue;
      await peer.send(encodeHello(header, key));
      break;
    }
  }
}

Deno.test({
  name: "a log-in beside a flood of handshakes from other addresses succeeds, and the flood is counted",
  // elsewhere, a machine has one address of its own
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using directory = await temporaryDirectory();
    const cwd = directory.path;
    const env = { XDG_STATE_HOME: `${cwd}/state`, WIREPOST_PASSWORD: "organa" };
    await using server = await ServerProcess.start(["mailbox", "0"], { cwd });
    assertEquals((await wirepost(["account", "add", "leia"], { cwd, env })).code, 0);
    await Promise.all(Array.from({ length: ADDRESSES }, (_, i) => flood(server.port, `127.0.7.${i + 1}`)));
    const send = ["send", "han", "I know", "--as", "leia", "--server", server.address];
    assertEquals(await wirepost(send, { cwd, env }), { code: 0, out: "", err: "" });
    const { out } = await wirepost(["admin", "status"], { cwd });
    const dropped = Number(/^refused sealed too many handshakes (\d+)$/m.exec(out)?.[1]);
    assert(dropped > 0 && dropped < ADDRESSES * EACH, out);
  },
});
