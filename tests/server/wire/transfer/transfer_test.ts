import { assert, assertEquals, assertRejects } from "@std/assert";
import { temporaryDirectory } from "../../../program.ts";
import { Clock } from "../../../simulation/clock.ts";
import {
  keyed,
  sendContent,
  storedOf,
  sumOf,
  TransferPeer,
  type UploadPeer,
} from "../../../client/transfer/peer.ts";
import {
  beginUpload,
  contentOf,
  held,
  offered,
  put,
  TransferServer,
  type Upload,
  uploadOf,
} from "../../../client/transfer/server.ts";

const HELLO = new TextEncoder().encode("hello world");

// transfer.md 3.5
Deno.test("an upload becomes visible only after its proof has arrived", async () => {
  await using server = await TransferServer.start();
  using peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(HELLO)));
  assertEquals(await peer.line(), "P1 from 0");
  await peer.send("P1 from 0\nhello world");
  const proof = sumOf(peer, HELLO);
  await peer.send(proof.slice(0, -1));
  assertEquals(server.uploads, []);
  await peer.send(proof.slice(-1));
  assertEquals(await peer.line(), storedOf(peer, HELLO));
  assertEquals(await peer.line(), null);
  assertEquals(server.uploads.map(({ user, thread, name, size }) => [user, thread, name, size]), [
    ["alice", 1, "notes.txt", 11],
  ]);
  assertEquals(await server.content(server.uploads[0]!), HELLO);
});

// transfer.md 3.2
Deno.test("an upload without waiting for the offset, as nc sends it, is stored", async () => {
  await using server = await TransferServer.start();
  using peer = await TransferPeer.connect(server.port);
  const { ticket, key } = server.ticket(uploadOf(HELLO));
  const proof = sumOf(keyed(peer, key), HELLO).trim();
  await peer.send(`P1 upload ${ticket}\r\nP1 from 0\r\nhello world${proof}\r\nand more`);
  await peer.end();
  assertEquals([await peer.line(), await peer.line(), await peer.line()], [
    "P1 from 0",
    storedOf(keyed(peer, key), HELLO),
    null,
  ]);
  assertEquals(await server.content(server.uploads[0]!), HELLO);
});

