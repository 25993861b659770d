import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { download } from "../../../../client/transfer/download.ts";
import { TransferError } from "../../../../client/transfer/transfer.ts";
import { TransferPeer } from "../../../client/transfer/peer.ts";
import { type Cut, CuttingProxy } from "../../../client/transfer/proxy.ts";
import { contentOf, put, TransferServer } from "../../../client/transfer/server.ts";
import { temporaryDirectory } from "../../../program.ts";

const CONTENT = contentOf(2_500_000);
const REFUSED = "P1 no storage the file is damaged on the server's disk";

/** A server that has this content. */
async function serverWith(content: Uint8Array): Promise<TransferServer> {
  const server = await TransferServer.start();
  assertEquals(await put(server, content), "P1 stored");
  return server;
}

/** Changes one bit of what the server has on its disk. */
function flip(server: TransferServer, at: number) {
  using file = Deno.openSync(pathOf(server), { read: true, write: true });
  const byte = new Uint8Array(1);
  file.seekSync(at, Deno.SeekMode.Start);
  file.readSync(byte);
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(byte.map((bits) => bits ^ 0x10));
}

function pathOf(server: TransferServer): string {
  return server.files.path(server.uploads[0]!.content);
}

async function peerAt(server: TransferServer, offset: number): Promise<TransferPeer> {
  const ticket = server.downloadTicket(server.uploads[0]!);
  return await TransferPeer.connect(server.port, `P1 download ${ticket} ${offset}`);
}

/** That the damage was noticed so often, and that the log names the file. */
function assertNoticed(server: TransferServer, times: number) {
  assertEquals(server.metrics.get("files damaged"), times);
  assertEquals(server.metrics.get("files downloaded"), 0);
  const line = server.log.split("\n")[0]!;
  assert(line.includes("'notes.txt' in thread 'thread 1' is damaged"), line);
  assert(line.includes(pathOf(server)), line);
}

// transfer.md 4.4, 4.5
for (
  const [size, at] of [[CONTENT.length, 0], [CONTENT.length, 1_000_000], [CONTENT.length, -1], [
    11,
    4,
  ]] as const
) {
  Deno.test(`a file of ${size} bytes with a flipped bit at ${at} is not sent to its end, and then not at all`, async () => {
    await using server = await serverWith(CONTENT.subarray(0, size));
    flip(server, at < 0 ? size + at : at);
    {
      using peer = await peerAt(server, 0);
      assertEquals(await peer.line(), "P1 from 0");
      assertLess((await peer.bytes(size)).length, size);
    }
    assertNoticed(server, 1);
    for (const offset of [0, 5, size]) {
      using peer = await peerAt(server, offset);
      assertEquals([await peer.line(), await peer.line()], [REFUSED, null]);
    }
    assertNoticed(server, 4);
  });
}

// transfer.md 4.4
Deno.test("a download that goes on is not ended either if a bit is flipped in what the client has", async () => {
  for (const offset of [1_000_001, CONTENT.length - 1]) {
    await using server = await serverWith(CONTENT);
    flip(server, 1_000_000);
    using peer = await peerAt(server, offset);
    assertEquals(await peer.line(), `P1 from ${offset}`);
    assertLess((await peer.bytes(CONTENT.length)).length, CONTENT.length - offset);
    assertNoticed(server, 1);
  }
  await using server = await serverWith(CONTENT);
  flip(server, 1_000_000);
  using peer = await peerAt(server, CONTENT.length);
  assertEquals([await peer.line(), await peer.line()], [REFUSED, null]);
});

// transfer.md 4.4
Deno.test("a file that has become shorter on the server's disk is damaged", async () => {
  await using server = await serverWith(CONTENT);
  await Deno.truncate(pathOf(server), 1_000_000);
  {
    using peer = await peerAt(server, 0);
    assertEquals(await peer.line(), "P1 from 0");
    assertLess((await peer.bytes(CONTENT.length)).length, CONTENT.length);
  }
  assertNoticed(server, 1);
  using peer = await peerAt(server, 0);
  assertEquals([await peer.line(), await peer.line()], [REFUSED, null]);
});

// transfer.md 4.5
Deno.test("a file that was damaged, and is not any more, is sent again", async () => {
  await using server = await serverWith(CONTENT);
  flip(server, 7);
  using refused = await peerAt(server, CONTENT.length);
  assertEquals(await refused.line(), REFUSED);
  flip(server, 7);
  using peer = await peerAt(server, 5);
  assertEquals(await peer.line(), "P1 from 5");
  assertEquals(await peer.bytes(CONTENT.length), CONTENT.subarray(5));
});

// transfer.md 4.3, 4.5
for (const isResumed of [false, true]) {
  Deno.test(`a client ${isResumed ? "that goes on" : "that begins"} learns that the file is damaged, and saves nothing`, async () => {
    await using directory = await temporaryDirectory();
    await using server = await serverWith(CONTENT);
    const cuts: Cut[] = isResumed ? ["rst"] : [];
    await using proxy = await CuttingProxy.start(server.port, () => {
      const cut = cuts.pop();
      return cut && { cut, after: 1_500_000, then: () => flip(server, 10) };
    });
    if (!isResumed) flip(server, 10);
    const upload = server.uploads[0]!, path = `${directory.path}/got`;
    const ticket = () => Promise.resolve({ ...upload, ticket: server.downloadTicket(upload) });
    const error = await assertRejects(
      () => download({ hostname: "127.0.0.1", port: proxy.port, path, ticket }),
      TransferError,
    );
    assertEquals(error.message, `Cannot fetch '${path}': the file is damaged on the server's disk`);
    assertEquals(error.code, "storage");
    assertEquals([...Deno.readDirSync(directory.path)], []);
  });
}
