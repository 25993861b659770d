import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { download } from "../../client/download.ts";
import { TransferError } from "../../client/transfer.ts";
import { upload } from "../../client/upload.ts";
import { runCommand, temporaryDirectory } from "../program.ts";
import { type Cut, CuttingProxy } from "../transfer/proxy.ts";
import { contentOf, sha256, TransferServer } from "../transfer/server.ts";
import { FULL, report } from "./form.ts";
import { mount } from "./mount.ts";

const MIB = 1024 ** 2;
const SIZE = FULL ? 1024 * MIB : 42 * MIB;
const CUTS = 20;

/** Most memory of server, client and proxy, which share a process here. */
const MOST_MIB = FULL ? 300 : 400;

/** A file of so many bytes that nothing repeats in; returns its hash. */
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

Deno.test(`a file of ${SIZE / MIB} MiB goes up and down over connections that are cut ${CUTS} times`, async () => {
  await using directory = await temporaryDirectory();
  // the server still waits for those that fell silent
  await using server = await TransferServer.start({ directory: directory.path, maxUser: CUTS + 1 });
  const kinds: Cut[] = ["fin", "rst", "silence"];
  let left = CUTS;
  await using proxy = await CuttingProxy.start(
    server.port,
    () => left-- > 0 ? { cut: kinds[left % 3]!, after: Math.floor(SIZE / (CUTS + 1)) } : undefined,
  );
  const path = `${directory.path}/sent`, got = `${directory.path}/got`;
  const hash = await write(path, SIZE);
  const target = { hostname: "127.0.0.1", port: proxy.port, silence: 1000 };

  let began = performance.now();
  await upload({
    ...target,
    path,
    ticket: (content) =>
      Promise.resolve(server.ticket({ user: "alice", thread: 1, name: "big", ...content })),
  });
  const up = (performance.now() - began) / 1000;
  const cuts = () => proxy.cuts.fin + proxy.cuts.rst + proxy.cuts.silence;
  assertEquals(cuts(), CUTS);
  assertEquals(server.uploads.map(({ hash }) => hash), [hash]);
  assertEquals(await hashOf(`${server.files.directory}/${server.uploads[0]!.content}`), hash);

  left = CUTS;
  began = performance.now();
  await download({
    ...target,
    path: got,
    ticket: () => Promise.resolve({ ticket: server.downloadTicket(server.uploads[0]!), size: SIZE, hash }),
  });
  const down = (performance.now() - began) / 1000;
  assertEquals(cuts(), 2 * CUTS);
  assertEquals(await hashOf(got), hash);
  const memory = Deno.memoryUsage().rss / MIB;
  report(
    `${SIZE / MIB} MiB, ${CUTS} cuts each way: up ${up.toFixed(1)} s, down ${down.toFixed(1)} s, ` +
      `${memory.toFixed(0)} MiB of memory for server, client and proxy together`,
  );
  assertLess(memory, MOST_MIB);
});

Deno.test("a server's disk that becomes full ends an upload with an error, and keeps nothing of it", async () => {
  await using disk = await mount(12);
  if (disk === undefined) return;
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: disk.path });
  const path = `${directory.path}/sent`;
  const send = () =>
    upload({
      hostname: "127.0.0.1",
      port: server.port,
      path,
      ticket: (content) =>
        Promise.resolve(server.ticket({ user: "alice", thread: 1, name: "n", ...content })),
    });
  await Deno.writeFile(path, contentOf(16 * MIB));
  const error = await assertRejects(send, TransferError);
  assertEquals([error.message, error.code], [`Cannot send '${path}': the server's disk failed`, "storage"]);
  assertEquals(server.uploads, []);
  assertEquals([...Deno.readDirSync(server.files.directory!)], []);
  assertEquals(server.log.split("\n").length, 2, server.log);

  const content = contentOf(8 * MIB);
  await Deno.writeFile(path, content);
  await send();
  assertEquals(await server.content(server.uploads[0]!), content);
});

Deno.test("a client's disk that becomes full ends a download with an error, and keeps nothing of it", async () => {
  await using disk = await mount(4);
  if (disk === undefined) return;
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start();
  const path = `${directory.path}/sent`, content = contentOf(6 * MIB);
  await Deno.writeFile(path, content);
  await upload({
    hostname: "127.0.0.1",
    port: server.port,
    path,
    ticket: (content) => Promise.resolve(server.ticket({ user: "alice", thread: 1, name: "n", ...content })),
  });
  const fetch = () =>
    download({
      hostname: "127.0.0.1",
      port: server.port,
      path: `${disk.path}/got`,
      ticket: () =>
        Promise.resolve({
          ticket: server.downloadTicket(server.uploads[0]!),
          size: content.length,
          hash: sha256(content),
        }),
    });
  await assertRejects(fetch, TransferError, `Cannot save '${disk.path}/got': no space left on device`);
  assertEquals([...Deno.readDirSync(disk.path)], []);
});

Deno.test("a server that is killed in the middle of an upload has what came, and no more than that", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/sent`, content = contentOf(8 * MIB);
  await Deno.writeFile(path, content);
  const script = new URL("../transfer/killed_server.ts", import.meta.url).pathname;
  const { out, err } = await runCommand([Deno.execPath(), "run", "-A", script, directory.path, path]);
  assertEquals(out, "killed\n", err);
  await using server = await TransferServer.start({ directory: directory.path });
  assertEquals([...Deno.readDirSync(server.files.directory!)].length, 1);
  await upload({
    hostname: "127.0.0.1",
    port: server.port,
    path,
    ticket: (content) => Promise.resolve(server.ticket({ user: "alice", thread: 1, name: "n", ...content })),
  });
  assertEquals(await server.content(server.uploads[0]!), content);
  assertLess(server.metrics.get("files bytes received"), content.length);
});
