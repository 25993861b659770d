/** `wirepost chat` and `wirepost room` in a terminal, with the real server. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "../../ports.ts";
import { FROM_SOURCE, lacks, ServerProcess, temporaryDirectory } from "../../program.ts";
import { LinePeer } from "../../stream.ts";
import { teaChannel } from "./tea_channel.ts";
import { Terminal } from "../terminal.ts";

const ignore = Deno.build.os === "windows" || await lacks("tmux");

const quoted = (args: readonly string[]) => args.map((arg) => `'${arg}'`).join(" ");

/** Where nothing is remembered. */
const STATELESS = "XDG_STATE_HOME=/dev/null/none";

/** The program in a terminal. The shell that started it prints its exit code. */
function open(...args: string[]): Promise<Terminal> {
  return Terminal.open(`${STATELESS} ${quoted([...FROM_SOURCE, ...args])}; echo "left with $?"; read wait`);
}

/** What is read first on a terminal, in no channel. */
const BEGIN = "-- /join CHANNEL to begin; /list shows the channels, /help everything";

/** What Alice reads when she comes into that channel. */
const MEMBERS = "-- in tea: Alice (you), Bob";

Deno.test("a message that arrives does not destroy what is being typed", { ignore }, async () => {
  await using here = await teaChannel();
  await using terminal = await open("chat", "Alice", "127.0.0.1", here.port);
  await terminal.holds("[Me] |");
  await terminal.type("/join tea");
  assertEquals(await here.bob.next(), "Alice has joined");
  await terminal.type("helo", "Left");
  await terminal.holds("[Me] hel|o");
  await here.bob.send("Ω \x1b[31mred");
  await terminal.holds("[Bob] Ω \ufffd[31mred\n[Me] hel|o");
  await terminal.type("l");
  assertEquals(await here.bob.next(), "[Alice] hello");
  await terminal.holds(`[Me] /join tea\n${MEMBERS}\n[Bob] Ω \ufffd[31mred\n[Me] hello\n[Me] |`);
  await terminal.type("/list");
  await terminal.holds("[Me] /list\ntea\n[Me] |");
  await terminal.type("", "C-d");
  await terminal.shows("left with 0");
  assertEquals(await here.bob.next(), "Alice has left");
});

Deno.test(
  "on a terminal that can't move its cursor, a message is below what is typed",
  { ignore },
  async () => {
    await using here = await teaChannel();
    const chat = quoted([...FROM_SOURCE, "chat", "Alice", "127.0.0.1", here.port]);
    await using terminal = await Terminal.open(
      `${STATELESS} TERM=dumb ${chat}; echo "left with $?"; read wait`,
    );
    // what is typed while something is printed would stand before the prompt
    await terminal.holds(`${BEGIN}\n[Me] |`);
    await terminal.type("/join tea");
    assertEquals(await here.bob.next(), "Alice has joined");
    await terminal.holds(`[Me] /join tea\n${MEMBERS}\n[Me] |`);
    await here.bob.send("Ω");
    await terminal.holds(`[Me] /join tea\n${MEMBERS}\n[Me]\n[Bob] Ω\n[Me] |`);
    await terminal.type("hello");
    assertEquals(await here.bob.next(), "[Alice] hello");
    await terminal.holds("[Me] hello\n[Me] |");
    await terminal.type("", "C-d");
    await terminal.shows("left with 0");
    const written = terminal.written.slice(terminal.written.indexOf("[Me] "));
    assertEquals(written.includes("\x1b"), false, written);
  },
);

Deno.test("arrows, Home, End, words and history work in a terminal", { ignore }, async () => {
  await using here = await teaChannel();
  await using terminal = await open("chat", "Alice", "127.0.0.1", here.port);
  await terminal.holds("[Me] |");
  await terminal.type("/join tea");
  await here.bob.next();
  const keys = async (text: string, names: string, shown: string) => {
    await terminal.type(text, names);
    await terminal.holds(`[Me] ${shown}`);
  };
  await keys("one two", "Home", "|one two");
  await keys("x", "End", "xone two|");
  await keys("y", "Left Left BSpace", "xone t|oy");
  await keys("", "DC C-w", "xone |y");
  await keys("", "M-b M-d", "| y");
  await keys("5 Ω ", "C-e C-u", "|");
  await keys("", "C-y C-a C-k", "|");
  await keys("", "Up", "/join tea|");
  await keys("", "Down", "|");
  await keys("hello", "Enter", "hello\n[Me] |");
  await keys("", "Up Up Up", "/join tea|");
  await keys("", "Down BSpace", "hell|");
  await keys("", "Enter", "hell\n[Me] |");
  assertEquals([await here.bob.next(), await here.bob.next()], ["[Alice] hello", "[Alice] hell"]);
});

