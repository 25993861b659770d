import { assert, assertEquals, assertRejects } from "@std/assert";
import { temporaryDirectory } from "../program.ts";
import { Clock } from "../session/clock.ts";
import { TransferPeer } from "../transfer/peer.ts";
import { contentOf, TransferServer, uploadOf } from "../transfer/server.ts";

const HELLO = new TextEncoder().encode("hello world");

/** Names in a server's directory of contents: whole ones, and those that are on their way. */
function held(directory: string): { contents: number; partials: number } {
  const names = [...Deno.readDirSync(`${directory}/files`)].map(({ name }) => name);
  const partials = names.filter((name) => name.endsWith(".part")).length;
  return { contents: names.length - partials, partials };
}

/** Puts it, and gives the last answer. */
async function put(server: TransferServer, content: Uint8Array, more: Parameters<typeof uploadOf>[1] = {}) {
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content, more))}`);
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send(content);
  const answer = await peer.line();
  assertEquals(await peer.line(), null, "the server closes");
  return answer;
}

Deno.test("an upload is visible when its last byte came, and not before", async () => {
  await using server = await TransferServer.start();
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(HELLO))}`);
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send("hello worl");
  assertEquals(server.uploads, []);
  await peer.send("d");
  assertEquals(await peer.line(), "P1 stored");
  assertEquals(await peer.line(), null);
  assertEquals(server.uploads.map(({ user, thread, name, size }) => [user, thread, name, size]), [
    ["alice", 1, "notes.txt", 11],
  ]);
  assertEquals(await server.content(server.uploads[0]!), HELLO);
});

Deno.test("an upload without waiting for the offset, as nc sends it, is stored", async () => {
  await using server = await TransferServer.start();
  using peer = await TransferPeer.connect(server.port);
  await peer.send(`P1 upload ${server.ticket(uploadOf(HELLO))}\r\nhello world and more`);
  await peer.end();
  assertEquals([await peer.line(), await peer.line(), await peer.line()], ["P1 from 0", "P1 stored", null]);
  assertEquals(await server.content(server.uploads[0]!), HELLO);
});

Deno.test("a file of no byte, of one and of many goes up and down", async () => {
  await using server = await TransferServer.start();
  for (const [i, size] of [0, 1, 1_048_575, 1_048_576, 1_048_577, 5_000_000].entries()) {
    const content = contentOf(size);
    assertEquals(await put(server, content, { name: `n${i}` }), "P1 stored");
    using peer = await TransferPeer.connect(
      server.port,
      `P1 download ${server.downloadTicket(server.uploads[i]!)} 0`,
    );
    assertEquals(await peer.line(), "P1 from 0");
    assertEquals(await peer.bytes(size + 1), content);
  }
});

Deno.test("a download goes on behind the bytes that the client has", async () => {
  await using server = await TransferServer.start();
  await put(server, HELLO);
  for (const offset of [0, 6, 11]) {
    const ticket = server.downloadTicket(server.uploads[0]!);
    using peer = await TransferPeer.connect(server.port, `P1 download ${ticket} ${offset}`);
    assertEquals(await peer.line(), `P1 from ${offset}`);
    assertEquals(await peer.bytes(12), HELLO.slice(offset));
  }
  const ticket = server.downloadTicket(server.uploads[0]!);
  using peer = await TransferPeer.connect(server.port, `P1 download ${ticket} 12`);
  assertEquals(await peer.line(), "P1 no gone the file has 11 bytes");
});

Deno.test("a ticket that is used, too old, guessed or for the other direction is refused", async () => {
  let now = 0;
  await using server = await TransferServer.start({ now: () => now });
  const refused = async (line: string) => {
    using peer = await TransferPeer.connect(server.port, line);
    assertEquals(await peer.line(), "P1 no ticket unknown, used or too old", line);
    assertEquals(await peer.line(), null);
  };
  await put(server, HELLO);
  const ticket = server.downloadTicket(server.uploads[0]!);
  using peer = await TransferPeer.connect(server.port, `P1 download ${ticket} 0`);
  assertEquals(await peer.line(), "P1 from 0");
  await refused(`P1 download ${ticket} 0`);
  assertEquals(await peer.bytes(11), HELLO, "the right one goes on");

  const other = server.downloadTicket(server.uploads[0]!);
  await refused(`P1 upload ${other}`);
  await refused(`P1 download ${other} 0`);
  await refused("P1 download AAAAAAAAAAAAAAAAAAAAAA 0");
  const old = server.downloadTicket(server.uploads[0]!);
  now += 60_000;
  await refused(`P1 download ${old} 0`);
  assertEquals(server.metrics.get("files refused ticket"), 5);
});

