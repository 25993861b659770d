/** What a server makes of the attempts at an upload: its offer, the proof, and what is kept between them. */

import { assert, assertEquals } from "@std/assert";
import { temporaryDirectory } from "../../../program.ts";
import { Clock } from "../../../simulation/clock.ts";
import { sendContent, storedOf, sumOf, TransferPeer } from "../../../client/transfer/peer.ts";
import {
  beginUpload,
  contentOf,
  held,
  offered,
  put,
  sha256,
  TransferServer,
  uploadOf,
} from "../../../client/transfer/server.ts";

const HELLO = new TextEncoder().encode("hello world");
const OTHER = new TextEncoder().encode("hello World");
const CONTENT = contentOf(5_000_000);

const end = (peer: TransferPeer) => peer.end();

/** Presents a ticket for an upload of this content, or one of the same name and size. */
function present(server: TransferServer, content: Uint8Array, more: Parameters<typeof uploadOf>[1] = {}) {
  return TransferPeer.upload(server.port, server.ticket(uploadOf(content, more)));
}

Deno.test("content that does not match its proof is dropped", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const attempts: [what: string, more: Parameters<typeof uploadOf>[1], sum: typeof sumOf][] = [
    ["the content was changed on its way", {}, (peer) => sumOf(peer, HELLO)],
    ["somebody without the key proves it", {}, () => sumOf({ key: new Uint8Array(32) }, OTHER)],
    ["a hash is no proof", {}, () => `P1 sum ${sha256(OTHER)}\n`],
    ["the ticket is another content's", { hash: sha256(HELLO) }, (peer) => sumOf(peer, OTHER)],
  ];
  for (const [what, more, sum] of attempts) {
    using peer = await present(server, OTHER, more);
    await peer.send("P1 from 0\n");
    await peer.send(OTHER);
    await peer.send(sum(peer, OTHER));
    assertEquals([await peer.line(), await peer.line(), await peer.line()], [
      "P1 from 0",
      "P1 no hash what arrived is not what was sent",
      null,
    ], what);
    assertEquals(server.uploads, []);
    assertEquals(held(directory.path), { contents: 0, partials: 0 });
  }
  assertEquals(await put(server, HELLO, { hash: sha256(HELLO) }), "P1 stored");
});

Deno.test("the proof of one attempt is not valid for another", async () => {
  await using server = await TransferServer.start();
  using first = await present(server, HELLO);
  using second = await present(server, HELLO, { name: "b" });
  await second.send("P1 from 0\nhello world");
  await second.send(sumOf(first, HELLO));
  assertEquals([await second.line(), await second.line()], [
    "P1 from 0",
    "P1 no hash what arrived is not what was sent",
  ]);
});

Deno.test("a malformed or unexpected line ends the attempt at an upload", async () => {
  await using server = await TransferServer.start();
  const from = await beginUpload(server, CONTENT, end);
  for (const choice of ["P1 from 1", "P1 sum", `P1 sum ${"0".repeat(64)}`, "", "x".repeat(81)]) {
    using peer = await present(server, CONTENT);
    await peer.send(`${choice}\n`);
    assertEquals([await peer.line(), await peer.line()], [offered(CONTENT, from), "P1 no malformed"], choice);
  }
  for (const sum of ["P1 from 0", "P1 sum ", `P1 sum ${"0".repeat(63)}`, "x".repeat(81)]) {
    using peer = await present(server, HELLO, { name: "b" });
    await peer.send(`P1 from 0\nhello world${sum}\n`);
    const offer = await peer.line();
    assert([offered(HELLO, 0), offered(HELLO, 11)].includes(offer!), offer!);
    assertEquals(await peer.line(), "P1 no malformed", sum);
  }
});

Deno.test("an upload that its client ends early continues where it stopped", async () => {
  await using server = await TransferServer.start();
  let from = await beginUpload(server, CONTENT, end);
  from = await beginUpload(server, CONTENT, end, from);
  assertEquals(server.metrics.get("files refused short"), 2);
  using peer = await present(server, CONTENT);
  assertEquals(await peer.line(), offered(CONTENT, from));
  await sendContent(peer, CONTENT, from);
  assertEquals(await peer.line(), storedOf(peer, CONTENT));
  assertEquals(await server.content(server.uploads[0]!), CONTENT);
});