// channels.md 8.12, 8.13
Deno.test(
  "what a chat looks like, over a crash of the server, in a small and a large window",
  { ignore },
  async () => {
    await using directory = await temporaryDirectory();
    const { path } = directory, port = freePort();
    const serve = () => ServerProcess.start(["channels", `${port}`, "--data", `${path}/data`]);
    const chat = (name: string, columns: number, rows: number, ...options: string[]) => {
      const command = quoted([...FROM_SOURCE, "chat", name, "127.0.0.1", `${port}`, ...options]);
      return Terminal.open(
        `TZ=UTC XDG_STATE_HOME='${path}/state' ${command}; echo "left with $?"; read wait`,
        { columns, rows },
      );
    };
    const long = "a line that does not fit into a window of 80 columns, and so goes on in the next row of it";
    await using terminals = new AsyncDisposableStack();
    let small: Terminal, large: Terminal;
    const lost = () => `Server at 127.0.0.1:${port} has disconnected\n-- connecting again; Ctrl-C leaves`;
    {
      await using server = await serve();
      small = terminals.use(await chat("Alice", 80, 24));
      await small.holds(`${BEGIN}\n[Me] |`);
      await small.type("/create tea");
      await small.holds("[Me] /create tea\n-- in tea: Alice (you)\n[Me] |");
      large = terminals.use(await chat("Bob", 200, 50, "--timestamps", "--notify"));
      await large.holds("[Me] |");
      await large.type("/join tea");
      await large.holds("[Me] /join tea\n-- in tea: Alice, Bob (you)\n");
      await large.type(long);
      await small.holds(`Bob has joined\n[Bob] ${long.slice(0, 74)}\n${long.slice(74)}\n[Me] |`);
      await small.type("bo", "Tab");
      await small.holds("[Me] Bob: |");
      await small.type("Ω ✓ 漢字");
      await large.shows("Ω ✓ 漢字");
      assertMatch(await large.screen(), /^\d\d:\d\d \[Me\] a line .*\n\d\d:\d\d \[Alice\] Bob: Ω ✓ 漢字$/m);
      // each has its colour, and Bob's name rings
      assert(/\[.\[\d+mAlice.\[0m\] Bob: Ω ✓ 漢字/.test(large.written), large.written);
      assert(large.written.includes("漢字\x07"), large.written);
      await small.type("/who");
      await small.holds("[Me] /who\n-- in tea: Alice (you), Bob\n[Me] |");
      await server.end("SIGKILL");
    }
    await small.holds(`${lost()}\n[Me] |`);
    await large.holds(lost());
    await small.type("said meanwhile");
    await using server = await serve();
    await small.holds(`${lost()}\n[Me] said meanwhile\n-- reconnected\n`);
    await small.holds("-- since you were last here:\n-- messages may be missing here");
    await large.shows("said meanwhile");
    assertMatch(await large.screen(), /^-- reconnected\n(.*\n)*\d\d:\d\d \[Alice\] said meanwhile$/m);
    // the window is made smaller: what was said goes on in as many rows as it needs
    await large.resize(60);
    await large.holds(`[Me] ${long.slice(0, 49)}\n${long.slice(49)}\n`);
    await large.type("/quit");
    await small.holds("Bob has left\n[Me] |");
    assertEquals((await server.end()).code, 0);
    // both have written what they remember
    await large.shows("left with 0");
    await small.type("", "C-c");
    await small.shows("left with 0");
  },
);

for (const plain of [false, true]) {
  Deno.test(
    `200 pasted lines are sent in order, ${plain ? "not " : ""}marked as pasted`,
    { ignore },
    async () => {
      await using here = await teaChannel();
      await using terminal = await open("chat", "Alice", "127.0.0.1", here.port);
      await terminal.holds("[Me] |");
      await terminal.type("/join tea");
      assertEquals(await here.bob.next(), "Alice has joined");
      const lines = Array.from(
        { length: 200 },
        (_, i) => `line ${i}: 5 Ω, or more? ✓ ${"x".repeat(1 + i % 40)}`,
      );
      await terminal.paste(`${lines.join("\n")}\nrest`, plain);
      for (const line of lines) assertEquals(await here.bob.next(), `[Alice] ${line}`);
      await terminal.holds(`[Me] ${lines[198]}\n[Me] ${lines[199]}\n[Me] rest|`);
    },
  );
}

Deno.test(
  "a line that is being typed is wrapped again when the terminal's size changes",
  { ignore },
  async () => {
    await using here = await teaChannel();
    await using terminal = await open("chat", "Alice", "127.0.0.1", here.port);
    await terminal.holds("[Me] |");
    await terminal.type("/join tea");
    assertEquals(await here.bob.next(), "Alice has joined");
    const line = "0123456789".repeat(8);
    await terminal.type(line, "Left Left");
    await terminal.holds(`[Me] ${line.slice(0, 78)}|89`);
    await terminal.resize(50);
    await terminal.holds(`[Me] /join tea\n${MEMBERS}\n[Me] ${line.slice(0, 45)}\n${line.slice(45, 78)}|89`);
    await here.bob.send("hello");
    await terminal.holds(
      `[Me] /join tea\n${MEMBERS}\n[Bob] hello\n[Me] ${line.slice(0, 45)}\n${line.slice(45, 78)}|89`,
    );
    await terminal.resize(100);
    await terminal.holds(`[Me] /join tea\n${MEMBERS}\n[Bob] hello\n[Me] ${line.slice(0, 78)}|89`);
    await terminal.type("X");
    assertEquals(await here.bob.next(), `[Alice] ${line.slice(0, 78)}X89`);
  },
);

Deno.test("however chat ends, the terminal has the settings that it had", { ignore }, async (t) => {
  await using directory = await temporaryDirectory();
  const settings = (name: string) => Deno.readTextFile(`${directory.path}/${name}`);
  const ends: Readonly<
    Record<string, [number, (terminal: Terminal, server: ServerProcess) => Promise<unknown>]>
  > = {
    "Ctrl-C": [0, (terminal) => terminal.type("", "C-c")],
    "Ctrl-D": [0, (terminal) => terminal.type("", "C-e C-u C-d")],
    "Ctrl-C while the server is away": [0, async (terminal, server) => {
      await server.end();
      await terminal.shows("-- connecting again; Ctrl-C leaves");
      await terminal.type("", "C-c");
    }],
    "SIGTERM": [143, async () => Deno.kill(Number(await settings("pid")), "SIGTERM")],
    "SIGHUP": [129, async () => Deno.kill(Number(await settings("pid")), "SIGHUP")],
  };
  for (const [name, [code, end]] of Object.entries(ends)) {
    await t.step(name, async () => {
      await using here = await teaChannel();
      const program = quoted([...FROM_SOURCE, "chat", "Alice", "127.0.0.1", here.port]);
      const { path } = directory;
      await using terminal = await Terminal.open(
        `stty -a >'${path}/before'; ${STATELESS} sh -c 'echo $$ >"$0"; exec "$@"' '${path}/pid' ${program}; ` +
          `echo "left with $?"; stty -a >'${path}/after'; read wait; echo "read $wait"; read wait`,
      );
      await terminal.holds("[Me] |");
      await terminal.type("half a line", "Left");
      await terminal.holds("[Me] half a lin|e");
      await end(terminal, here.server);
      await terminal.shows(`left with ${code}`);
      // and what is typed is seen again
      await terminal.type("hello");
      await terminal.shows("hello\r\nread hello");
      assertEquals(await settings("after"), await settings("before"));
    });
  }
});

for (const size of [{ columns: 80, rows: 24 }, { columns: 200, rows: 50 }]) {
  Deno.test(
    `wirepost room in a terminal of ${size.columns} columns talks to a plain TCP client`,
    { ignore },
    async () => {
      await using server = await ServerProcess.start(["room", "0", "--memory"]);
      const { port } = server, room = quoted([...FROM_SOURCE, "room", "127.0.0.1", `${port}`]);
      await using terminal = await Terminal.open(
        `${STATELESS} ${room}; echo "left with $?"; read wait`,
        size,
      );
      await terminal.holds("Connected to server. Start sending messages\n<You> |");
      using peer = await LinePeer.connect(port);
      const entered = `[127.0.0.1:${peer.port}] entered room`;
      await terminal.holds(`${entered}\n<You> |`);
      await terminal.type("half a");
      assertMatch(await peer.next() ?? "", /^\r<\('127\.0\.0\.1', \d+\)> half a$/);
      await terminal.type("typed", "Home");
      await terminal.holds("<You> |typed");
      await peer.send("5 Ω, or more? ✓");
      const said = `<('127.0.0.1', ${peer.port})> 5 Ω, or more? ✓`;
      await terminal.holds(`<You> half a\n${said}\n<You> |typed`);
      peer.conn.close();
      const gone = `Client (127.0.0.1, ${peer.port}) is offline`;
      await terminal.holds(`${gone}\n<You> |typed`);
      await terminal.type("", "C-u C-k");
      await terminal.type("/history");
      const seen = `${entered}\n<You> half a\n${said}\n${gone}\n`;
      await terminal.holds(`<You> /history\n-- what you have seen since you came:\n${seen}<You> |`);
      await terminal.type("typed", "Home");
      await terminal.holds("<You> |typed");
      assertEquals((await server.end()).code, 0);
      await terminal.holds(
        "Disconnected from the server\n-- connecting again; Ctrl-C leaves\n<You> |typed",
      );
      await terminal.type("", "C-c");
      await terminal.holds("<You> typed^C\nleft with 0");
    },
  );
}
