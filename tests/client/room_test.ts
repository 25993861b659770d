/** The library's client of the room, and what every conversation does, against a server that says what a test wants. */

import { type AddressInfo, createServer } from "node:net";
import { assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { connectRoom, type Room } from "../../client/room.ts";
import { ScriptedServer } from "./scripted_server.ts";

async function connected(server: ScriptedServer, signal?: AbortSignal): Promise<Room> {
  const options = { port: server.port, ...signal === undefined ? {} : { signal } };
  const [room] = await Promise.all([connectRoom(options), server.accept()]);
  return room;
}

/** What a server says, and what the client has of it. */
const SAID: readonly [string, string][] = [
  ["[127.0.0.1:60602] entered room\n", "[127.0.0.1:60602] entered room"],
  ["\r<('127.0.0.1', 60602)> 5 Ω, or more? ✓\n", "<('127.0.0.1', 60602)> 5 Ω, or more? ✓"],
  ["\r<('::1', 60602, 0, 0)> hello  \n", "<('::1', 60602, 0, 0)> hello  "],
  ["\r<('127.0.0.1', 60602)> \n", "<('127.0.0.1', 60602)> "],
  ["Client (127.0.0.1, 60602) is offline\n", "Client (127.0.0.1, 60602) is offline"],
  ["[Alice] entered room\r\n", "[Alice] entered room"],
  ["\r<Alice> with\ra CR\n", "<Alice> with\ra CR"],
  ["\n", ""],
  // the server closes behind it
  ["not a whole line", "not a whole line"],
];

for (
  const [how, piece] of [["whole", Infinity], ["split at every byte", 1], [
    "in 33 bytes a write",
    33,
  ]] as const
) {
  Deno.test(`Room gives the server's lines, ${how}`, async () => {
    using server = new ScriptedServer();
    await using room = await connected(server);
    const [lines] = await Promise.all([
      Array.fromAsync(room),
      server.write(SAID.map(([bytes]) => bytes).join(""), piece).then(() => server.end()),
    ]);
    assertEquals(lines, SAID.map(([, line]) => line));
    assertEquals(room.dropped, 0);
  });
}

// room.md 3.5
Deno.test("Room drops and counts a line over 65,536 bytes, and makes U+FFFD of what is not UTF-8", async () => {
  using server = new ScriptedServer();
  await using room = await connected(server);
  const [lines] = await Promise.all([
    Array.fromAsync(room),
    (async () => {
      await server.write("x".repeat(65_536) + "\n");
      await server.write("x".repeat(200_000) + "\n");
      await server.write(new Uint8Array([0x61, 0xff, 0x62, 0x0a]));
      await server.end();
    })(),
  ]);
  assertEquals(lines, ["x".repeat(65_536), "a\ufffdb"]);
  assertEquals(room.dropped, 1);
});

// room.md 3.1
Deno.test("Room.send() sends a line each, in order, and no line end within one", async () => {
  using server = new ScriptedServer();
  await using room = await connected(server);
  const lines = Array.from({ length: 1000 }, (_, i) => `${i} Ω`);
  await Promise.all(["", " ", ...lines].map((line) => room.send(line)));
  await assertRejects(() => room.send("two\nlines"), TypeError, "Cannot send a line with a line end in it");
  await room.finish();
  assertEquals(await server.readAll(), ["", " ", ...lines, ""].join("\n"));
  server.close();
});

Deno.test("send() goes no further ahead of the server than what buffers between the two hold", async () => {
  using server = new ScriptedServer();
  await using room = await connected(server);
  const line = "x".repeat(65_535), count = 1024;
  let sent = 0, read = 0, ahead = 0;
  const sending = (async () => {
    await Promise.all(Array.from({ length: count }, () => room.send(line).then(() => sent++)));
    await room.finish();
  })();
  for (let text = await server.read(65_536); text !== ""; text = await server.read(65_536)) {
    ahead = Math.max(ahead, sent * 65_536 - read);
    read += text.length;
  }
  await sending;
  assertEquals(read, count * 65_536);
  assertLess(ahead, 32 * 1024 * 1024);
  server.close();
});

Deno.test("what was sent arrives before the end of await using, and what comes is read to the end", async () => {
  using server = new ScriptedServer();
  const heard = Promise.withResolvers<string>();
  {
    await using room = await connected(server);
    for (let i = 0; i < 1000; i++) await room.send(`line ${i}`);
    (async () => {
      // with these unread, a client that simply closed would send a reset, and lose its own lines
      await server.write("unread\n".repeat(10_000));
      heard.resolve(await server.readAll());
      server.close();
    })();
  }
  assertEquals((await heard.promise).split("\n").length, 1001);
});

Deno.test("receive() ends where the server closes, and throws where the connection breaks", async () => {
  using server = new ScriptedServer();
  {
    await using room = await connected(server);
    await server.write("bye\n");
    await server.end();
    assertEquals([await room.receive(), await room.receive(), await room.receive()], [
      "bye",
      undefined,
      undefined,
    ]);
  }
  // a connection that is reset, which Deno's own sockets can't do
  const resetting = createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  await new Promise<void>((resolve) => resetting.listen(0, "127.0.0.1", resolve));
  await using room = await connectRoom({ port: (resetting.address() as AddressInfo).port });
  await room.send("hello");
  const error = await assertRejects(() => room.receive(), Error);
  assertMatch(error.message, /^Cannot receive from the server: Connection reset/);
  assertEquals(await room.receive(), undefined);
  await new Promise((resolve) => resetting.close(resolve));
});

Deno.test("close() ends a receive() that waits, and one call waits at a time", async () => {
  using server = new ScriptedServer();
  const room = await connected(server);
  const waiting = room.receive();
  await assertRejects(() => room.receive(), Error, "Cannot receive: another call waits for a message");
  room.close();
  room.close();
  assertEquals(await waiting, undefined);
  assertMatch(
    (await assertRejects(() => room.send("too late"), Error)).message,
    /^Cannot send to the server: /,
  );
});

Deno.test("an AbortSignal ends the connecting and the conversation, with its reason", async () => {
  using server = new ScriptedServer();
  const reason = new Error("enough");
  assertEquals(
    await assertRejects(() => connectRoom({ port: server.port, signal: AbortSignal.abort(reason) }), Error),
    reason,
  );
  const abort = new AbortController();
  const room = await connected(server, abort.signal);
  const waiting = room.receive();
  abort.abort(reason);
  assertEquals(await assertRejects(() => waiting, Error), reason);
  assertEquals(await assertRejects(() => room.send("too late"), Error), reason);
  await room[Symbol.asyncDispose]();
});

Deno.test("connectRoom() says why there is no way to the server", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const refused = await assertRejects(() => connectRoom({ port }), Error);
  assertMatch(refused.message, new RegExp(`^Cannot connect to 127.0.0.1:${port}: Connection refused`));
  const unknown = await assertRejects(() => connectRoom({ hostname: "nobody.invalid" }), Error);
  assertMatch(unknown.message, /^Cannot connect to nobody.invalid:6000: /);
});

Deno.test("connectRoom() gives up a server that does not answer", async () => {
  // a full queue of connections that nobody accepts takes no more, as a firewall does
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr as Deno.NetAddr;
  const rooms: Room[] = [];
  const error = await assertRejects(async () => {
    for (let i = 0; i < 100; i++) rooms.push(await connectRoom({ port, timeout: 200 }));
  }, Error);
  assertEquals(error.message, `Cannot connect to 127.0.0.1:${port}: no answer within 0.2 s`);
  for (const room of rooms) room.close();
  listener.close();
});
