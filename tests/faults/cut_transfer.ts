/**
 * A file goes up and down over connections that are cut, in a process of its own, so that its memory can be measured: the
 * arguments are the bytes of the file and the number of cuts. Prints seconds of each way and MiB of memory as JSON.
 */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { download } from "../../client/transfer/download.ts";
import { upload } from "../../client/transfer/upload.ts";
import { temporaryDirectory } from "../program.ts";
import { type Cut, CuttingProxy } from "../client/transfer/proxy.ts";
import { TransferServer } from "../client/transfer/server.ts";

const MIB = 1024 ** 2;
const [SIZE = 0, CUTS = 0] = Deno.args.map(Number);

/** Writes a random file of `size` bytes. Returns its hash. */
async function write(path: string, size: number): Promise<string> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const hash = createHash("sha256"), piece = new Uint8Array(MIB);
  for (let i = 0; i < size / MIB; i++) {
    for (let at = 0; at < MIB; at += 65_536) crypto.getRandomValues(piece.subarray(at, at + 65_536));
    hash.update(piece);
    for (let at = 0; at < MIB;) at += await file.write(piece.subarray(at));
  }
  return hash.digest("hex");
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await Deno.open(path);
  for await (const piece of file.readable) hash.update(piece);
  return hash.digest("hex");
}

/** What was measured. */
export interface CutTransfer {
  up: number;
  down: number;
  mib: number;
}

async function run(): Promise<CutTransfer> {
  await using directory = await temporaryDirectory();
  // the server still waits for those that fell silent
  await using server = await TransferServer.start({ directory: directory.path, maxUser: 2 * CUTS });
  const kinds: Cut[] = ["fin", "rst", "silence"];
  let wanted = CUTS;
  // a connection that the client gave up before its cut is no cut: on a loaded machine it may find the server silent
  await using proxy = await CuttingProxy.start(
    server.port,
    () => cuts() < wanted ? { cut: kinds[cuts() % 3]!, after: Math.floor(SIZE / (CUTS + 1)) } : undefined,
  );
  const cuts = () => proxy.cuts.fin + proxy.cuts.rst + proxy.cuts.silence;
  const path = `${directory.path}/sent`, got = `${directory.path}/got`;
  const hash = await write(path, SIZE);
  const target = { hostname: "127.0.0.1", port: proxy.port, idleMsMax: 1000 };

  let began = performance.now();
  await upload({
    ...target,
    path,
    ticket: (content) =>
      Promise.resolve(server.ticket({ user: "alice", thread: 1, name: "big", ...content })),
  });
  const up = (performance.now() - began) / 1000;
  assertEquals(cuts(), CUTS);
  assertEquals(server.uploads.map(({ hash }) => hash), [hash]);
  assertEquals(await hashOf(`${server.files.directory}/${server.uploads[0]!.content}`), hash);

  wanted = 2 * CUTS;
  began = performance.now();
  await download({
    ...target,
    path: got,
    ticket: () => Promise.resolve({ ticket: server.downloadTicket(server.uploads[0]!), size: SIZE, hash }),
  });
  const down = (performance.now() - began) / 1000;
  assertEquals(cuts(), 2 * CUTS);
  assertEquals(await hashOf(got), hash);
  return { up, down, mib: Deno.memoryUsage().rss / MIB };
}

if (import.meta.main) await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(await run())));
