import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { download } from "../../client/transfer/download.ts";
import { TransferError } from "../../client/transfer/transfer.ts";
import { upload } from "../../client/transfer/upload.ts";
import { FROM_SOURCE, runCommand, temporaryDirectory } from "../program.ts";
import { contentOf, sha256, TransferServer } from "../client/transfer/server.ts";
import type { CutTransfer } from "./cut_transfer.ts";
import { FULL, report } from "./form.ts";
import { mount } from "./disk/mount.ts";

const MIB = 1024 ** 2;
const SIZE = FULL ? 1024 * MIB : 42 * MIB;
const CUTS = 20;

/** Most memory of server, client and proxy, which share a process. */
const MOST_MIB = FULL ? 300 : 200;

Deno.test(`a file of ${SIZE / MIB} MiB is uploaded and downloaded over connections that are cut ${CUTS} times`, async () => {
  const program = [...FROM_SOURCE.slice(0, -1), new URL("cut_transfer.ts", import.meta.url).pathname];
  const { code, out, err } = await runCommand([...program, `${SIZE}`, `${CUTS}`]);
  assertEquals(code, 0, err);
  const { up, down, mib } = JSON.parse(out) as CutTransfer;
  report(
    `${SIZE / MIB} MiB, ${CUTS} cuts each way: up ${up.toFixed(1)} s, down ${down.toFixed(1)} s, ` +
      `${mib.toFixed(0)} MiB of memory for server, client and proxy together`,
  );
  assertLess(mib, MOST_MIB);
});

Deno.test("if the server's disk becomes full, an upload fails, and nothing of it is kept", async () => {
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

Deno.test("if the client's disk becomes full, a download fails, and nothing of it is kept", async () => {
  await using disk = await mount(8);
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
  const filling = `${disk.path}/of-somebody-else`;
  const fetch = (onProgress?: () => void) =>
    download({
      hostname: "127.0.0.1",
      port: server.port,
      path: `${disk.path}/got`,
      onProgress,
      ticket: () =>
        Promise.resolve({
          ticket: server.downloadTicket(server.uploads[0]!),
          size: content.length,
          hash: sha256(content),
        }),
    });
  // there is room when it begins, and another program takes it meanwhile
  let isFilled = false;
  const fill = () => {
    if (isFilled) return;
    isFilled = true;
    try {
      Deno.writeFileSync(filling, new Uint8Array(8 * MIB));
    } catch {
      // it takes what there is
    }
  };
  const full = `Cannot save '${disk.path}/got': no space left on device`;
  await assertRejects(() => fetch(fill), TransferError, full);
  assertEquals([...Deno.readDirSync(disk.path)].map(({ name }) => name), ["of-somebody-else"]);
  // and if there is none from the beginning, nothing is fetched
  await assertRejects(() => fetch(), TransferError, `got': it needs ${6 * MIB} bytes, and the disk has `);
  assertEquals([...Deno.readDirSync(disk.path)].map(({ name }) => name), ["of-somebody-else"]);
});

Deno.test("a server that is killed during an upload keeps what has arrived", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/sent`, content = contentOf(8 * MIB);
  await Deno.writeFile(path, content);
  const script = new URL("../client/transfer/killed_server.ts", import.meta.url).pathname;
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
