/** The chat on a terminal, with real servers and in this process. */

import { assertEquals } from "@std/assert";
import { encodeFrames } from "../../../protocol/syntax/frame.ts";
import { freePort } from "../../ports.ts";
import { temporaryDirectory } from "../../program.ts";
import { withServer } from "../../server/serve.ts";
import { FramePeer, LinePeer } from "../../stream.ts";
import { ScriptedServer } from "../scripted_server.ts";
import { Chatter } from "./terminal.ts";

const HINT = "-- /join CHANNEL to begin; /list shows the channels, /help everything";

// channels.md 8.4, 8.12, 8.14
Deno.test("two users on terminals and a client of the original talk in a channel", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    await using alice = await Chatter.channels("Alice", port);
    await alice.tty.shows(`${HINT}\n[Me] |`);
    alice.type("/list");
    await alice.sees("[Me] /list", "-- there are no channels; /create CHANNEL makes one", "[Me] |");
    alice.type("/create tea");
    await alice.sees("[Me] /create tea", "-- in tea: Alice (you)", "[Me] |");
    await using bob = await Chatter.channels("Bob", port, { channel: "tea" });
    await bob.tty.shows("-- in tea: Alice, Bob (you)\n[Me] |");
    await alice.sees("Bob has joined", "[Me] |");
    using carol = await FramePeer.named("Carol", port);
    await carol.send("/join tea", "hi");
    await bob.sees("Carol has joined", "[Carol] hi", "[Me] |");
    const long = "y".repeat(300);
    alice.type(long);
    alice.type("//who begins with a slash");
    const said = [await carol.next(), await carol.next(), await carol.next(), await carol.next()];
    assertEquals(said, [
      `[Alice] ${"y".repeat(192)}`,
      `[Alice] ${"y".repeat(8)}`,
      `[Alice] ${"y".repeat(100)}`,
      "[Alice] /who begins with a slash",
    ]);
    await bob.sees("[Alice] /who begins with a slash", "[Me] |");
    bob.type("/list");
    await bob.sees("[Me] /list", "tea", "[Me] |");
    bob.type("/join nothing");
    await bob.sees("No channel named nothing exists. Try '/create nothing'?", "[Me] |");
    bob.type("/who");
    await bob.sees("[Me] /who", "-- in tea: Alice, Bob (you), Carol", "[Me] |");
    bob.type("/sing");
    await bob.sees(
      "-- no such command: /sing (/help lists them; //sing says it)",
      "[Me] |",
    );
    bob.type("/hist");
    await bob.sees("-- no such command: /hist (did you mean /history? //hist says it)", "[Me] |");
    bob.type("/history 2");
    await bob.sees(
      "[Me] /history 2",
      `[Alice] ${"y".repeat(92)}`,
      "yyyyyyyy",
      "[Alice] /who begins with a slash",
    );
    bob.type("/history many");
    await bob.sees("-- not a number of messages: many", "[Me] |");
    bob.type("/clear");
    await bob.tty.shows("[Me] |");
    bob.type(`/create ${"x".repeat(193)}`);
    await bob.sees("-- not sent: a command has at most 200 bytes", "[Me] |");
    assertEquals(await bob.leave(), 0);
    await alice.sees("Bob has left", "[Me] |");
    alice.type("/help");
    await alice.sees("  //…               say a line that begins with /", "[Me] |");
  }));

// channels.md 8.12
Deno.test("a user who comes back is shown what was said since, once", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    await using directory = await temporaryDirectory();
    const { port } = server.addresses[0]!, positions = `${directory.path}/state/positions`;
    using carol = await FramePeer.named("Carol", port);
    await carol.send("/create tea", ...Array.from({ length: 130 }, (_, i) => `${i + 1}`));
    await carol.settle();
    const join = () => Chatter.channels("Alice", port, { channel: "tea", positions });
    {
      await using alice = await join();
      await alice.sees("-- said last in tea:", "[Carol] 111");
      await alice.sees("[Carol] 130", "-- in tea: Alice (you), Carol", "[Me] |");
      alice.type("mine");
      assertEquals([await carol.next(), await carol.next()], ["Alice has joined", "[Alice] mine"]);
      await carol.send("and mine");
      await alice.sees("[Carol] and mine", "[Me] |");
      assertEquals(await alice.leave(), 0);
    }
    {
      await using alice = await join();
      await alice.tty.shows("-- in tea: Alice (you), Carol\n[Me] |");
    }
    await carol.send(...Array.from({ length: 250 }, (_, i) => `again ${i + 1}`));
    await carol.settle();
    {
      await using alice = await join();
      await alice.sees("[Carol] again 250", "-- in tea: Alice (you), Carol", "[Me] |");
      const shown = alice.tty.lines.filter((line) => line.startsWith("[Carol]"));
      assertEquals(shown, Array.from({ length: 250 }, (_, i) => `[Carol] again ${i + 1}`));
      assertEquals(alice.tty.lines[0], "-- since you were last here:");
      alice.type("/history 300");
      await alice.sees("[Me] |");
      alice.type("/who");
      await alice.sees("[Me] /who", "-- in tea: Alice (you), Carol", "[Me] |");
      const asked = alice.tty.lines.slice(alice.tty.lines.indexOf("[Me] /history 300"));
      assertEquals([asked.length, asked[1], asked[300]], [304, "[Carol] 83", "[Carol] again 250"]);
    }
    // what others have written in the file stays
    const file = await Deno.readTextFile(positions);
    assertEquals(/^127\.0\.0\.1:\d+ [0-9a-f]{10} 382 tea Alice\n$/.test(file), true, file);
  }));