Deno.test("an upload has the name of its ticket, whatever else its user was allowed", async () => {
  await using server = await TransferServer.start();
  const first = server.ticket(uploadOf(HELLO, { name: "a" })),
    second = server.ticket(uploadOf(HELLO, { name: "b" }));
  for (const ticket of [second, first]) {
    using peer = await TransferPeer.connect(server.port, `P1 upload ${ticket}`);
    await peer.send(HELLO);
    assertEquals([await peer.line(), await peer.line()], ["P1 from 0", "P1 stored"]);
  }
  assertEquals(server.uploads.map(({ name }) => name), ["b", "a"]);
});

Deno.test("what is no request is answered, and counted", async () => {
  await using server = await TransferServer.start();
  const requests = [
    "GET / HTTP/1.1\n",
    "\n",
    "\xff\n",
    "P1 upload x\n",
    `${"x".repeat(81)}`,
    "\0".repeat(4096),
  ];
  for (const request of requests) {
    using peer = await TransferPeer.connect(server.port);
    await peer.send(request);
    assertEquals([await peer.line(), await peer.line()], ["P1 no malformed", null], request);
  }
  using peer = await TransferPeer.connect(server.port);
  await peer.send("P1 upload");
  await peer.end();
  assertEquals([await peer.line(), await peer.line()], ["P1 no malformed", null]);
  assertEquals(server.metrics.get("files refused malformed"), requests.length + 1);
});

Deno.test("a stranger who says nothing is sent away after 10 s, and one who says it byte by byte too", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ now: clock.now, setTimer: clock.setTimer });
  using silent = await TransferPeer.connect(server.port);
  using slow = await TransferPeer.connect(server.port);
  await slow.send("P1 up");
  const answers = [silent.line(), slow.line()];
  let isAnswered = false;
  Promise.all(answers).then(() => isAnswered = true);
  while (!isAnswered) {
    await clock.run(1000);
    if (clock.now() % 3000 === 0) await slow.send("x").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await Promise.all(answers), ["P1 no malformed", "P1 no malformed"]);
});