Deno.test("an upload that lacks only its proof accepts it later", async () => {
  await using server = await TransferServer.start();
  {
    using peer = await present(server, HELLO);
    await peer.send("P1 from 0\nhello world");
    await peer.end();
    assertEquals([await peer.line(), await peer.line()], [
      "P1 from 0",
      "P1 no short 11 of 11 bytes came, and no proof",
    ]);
    assertEquals(await peer.line(), null);
  }
  using peer = await present(server, HELLO);
  assertEquals(await peer.line(), offered(HELLO, 11));
  await sendContent(peer, HELLO, 11);
  assertEquals(await peer.line(), storedOf(peer, HELLO));
});

Deno.test("a client that ends its side before it sends an offset may try again", async () => {
  await using server = await TransferServer.start();
  using late = await present(server, HELLO);
  await late.end();
  assertEquals([await late.line(), await late.line()], ["P1 from 0", "P1 no short no content came"]);
  const ticket = server.ticket(uploadOf(HELLO));
  assertEquals(await put(server, HELLO), "P1 stored");
  using peer = await TransferPeer.upload(server.port, ticket);
  await peer.end();
  assertEquals([await peer.line(), await peer.line()], [offered(HELLO, 11), "P1 no short no proof came"]);
});

Deno.test("a client with another file refuses the offer, and the server drops what it had", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const from = await beginUpload(server, CONTENT, end), other = contentOf(CONTENT.length, 7);
  {
    using peer = await present(server, other);
    assertEquals(await peer.line(), offered(CONTENT, from));
    await peer.send("P1 from 0\nx");
    await peer.end();
    assertEquals(await peer.line(), "P1 no short 1 of 5000000 bytes came, and no proof");
    assertEquals(await peer.line(), null);
  }
  using peer = await present(server, other);
  assertEquals(await peer.line(), `P1 from 1 ${sha256(new TextEncoder().encode("x"))}`);
  await sendContent(peer, other, 0);
  assertEquals(await peer.line(), storedOf(peer, other));
  assertEquals(await server.content(server.uploads[0]!), other);
  assertEquals(held(directory.path), { contents: 1, partials: 0 });
});

Deno.test("an upload with another user, thread, name or size starts from the beginning", async () => {
  await using server = await TransferServer.start();
  await beginUpload(server, CONTENT, end);
  for (const other of [{ user: "bob" }, { thread: 2 }, { name: "x" }, { size: 4_999_999 }]) {
    using peer = await present(server, CONTENT, other);
    assertEquals(await peer.line(), "P1 from 0", JSON.stringify(other));
  }
});

Deno.test("an upload continues after a restart of the server, and contents without a row are gone", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  let from: number, uploads;
  {
    await using server = await TransferServer.start({ directory: path });
    from = await beginUpload(server, CONTENT, end);
    await put(server, HELLO, { name: "kept" });
    await put(server, HELLO, { name: "not committed" });
    uploads = server.uploads.filter(({ name }) => name === "kept");
    assertEquals(held(path), { contents: 2, partials: 1 });
  }
  await using server = await TransferServer.start({ directory: path }, uploads);
  assertEquals(held(path), { contents: 1, partials: 1 });
  assertEquals(server.files.counts, { files: 1, bytes: 11 });
  using peer = await present(server, CONTENT);
  assertEquals(await peer.line(), offered(CONTENT, from));
  await sendContent(peer, CONTENT, from);
  assertEquals(await peer.line(), storedOf(peer, CONTENT));
  assertEquals(held(path), { contents: 2, partials: 0 });
  // the limits count all of it, and not what was there at the start
  assertEquals(server.files.counts, { files: 2, bytes: 11 + CONTENT.length });
});

Deno.test("a part of an earlier run that lacks only its proof is synced before it is stored", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  {
    await using server = await TransferServer.start({ directory: path });
    await beginUpload(server, HELLO, end);
    assertEquals(held(path), { contents: 0, partials: 1 });
  }
  await using server = await TransferServer.start({ directory: path });
  using peer = await present(server, HELLO);
  assertEquals(await peer.line(), offered(HELLO, HELLO.length));
  // that start may have been killed before it had synced
  let synced = 0;
  const { syncData } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.syncData = function () {
    synced++;
    return syncData.call(this);
  };
  try {
    await sendContent(peer, HELLO, HELLO.length);
    assertEquals(await peer.line(), storedOf(peer, HELLO));
  } finally {
    Deno.FsFile.prototype.syncData = syncData;
  }
  assertEquals(synced, 1);
});