// channels.md 8.13
Deno.test("chats go on after a restart of the server: nothing is missed or shown twice, on either side", async () => {
  await using directory = await temporaryDirectory();
  const port = freePort();
  const serve = (use: () => Promise<void>) =>
    withServer({ ports: { channels: port }, data: directory.path }, use);
  await using chatters = new AsyncDisposableStack();
  let alice!: Chatter, bob!: Chatter;
  await serve(async () => {
    alice = chatters.use(await Chatter.channels("Alice", port, { channel: "tea" }));
    await alice.sees("-- in tea: Alice (you)", "[Me] |");
    bob = chatters.use(await Chatter.channels("Bob", port, { channel: "tea" }));
    await alice.sees("Bob has joined", "[Me] |");
    bob.type("one");
    await alice.sees("[Bob] one", "[Me] |");
  });
  const lost = ["Server has disconnected", "-- connecting again; Ctrl-C leaves"];
  await alice.sees("[Bob] one");
  for (const chatter of [alice, bob]) await chatter.sees(...lost, "[Me] |");
  alice.type("typed meanwhile");
  alice.type("/list");
  await alice.sees(
    "[Me] typed meanwhile",
    "[Me] /list",
    "-- not connected: the command was not sent",
    "[Me] |",
  );
  await serve(async () => {
    for (const chatter of [alice, bob]) await chatter.sees("-- reconnected");
    await bob.sees("[Alice] typed meanwhile");
    bob.type("two");
    await alice.sees("[Bob] two", "[Me] |");
    alice.type("three");
    await bob.sees("[Alice] three", "[Me] |");
  });
  await alice.sees("[Bob] two", "[Me] three", ...lost);
  for (
    const [chatter, said] of [[alice, ["[Bob] one", "[Bob] two"]], [bob, [
      "[Alice] typed meanwhile",
      "[Alice] three",
    ]]] as const
  ) {
    assertEquals(
      chatter.tty.lines.filter((line) => /^\[(Alice|Bob)\]/.test(line)),
      said as unknown as string[],
    );
    assertEquals(chatter.tty.lines.filter((line) => line.includes("-- reconnected")).length, 1);
  }
  alice.type("never sent");
  await alice.sees("[Me] never sent", "[Me] |");
  assertEquals(await alice.leave(), 1);
  await alice.sees("-- lines that were not sent: 1");
});