Deno.test("content that is not what was announced leaves nothing", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(HELLO))}`);
  await peer.send("hello World");
  assertEquals([await peer.line(), await peer.line(), await peer.line()], [
    "P1 from 0",
    "P1 no hash the content is not what was announced",
    null,
  ]);
  assertEquals(server.uploads, []);
  assertEquals(held(directory.path), { contents: 0, partials: 0 });
  assertEquals(await put(server, HELLO), "P1 stored");
});

Deno.test("of two uploads of one name at a time one is stored, and the other is told", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const contents = [contentOf(3_000_000, 1), contentOf(3_000_000, 7)];
  const answers = await Promise.all(contents.map((content, i) => put(server, content, { user: `u${i}` })));
  assertEquals(answers.toSorted(), ["P1 no thread File notes.txt exists in Thread news", "P1 stored"]);
  const winner = answers.indexOf("P1 stored");
  assertEquals(await server.content(server.uploads[0]!), contents[winner]);
  assertEquals(held(directory.path), { contents: 1, partials: 0 });
  assertEquals(server.files.counts, { files: 1, bytes: 3_000_000 });
});

/** Begins an upload, sends a part of it, and cuts it. Resolves when the server has seen that. */
async function begin(
  server: TransferServer,
  content: Uint8Array,
  cut: (peer: TransferPeer) => unknown,
  from = 0,
) {
  const part = content.subarray(from, from + 2_000_000);
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await peer.line(), `P1 from ${from}`);
  await peer.send(part);
  await cut(peer);
  while (await peer.line().catch(() => null) !== null);
  return from + part.length;
}

Deno.test("an upload that its client ends early goes on where it stopped", async () => {
  await using server = await TransferServer.start();
  const content = contentOf(5_000_000);
  let from = await begin(server, content, (peer) => peer.end());
  from = await begin(server, content, (peer) => peer.end(), from);
  assertEquals(server.metrics.get("files refused short"), 2);
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await peer.line(), `P1 from ${from}`);
  await peer.send(content.subarray(from));
  assertEquals(await peer.line(), "P1 stored");
  assertEquals(await server.content(server.uploads[0]!), content);
});

Deno.test("an upload of another user, name, size or hash begins at its beginning", async () => {
  await using server = await TransferServer.start();
  const content = contentOf(5_000_000);
  await begin(server, content, (peer) => peer.end());
  const others = [{ user: "bob" }, { thread: 2 }, { name: "x" }, { size: 4_999_999 }, {
    hash: "0".repeat(64),
  }];
  for (const other of others) {
    using peer = await TransferPeer.connect(
      server.port,
      `P1 upload ${server.ticket(uploadOf(content, other))}`,
    );
    assertEquals(await peer.line(), "P1 from 0", JSON.stringify(other));
  }
});

Deno.test("an upload goes on after a restart of the server, and what no row names is gone", async () => {
  await using directory = await temporaryDirectory();
  const content = contentOf(5_000_000), { path } = directory;
  let from: number, uploads;
  {
    await using server = await TransferServer.start({ directory: path });
    from = await begin(server, content, (peer) => peer.end());
    await put(server, HELLO, { name: "kept" });
    await put(server, HELLO, { name: "not committed" });
    uploads = server.uploads.filter(({ name }) => name === "kept");
    assertEquals(held(path), { contents: 2, partials: 1 });
  }
  await using server = await TransferServer.start({ directory: path }, uploads);
  assertEquals(held(path), { contents: 1, partials: 1 });
  assertEquals(server.files.counts, { files: 1, bytes: 11 });
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await peer.line(), `P1 from ${from}`);
  await peer.send(content.subarray(from));
  assertEquals(await peer.line(), "P1 stored");
  assertEquals(held(path), { contents: 2, partials: 0 });
});

Deno.test("a client that is silent for 30 s is cut, and what came is kept", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ now: clock.now, setTimer: clock.setTimer });
  const content = contentOf(5_000_000);
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send(content.subarray(0, 1000));
  const answer = peer.line();
  let isAnswered = false;
  answer.then(() => isAnswered = true);
  while (!isAnswered) {
    await clock.run(1000);
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await answer, "P1 no silence");
  assert(clock.now() >= 30_000, `${clock.now()}`);
  using next = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await next.line(), "P1 from 1000");
});

Deno.test("a later attempt takes the place of one that goes on, and has what it had", async () => {
  await using server = await TransferServer.start();
  const content = contentOf(5_000_000);
  using first = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await first.line(), "P1 from 0");
  await first.send(content.subarray(0, 1_000_000));
  using second = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await first.line(), "P1 no elsewhere");
  const from = Number(/^P1 from (\d+)$/.exec((await second.line())!)![1]);
  await second.send(content.subarray(from));
  assertEquals(await second.line(), "P1 stored");
  assertEquals(await server.content(server.uploads[0]!), content);
});

Deno.test("a later attempt at an upload whose bytes are all there is answered with it", async () => {
  const committing = Promise.withResolvers<void>(), reached = Promise.withResolvers<void>();
  const beforeCommit = async () => {
    reached.resolve();
    await committing.promise;
  };
  await using server = await TransferServer.start({ beforeCommit });
  const ticket = () => server.ticket(uploadOf(HELLO));
  const first = await TransferPeer.connect(server.port, `P1 upload ${ticket()}`);
  await first.send(HELLO);
  await reached.promise;
  first[Symbol.dispose]();
  using second = await TransferPeer.connect(server.port, `P1 upload ${ticket()}`);
  const answer = second.line();
  committing.resolve();
  assertEquals(await answer, "P1 stored");
  assertEquals(server.uploads.length, 1);
});

Deno.test("files, their bytes and their number have limits", async () => {
  await using server = await TransferServer.start({ limits: { fileBytes: 3000, bytes: 5000, files: 3 } });
  const refusal = (size: number, more = {}) =>
    server.service.issueUpload(uploadOf(contentOf(size), { name: "new", ...more }));
  assertEquals(refusal(3001), { error: "a file may have 2.93 KiB, and this one has 2.93 KiB" });
  assertEquals(await put(server, contentOf(3000), { name: "a" }), "P1 stored");
  assertEquals(refusal(2001), { error: "all files together may have 4.88 KiB" });
  const late = [server.ticket(uploadOf(contentOf(2000), { name: "b" })), server.ticket(uploadOf(HELLO))];
  await put(server, contentOf(1999), { name: "c" });
  using peer = await TransferPeer.connect(server.port, `P1 upload ${late[0]}`);
  assertEquals(await peer.line(), "P1 no full all files together may have 4.88 KiB");
  await put(server, new Uint8Array(0), { name: "d" });
  assertEquals(refusal(0), { error: "there may be 3 files" });
  await server.files.remove(server.uploads[0]!.content);
  await server.files.remove(server.uploads[0]!.content);
  assertEquals(server.files.counts, { files: 2, bytes: 1999 });
  assertEquals(await put(server, contentOf(3000), { name: "e" }), "P1 stored");
});

Deno.test("a user has four transfers at a time, and all have as many as there may be", async () => {
  await using server = await TransferServer.start({ max: 5 });
  const peers: TransferPeer[] = [];
  const begin = async (user: string, i: number) => {
    const ticket = server.ticket(uploadOf(HELLO, { user, name: `n${i}` }));
    const peer = await TransferPeer.connect(server.port, `P1 upload ${ticket}`);
    peers.push(peer);
    return await peer.line();
  };
  const busy = "P1 no busy too many transfers at the same time";
  for (let i = 0; i < 4; i++) assertEquals(await begin("alice", i), "P1 from 0");
  assertEquals(await begin("alice", 4), busy);
  assertEquals(await begin("bob", 0), "P1 from 0");
  assertEquals(await begin("carol", 0), busy);
  await peers[0]!.send(HELLO);
  assertEquals(await peers[0]!.line(), "P1 stored");
  assertEquals(await peers[0]!.line(), null);
  assertEquals(await begin("carol", 0), "P1 from 0");
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("a user keeps 8 uploads that were cut, and loses those that were left alone longest", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const from = async (name: string, sent: string) => {
    const ticket = server.ticket(uploadOf(HELLO, { name }));
    using peer = await TransferPeer.connect(server.port, `P1 upload ${ticket}`);
    const line = await peer.line();
    await peer.send(sent);
    await peer.end();
    await peer.line();
    assertEquals(await peer.line(), null);
    return line;
  };
  for (let i = 0; i < 9; i++) assertEquals(await from(`n${i}`, "hello"), "P1 from 0");
  assertEquals(held(directory.path).partials, 8);
  assertEquals(await from("n1", ""), "P1 from 5");
  assertEquals(await from("n0", "hello"), "P1 from 0");
  assertEquals(await from("n2", "hello"), "P1 from 0", "it went for n0");
});

Deno.test("a stop ends transfers, and keeps what came", async () => {
  await using directory = await temporaryDirectory();
  const content = contentOf(5_000_000);
  const server = await TransferServer.start({ directory: directory.path });
  const from = await begin(server, content, (peer) => peer.end());
  using peer = await TransferPeer.connect(server.port, `P1 upload ${server.ticket(uploadOf(content))}`);
  assertEquals(await peer.line(), `P1 from ${from}`);
  using stranger = await TransferPeer.connect(server.port);
  const closing = server.close();
  assertEquals(await peer.line(), "P1 no ending");
  assertEquals([await stranger.line(), await stranger.line()], ["P1 no ending", null]);
  peer[Symbol.dispose]();
  stranger[Symbol.dispose]();
  await closing;
  assertEquals(held(directory.path), { contents: 0, partials: 1 });
});

Deno.test("with nothing kept, contents go with the server", async () => {
  const server = await TransferServer.start();
  await put(server, HELLO);
  const ticket = server.downloadTicket(server.uploads[0]!);
  await server.files.remove(server.uploads[0]!.content);
  const peer = await TransferPeer.connect(server.port, `P1 download ${ticket} 0`);
  assertEquals([await peer.line(), await peer.line()], ["P1 no gone the file was removed", null]);
  peer[Symbol.dispose]();
  const { directory } = server.files;
  assert((await Deno.stat(directory)).isDirectory);
  await server.close();
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
});

Deno.test("an address has as many connections as it may, and another one when one ends", async () => {
  await using server = await TransferServer.start({ maxAddressConnections: 2 });
  const first = await TransferPeer.connect(server.port, "x");
  assertEquals(await first.line(), "P1 no malformed");
  using second = await TransferPeer.connect(server.port);
  using third = await TransferPeer.connect(server.port);
  assertEquals(await third.line().catch(() => null), null);
  assertEquals(server.metrics.get("files connections refused"), 1);
  assertEquals(await first.line(), null);
  first[Symbol.dispose]();
  await second.send("x\n");
  assertEquals([await second.line(), await second.line()], ["P1 no malformed", null]);
  for (let answer: string | null = null; answer === null;) {
    using next = await TransferPeer.connect(server.port);
    // one that is refused may be reset before it has sent anything
    await next.send("x\n").catch(() => {});
    answer = await next.line().catch(() => null);
  }
});