Deno.test("files of no byte, of one byte and of many are uploaded and downloaded", async () => {
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

// transfer.md 4.1
Deno.test("a download continues after the bytes that the client has", async () => {
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

// transfer.md 2.1, 2.2
Deno.test("a ticket that is used, too old, guessed or for the other direction is refused", async () => {
  let now = 0;
  await using server = await TransferServer.start({ monotonicClock: () => now });
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

// transfer.md 2.2
Deno.test("an upload gets the name of its own ticket, not that of another one", async () => {
  await using server = await TransferServer.start();
  const first = server.ticket(uploadOf(HELLO, { name: "a" })),
    second = server.ticket(uploadOf(HELLO, { name: "b" }));
  for (const ticket of [second, first]) {
    using peer = await TransferPeer.upload(server.port, ticket);
    await sendContent(peer, HELLO);
    assertEquals([await peer.line(), await peer.line()], ["P1 from 0", storedOf(peer, HELLO)]);
  }
  assertEquals(server.uploads.map(({ name }) => name), ["b", "a"]);
});

// transfer.md 1.2
Deno.test("a malformed request is answered and counted", async () => {
  await using server = await TransferServer.start();
  const requests = [
    "GET / HTTP/1.1\n",
    "\n",
    "\xff\n",
    "P1 upload x\n",
    "P1 from 0\n",
    `P1 sum ${"0".repeat(64)}\n`,
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

// transfer.md 1.3
Deno.test("after a refusal the server sends nothing more, and reads on so that its answer arrives", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ monotonicClock: clock.now, setTimer: clock.setTimer });
  using peer = await TransferPeer.connect(server.port, "P1 download AAAAAAAAAAAAAAAAAAAAAA 0");
  // more than the buffers of both sockets hold: it arrives only if the server reads on
  await peer.send(new Uint8Array(16_000_000));
  assertEquals(await peer.line(), "P1 no ticket unknown, used or too old");
  await peer.end();
  assertEquals(await peer.line(), null);
});

// transfer.md 1.2
Deno.test("a connection without a whole first line is closed after 10 s, even if bytes arrive", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({ monotonicClock: clock.now, setTimer: clock.setTimer });
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
  assert(clock.now() <= 16_000, `${clock.now()}`);
});

Deno.test("of two simultaneous uploads of one name, one is stored and the other is refused", async () => {
  await using directory = await temporaryDirectory();
  await using server = await TransferServer.start({ directory: directory.path });
  const contents = [contentOf(3_000_000, 1), contentOf(3_000_000, 7)];
  const answers = await Promise.all(contents.map((content, i) => put(server, content, { user: `u${i}` })));
  assertEquals(answers.toSorted(), ["P1 no thread file exists", "P1 stored"]);
  const winner = answers.indexOf("P1 stored");
  assertEquals(await server.content(server.uploads[0]!), contents[winner]);
  assertEquals(held(directory.path), { contents: 1, partials: 0 });
  assertEquals(server.files.counts, { files: 1, bytes: 3_000_000 });
});

// transfer.md section 8
Deno.test("files, their bytes and their number have limits", async () => {
  await using server = await TransferServer.start({ limits: { fileBytes: 3000, bytes: 5000, files: 3 } });
  const refusal = (size: number, more = {}) =>
    server.refusal(uploadOf(contentOf(size), { name: "new", ...more }));
  assertEquals(refusal(3001), "no ticket a file may have 2.93 KiB, and this one has 2.93 KiB");
  assertEquals(await put(server, contentOf(3000), { name: "a" }), "P1 stored");
  assertEquals(refusal(2001), "no ticket all files together may have 4.88 KiB");
  const late = [server.ticket(uploadOf(contentOf(2000), { name: "b" })), server.ticket(uploadOf(HELLO))];
  await put(server, contentOf(1999), { name: "c" });
  using peer = await TransferPeer.upload(server.port, late[0]!);
  assertEquals(await peer.line(), "P1 no full all files together may have 4.88 KiB");
  await put(server, new Uint8Array(0), { name: "d" });
  assertEquals(refusal(0), "no ticket there may be 3 files");
  await server.files.remove(server.uploads[0]!.content);
  await server.files.remove(server.uploads[0]!.content);
  assertEquals(server.files.counts, { files: 2, bytes: 1999 });
  assertEquals(await put(server, contentOf(3000), { name: "e" }), "P1 stored");
});

// transfer.md section 8
Deno.test("one user can fill only a share of the files and of their bytes", async () => {
  await using directory = await temporaryDirectory();
  const limits = { bytes: 8000, files: 12, share: 25 }, uploads: Upload[] = [];
  const more = (user: string, size: number) => ({ user, name: "more", size });
  {
    await using server = await TransferServer.start({ directory: directory.path, limits }, uploads);
    const refusal = (upload: Partial<Upload>) => server.refusal(uploadOf(HELLO, upload));
    assertEquals(refusal(more("alice", 2001)), "no ticket all files of one user may have 1.95 KiB");
    assertEquals(await put(server, contentOf(1500), { name: "a" }), "P1 stored");
    assertEquals(refusal(more("alice", 501)), "no ticket all files of one user may have 1.95 KiB");
    // what is on its way counts
    using peer = await TransferPeer.upload(
      server.port,
      server.ticket(uploadOf(contentOf(499), { name: "b" })),
    );
    assertEquals(await peer.line(), "P1 from 0");
    assertEquals(refusal(more("alice", 2)), "no ticket all files of one user may have 1.95 KiB");
    assertEquals(await put(server, contentOf(2000), { user: "bob", name: "z" }), "P1 stored");
    await sendContent(peer, contentOf(499));
    assertEquals(await peer.line(), storedOf(peer, contentOf(499)));
    await put(server, new Uint8Array(0), { name: "c" });
    assertEquals(refusal(more("alice", 0)), "no ticket one user may have 3 files");
  }
  await using server = await TransferServer.start({ directory: directory.path, limits }, uploads);
  const refusal = (upload: Partial<Upload>) => server.refusal(uploadOf(HELLO, upload));
  assertEquals(refusal(more("alice", 0)), "no ticket one user may have 3 files");
  assertEquals(refusal(more("bob", 1)), "no ticket all files of one user may have 1.95 KiB");
  await server.files.remove(uploads[0]!.content);
  assertEquals(await put(server, contentOf(1501), { name: "d" }), "P1 stored");
});

// transfer.md section 8
Deno.test("the transfers of one user, and of all together, are limited", async () => {
  await using server = await TransferServer.start({ max: 5 });
  const peers: UploadPeer[] = [];
  const begin = async (user: string, i: number) => {
    const peer = await TransferPeer.upload(
      server.port,
      server.ticket(uploadOf(HELLO, { user, name: `n${i}` })),
    );
    peers.push(peer);
    return await peer.line();
  };
  const busy = "P1 no busy too many transfers at the same time";
  for (let i = 0; i < 4; i++) assertEquals(await begin("alice", i), "P1 from 0");
  assertEquals(await begin("alice", 4), busy);
  assertEquals(await begin("bob", 0), "P1 from 0");
  assertEquals(await begin("bob", 1), busy);
  await sendContent(peers[0]!, HELLO);
  assertEquals(await peers[0]!.line(), storedOf(peers[0]!, HELLO));
  assertEquals(await peers[0]!.line(), null);
  assertEquals(await begin("bob", 2), "P1 from 0");
  for (const peer of peers) peer[Symbol.dispose]();
});

Deno.test("unused tickets take no transfer slots", async () => {
  await using server = await TransferServer.start({ max: 1, maxUser: 1 });
  for (const user of ["alice", "alice", "bob", "carol"]) server.ticket(uploadOf(HELLO, { user }));
  assertEquals(await put(server, HELLO, { user: "dave" }), "P1 stored");
});

// transfer.md 7.1
Deno.test("a slow transfer loses its slot to a new one, and continues later", async () => {
  const clock = new Clock();
  await using server = await TransferServer.start({
    max: 1,
    monotonicClock: clock.now,
    setTimer: clock.setTimer,
  });
  const attempt = (user: string) =>
    TransferPeer.upload(server.port, server.ticket(uploadOf(HELLO, { user })));
  const slow = await attempt("alice");
  assertEquals(await slow.line(), "P1 from 0");
  await slow.send("P1 from 0\nhell");
  const { directory } = server.files, [partial] = [...Deno.readDirSync(directory!)];
  while (Deno.statSync(`${directory}/${partial!.name}`).size < 4) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  await clock.run(20_000);

  using newcomer = await attempt("bob");
  assertEquals([await slow.line(), await slow.line()], ["P1 no busy", null]);
  slow[Symbol.dispose]();
  assertEquals(await newcomer.line(), "P1 from 0");
  assertEquals(server.metrics.get("files displaced"), 1);
  using early = await attempt("alice");
  assertEquals(await early.line(), "P1 no busy too many transfers at the same time");
  await sendContent(newcomer, HELLO);
  assertEquals([await newcomer.line(), await newcomer.line()], [storedOf(newcomer, HELLO), null]);
  using again = await attempt("alice");
  assertEquals(await again.line(), offered(HELLO, 4));
});

Deno.test("a stop of the server ends transfers, and keeps what has arrived", async () => {
  await using directory = await temporaryDirectory();
  const content = contentOf(5_000_000);
  const server = await TransferServer.start({ directory: directory.path });
  const from = await beginUpload(server, content, (peer) => peer.end());
  using peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(content)));
  assertEquals(await peer.line(), offered(content, from));
  using stranger = await TransferPeer.connect(server.port);
  const closing = server.close();
  assertEquals(await peer.line(), "P1 no ending");
  assertEquals([await stranger.line(), await stranger.line()], ["P1 no ending", null]);
  peer[Symbol.dispose]();
  stranger[Symbol.dispose]();
  await closing;
  assertEquals(held(directory.path), { contents: 0, partials: 1 });
});

Deno.test("without a data directory, contents are removed when the server stops", async () => {
  const server = await TransferServer.start();
  // nor is there a directory that a crash could leave behind, before there is something in it
  assertEquals(server.files.directory, undefined);
  await put(server, HELLO);
  const ticket = server.downloadTicket(server.uploads[0]!);
  await server.files.remove(server.uploads[0]!.content);
  const peer = await TransferPeer.connect(server.port, `P1 download ${ticket} 0`);
  assertEquals([await peer.line(), await peer.line()], ["P1 no gone the file was removed", null]);
  peer[Symbol.dispose]();
  const directory = server.files.directory!;
  assert((await Deno.stat(directory)).isDirectory);
  await server.close();
  await assertRejects(() => Deno.stat(directory), Deno.errors.NotFound);
});

Deno.test("the connections of one address are limited, and one more is accepted when one ends", async () => {
  await using server = await TransferServer.start({ maxAddressConnections: 2 });
  const begin = async (name: string) => {
    const peer = await TransferPeer.upload(server.port, server.ticket(uploadOf(HELLO, { user: name, name })));
    return { peer, answer: await peer.line().catch(() => null) };
  };
  using first = (await begin("a")).peer;
  using second = (await begin("b")).peer;
  const third = await begin("c");
  assertEquals(third.answer, null);
  third.peer[Symbol.dispose]();
  assertEquals(server.metrics.get("files connections refused"), 1);
  await sendContent(first, HELLO);
  assertEquals([await first.line(), await first.line()], [storedOf(first, HELLO), null]);
  first[Symbol.dispose]();
  for (let answer: string | null = null; answer === null;) {
    const { peer, answer: next } = await begin("d");
    answer = next;
    peer[Symbol.dispose]();
  }
  await sendContent(second, HELLO);
  assertEquals(await second.line(), storedOf(second, HELLO));
});

// transfer.md 7.4
Deno.test("1,150 silent connections do not block transfers", async () => {
  await using server = await TransferServer.start();
  const silent: Deno.TcpConn[] = [];
  try {
    for (let i = 0; i < 1150; i++) {
      silent.push(await Deno.connect({ hostname: "127.0.0.1", port: server.port }));
      if (i % 10 === 0) assertEquals(await put(server, HELLO, { name: `n${i}` }), "P1 stored");
    }
  } finally {
    for (const socket of silent) socket.close();
  }
  assertEquals(server.uploads.length, 115);
  assertEquals(server.metrics.get("files connections refused"), 0);
});

// transfer.md 7.3
Deno.test("for a new connection the oldest one without a ticket is closed, and no transfer is", async () => {
  await using server = await TransferServer.start({ maxConnections: 3 });
  using transfer = await TransferPeer.upload(server.port, server.ticket(uploadOf(HELLO)));
  assertEquals(await transfer.line(), "P1 from 0");
  using oldest = await TransferPeer.connect(server.port);
  using wrong = await TransferPeer.connect(server.port, "P1 download AAAAAAAAAAAAAAAAAAAAAA 0");
  assertEquals(await wrong.line(), "P1 no ticket unknown, used or too old");
  using newest = await TransferPeer.connect(server.port, "P1 up");
  assertEquals(await oldest.line().catch(() => null), null);
  assertEquals(await put(server, HELLO, { name: "b", user: "bob" }), "P1 stored");
  await newest.send("\n");
  assertEquals(await newest.line(), "P1 no malformed");
  await sendContent(transfer, HELLO);
  assertEquals(await transfer.line(), storedOf(transfer, HELLO));
  assertEquals(server.metrics.get("files connections displaced"), 2);
});
