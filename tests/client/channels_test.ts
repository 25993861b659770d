/** The library's client of the channels, against a server that says what a test wants. */

import { assertEquals, assertRejects } from "@std/assert";
import { type Channels, connectChannels } from "../../client/channels.ts";
import { ScriptedServer } from "./scripted_server.ts";

/** 200 bytes. */
function frame(text: string): string {
  return text + " ".repeat(200 - new TextEncoder().encode(text).length);
}

/** Frames as a server reads them, without what pads them. */
function frames(bytes: string): string[] {
  const all = new TextEncoder().encode(bytes);
  return Array.from(
    { length: Math.ceil(all.length / 200) },
    (_, i) =>
      new TextDecoder("utf-8", { fatal: true }).decode(all.subarray(i * 200, (i + 1) * 200)).trimEnd(),
  );
}

async function connected(server: ScriptedServer, name = "Alice"): Promise<Channels> {
  const [channels] = await Promise.all([connectChannels({ name, port: server.port }), server.accept()]);
  return channels;
}

/** What a server says in a frame each, as the client has it. */
const SAID = [
  "Bob has joined",
  "Bob has left",
  "lounge\ntea\nüber",
  "Room lounge already exists, so cannot be created.",
  "/create command must be followed by the name of a channel to create",
  "No channel named lounge exists. Try '/create lounge'?",
  "/join command must be followed by the name of a channel to join.",
  "/LIST is not a valid control message. Valid messages are /create, /list, and /join.",
  "Not currently in any channel. Must join a channel before sending messages.",
  "[Bob] 5 Ω, or more? ✓",
  "[Bob]",
  "",
  "  [Bob] with spaces before it",
  `[Bob] ${"x".repeat(194)}`,
];

for (
  const [how, piece] of [["whole", Infinity], ["split at every byte", 1], [
    "in 333 bytes a write",
    333,
  ]] as const
) {
  Deno.test(`Channels gives what the server says, ${how}`, async () => {
    using server = new ScriptedServer();
    await using channels = await connected(server);
    assertEquals(await server.read(200), frame("Alice"));
    const [messages] = await Promise.all([
      Array.fromAsync(channels),
      server.write(SAID.map(frame).join("") + "[Bob] not a whole frame", piece).then(() => server.end()),
    ]);
    assertEquals(messages, SAID);
  });
}

// channels.md 1.2, 4.1
Deno.test("Channels strips all white space at the end of a frame, and makes U+FFFD of what is not UTF-8", async () => {
  using server = new ScriptedServer();
  await using channels = await connected(server);
  const bytes = new TextEncoder().encode(frame("[Bob] hi \t\r\n\v\f") + frame("[Bob] ?"));
  bytes[206] = 0xff;
  await server.write(bytes);
  assertEquals(await channels.receive(), "[Bob] hi");
  assertEquals(await channels.receive(), "[Bob] \ufffd");
  await server.end();
});

/** What is sent, and the frames it travels in. */
const SENT: readonly [string, string[]][] = [
  ["hello", ["hello"]],
  ["", [""]],
  ["   ", [""]],
  ["/list", ["/list"]],
  ["/join lounge  \t", ["/join lounge"]],
  [" /list", [" /list"]],
  [`/create ${"x".repeat(192)}`, [`/create ${"x".repeat(192)}`]],
  ["5 Ω, or more? ✓", ["5 Ω, or more? ✓"]],
  ["x".repeat(200), ["x".repeat(200)]],
  ["x".repeat(201), ["x".repeat(200), "x"]],
  ["x".repeat(400), ["x".repeat(200), "x".repeat(200)]],
  // never within a character
  ["x".repeat(199) + "Ω!", ["x".repeat(199), "Ω!"]],
  ["✓".repeat(67), ["✓".repeat(66), "✓"]],
  // white space would be lost at the end of a frame, not at its beginning
  [`${"x".repeat(198)}  y`, ["x".repeat(198), "  y"]],
  [`${"x".repeat(199)} ${"y".repeat(199)}`, ["x".repeat(199), ` ${"y".repeat(199)}`]],
  [`x${" ".repeat(450)}y`, ["x", "", "", `${" ".repeat(50)}y`]],
  // what goes on is no control message
  [`${"x".repeat(200)}/join tea`, ["x".repeat(200), " /join tea"]],
  [` ${"/".repeat(399)}`, [` ${"/".repeat(199)}`, ` ${"/".repeat(199)}`, " /"]],
  ["a\tb\x07", ["a\tb\x07"]],
];

// channels.md 3.2
Deno.test("Channels.send() pads a message, and parts a longer one so that nothing is lost or obeyed", async () => {
  using server = new ScriptedServer();
  for (const [text, expected] of SENT) {
    await using channels = await connected(server);
    await channels.send(text);
    await channels.finish();
    assertEquals(frames(await server.readAll()), ["Alice", ...expected], text.slice(0, 30));
    server.close();
  }
});

// channels.md 3.2
Deno.test("Channels.send() refuses a control message that is longer than a frame", async () => {
  using server = new ScriptedServer();
  await using channels = await connected(server);
  const error = await assertRejects(() => channels.send(`/create ${"Ω".repeat(97)}`), RangeError);
  assertEquals(error.message, "Cannot send a control message over 200 bytes: '/create ΩΩΩΩΩΩΩΩ…'");
  await channels.send("hello");
  await channels.finish();
  assertEquals(frames(await server.readAll()), ["Alice", "hello"]);
  server.close();
});

Deno.test("connectChannels() refuses what is no name, before it connects", async () => {
  for (
    const name of ["", " ", "Alice ", " Alice", "Al\nice", "Al\x9bice", "x".repeat(201), "Ω".repeat(101)]
  ) {
    await assertRejects(() => connectChannels({ name, port: 1 }), TypeError, "Cannot use '");
  }
  using server = new ScriptedServer();
  for (const name of ["Alice Ω B", "Ω".repeat(100)]) {
    await using _ = await connected(server, name);
    assertEquals(frames(await server.read(200)), [name]);
    server.close();
  }
});