// channels.md 8.2, 8.14
Deno.test("a server that knows nothing of announced clients is talked to as by the original", async () => {
  using server = new ScriptedServer();
  const opening = Chatter.channels("Alice", server.port);
  await server.accept();
  await using alice = await opening;
  const frames = (...texts: string[]) =>
    texts.map((text) => new TextDecoder().decode(encodeFrames(text))).join("");
  const notValid = (text: string) =>
    `${text} is not a valid control message. Valid messages are /create, /list, and /join.`;
  const announcement = "/wirepost\n1";
  const expect = async (...texts: string[]) => {
    assertEquals(await server.read(200 * texts.length), frames(...texts));
  };
  await expect("Alice", announcement);
  await server.write(frames(notValid(announcement)));
  await alice.tty.shows(`${HINT}\n[Me] |`);
  alice.type("/join tea");
  await expect("/join tea", announcement);
  await server.write(frames("No channel named tea exists. Try '/create tea'?", notValid(announcement)));
  await alice.sees("[Me] /join tea", "No channel named tea exists. Try '/create tea'?", "[Me] |");
  alice.type("/create tea");
  await expect("/create tea", announcement);
  await server.write(
    frames(notValid(announcement), "Bob has joined", "[Bob] hi  there", "Dora has joined", "Dora has left"),
  );
  await alice.sees(
    "[Me] /create tea",
    "Bob has joined",
    "[Bob] hi  there",
    "Dora has joined",
    "Dora has left",
    "[Me] |",
  );
  alice.type("//slash");
  await expect(" /slash");
  alice.type("/who");
  await alice.sees("[Me] /who", "-- seen since you came: Bob", "[Me] |");
  alice.type("/history 2");
  await alice.sees("-- what you have seen since you came:", "Dora has left", "[Alice] /slash", "[Me] |");
  alice.tty.type("b\t");
  await alice.sees("[Me] Bob: |");
  alice.type("hi");
  await expect("Bob: hi");
  // it comes back, and has forgotten the channel
  server.close();
  await alice.sees("Server has disconnected", "-- connecting again; Ctrl-C leaves", "[Me] |");
  await server.accept();
  await expect("Alice", announcement);
  await server.write(frames(notValid(announcement)));
  await expect("/join tea", announcement);
  await server.write(frames("No channel named tea exists. Try '/create tea'?", notValid(announcement)));
  await expect("/create tea", announcement);
  await server.write(frames(notValid(announcement)));
  await alice.sees("-- reconnected", "[Me] |");
  alice.type("here again");
  await expect("here again");
});

Deno.test("Tab completes commands, channels and names, and the user's name rings the bell", () =>
  withServer({ ports: { channels: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    using carol = await FramePeer.named("Carol", port);
    await carol.send("/create teapots", "/create tea");
    await carol.settle();
    await using alice = await Chatter.channels("Alice", port, { isRinging: true });
    await alice.sees("[Me] |");
    alice.tty.type("/jo\tteap\t");
    await alice.sees("[Me] /join teapots|");
    alice.tty.type("\x15/join tea\r");
    await alice.sees("-- in tea: Alice (you), Carol", "[Me] |");
    alice.tty.type("c\thi, c\t");
    await alice.sees("[Me] Carol: hi, Carol |");
    assertEquals(alice.tty.rang, 0);
    await carol.send("Malice", "hi alice!");
    await alice.sees("[Carol] Malice", "[Carol] hi alice!");
    assertEquals(alice.tty.rang, 1);
  }));

// room.md 3.6
Deno.test("in the room, what was seen is who is there and what was said", () =>
  withServer({ ports: { room: 0 } }, async (server) => {
    const { port } = server.addresses[0]!;
    await using you = await Chatter.room(port);
    await you.tty.shows("<You> |");
    using peer = await LinePeer.connect(port);
    await you.sees(`[127.0.0.1:${peer.port}] entered room`, "<You> |");
    you.type("//slash");
    assertEquals((await peer.next())?.replace(/\d{4,5}/, "N"), "\r<('127.0.0.1', N)> /slash");
    await peer.send("/join is nothing here");
    const said = `<('127.0.0.1', ${peer.port})> /join is nothing here`;
    await you.sees(said, "<You> |");
    you.type("/join tea");
    await you.sees("-- no such command: /join (/help lists them; //join says it)");
    you.type("/who");
    await you.sees(`-- seen since you came: ('127.0.0.1', ${peer.port})`, "<You> |");
    you.type("/history 2");
    await you.sees("-- what you have seen since you came:", "<You> /slash", said, "<You> |");
    peer.conn.close();
    await you.sees(`Client (127.0.0.1, ${peer.port}) is offline`, "<You> |");
    you.type("/who");
    await you.sees("-- seen since you came: nobody", "<You> |");
    assertEquals(await you.leave(), 0);
  }));

// room.md 3.6
Deno.test("in the room too, a chat goes on after a restart of the server", async () => {
  using server = new ScriptedServer();
  const opening = Chatter.room(server.port);
  await server.accept();
  await using you = await opening;
  await you.sees("<You> |");
  server.close();
  await you.sees("Server has disconnected", "-- connecting again; Ctrl-C leaves");
  you.type("said meanwhile");
  await you.sees("<You> said meanwhile");
  await server.accept();
  assertEquals(await server.read("said meanwhile\n".length), "said meanwhile\n");
  await server.write("[127.0.0.1:50001] entered room\n\r<('127.0.0.1', 50001)> hi\n");
  await you.sees("-- reconnected; what was said meanwhile is not known");
  await you.sees("[127.0.0.1:50001] entered room");
  await you.sees("<('127.0.0.1', 50001)> hi");
  you.type("/quit");
  assertEquals(await server.readAll(), "");
  server.close();
  assertEquals(await you.leave(), 0);
});