Deno.test("a client that is silent for 30 s is disconnected, and what has arrived is kept", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ monotonicClock: clock.now, setTimer: clock.setTimer });
  using peer = await present(server, CONTENT);
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send("P1 from 0\n");
  await peer.send(CONTENT.subarray(0, 1000));
  const answer = peer.line();
  let isAnswered = false;
  answer.then(() => isAnswered = true);
  while (!isAnswered) {
    await clock.run(1000);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await answer, "P1 no silence");
  assert(clock.now() >= 30_000, `${clock.now()}`);
  using next = await present(server, CONTENT);
  assertEquals(await next.line(), offered(CONTENT, 1000));
});

Deno.test("a later attempt replaces a running one, and continues with what it received", async () => {
  await using server = await TransferServer.start();
  using first = await present(server, CONTENT);
  assertEquals(await first.line(), "P1 from 0");
  await first.send("P1 from 0\n");
  await first.send(CONTENT.subarray(0, 1_000_000));
  using second = await present(server, CONTENT);
  assertEquals(await first.line(), "P1 no elsewhere");
  const from = Number(/^P1 from (\d+)/.exec((await second.line())!)![1]);
  await sendContent(second, CONTENT, from);
  assertEquals(await second.line(), storedOf(second, CONTENT));
  assertEquals(await server.content(server.uploads[0]!), CONTENT);
});

Deno.test("attempts at an upload that was stored meanwhile learn whether it has their content", async () => {
  const committing = Promise.withResolvers<void>(), reached = Promise.withResolvers<void>();
  const beforeCommit = async () => {
    reached.resolve();
    await committing.promise;
  };
  await using server = await TransferServer.start({ beforeCommit });
  const first = await present(server, HELLO);
  const known = server.ticket(uploadOf(HELLO, { hash: sha256(HELLO) }));
  const others = [HELLO, OTHER, OTHER].map((content) => server.ticket(uploadOf(content)));
  const wrong = server.ticket(uploadOf(OTHER, { hash: sha256(OTHER) }));
  await sendContent(first, HELLO);
  await reached.promise;
  first[Symbol.dispose]();

  using second = await TransferPeer.upload(server.port, known);
  const answer = second.line();
  committing.resolve();
  assertEquals([await answer, await second.line()], [storedOf(second, HELLO), null]);

  const told = async (ticket: typeof known, lines: (peer: Parameters<typeof sumOf>[0]) => string) => {
    using peer = await TransferPeer.upload(server.port, ticket);
    assertEquals(await peer.line(), offered(HELLO, 11));
    await peer.send(lines(peer));
    const answer = await peer.line();
    return answer === storedOf(peer, HELLO) ? "P1 stored" : answer;
  };
  const exists = "P1 no thread file exists";
  assertEquals(await told(others[0]!, (peer) => `P1 from 11\n${sumOf(peer, HELLO)}`), "P1 stored");
  assertEquals(await told(others[1]!, (peer) => `P1 from 11\n${sumOf(peer, OTHER)}`), exists);
  assertEquals(await told(others[2]!, () => "P1 from 0\n"), exists);
  using last = await TransferPeer.upload(server.port, wrong);
  assertEquals(await last.line(), exists);
  assertEquals(server.uploads.length, 1);
});

Deno.test("a user keeps 8 interrupted uploads, and loses those that were idle longest", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const from = async (name: string, sent: string, at = 0) => {
    using peer = await present(server, HELLO, { name });
    const line = await peer.line();
    await peer.send(`P1 from ${at}\n${sent}`);
    await peer.end();
    await peer.line();
    assertEquals(await peer.line(), null);
    return line;
  };
  for (let i = 0; i < 9; i++) assertEquals(await from(`n${i}`, "hello"), "P1 from 0");
  assertEquals(held(directory.path).partials, 8);
  assertEquals(await from("n1", "", 5), offered(HELLO, 5));
  assertEquals(await from("n0", "hello"), "P1 from 0");
  assertEquals(await from("n2", "hello"), "P1 from 0", "it went for n0");
});
