/** The forum's prompt on a terminal in memory, with a server in this process. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Forum } from "../../../../client/forum.ts";
import { ForumShell } from "../../../../client/command/forum/shell.ts";
import { findForum, logInAtTerminal } from "../../../../client/command/forum/shell_login.ts";
import { parseTyped, SHELL_HELP } from "../../../../client/command/forum/typed_command.ts";
import { TerminalEditor } from "../../../../client/terminal/line_editor/terminal_editor.ts";
import { temporaryDirectory } from "../../../program.ts";
import { withServer } from "../../../server/serve.ts";
import { VirtualTty } from "../../terminal/virtual_tty.ts";

/** A forum's server, and how to connect to it. */
async function withForum(use: (server: { port: number; serverKey: string }) => Promise<void>) {
  await withServer({ ports: { forum: 0 } }, async (server, log) => {
    const [serverKey = ""] = /public1\w+/.exec(log.join(""))!;
    await use({ port: server.addresses[0]!.port, serverKey });
  });
}

const { signal } = new AbortController();

/** A terminal at which nobody has logged in yet. */
function terminal(rows = 24) {
  const tty = new VirtualTty(80, rows), editor = new TerminalEditor(tty, "", 65_536);
  return { tty, editor, [Symbol.asyncDispose]: () => editor.close() };
}

/** A terminal at which yoda is at the prompt. */
async function atPrompt(server: { port: number; serverKey: string }, rows = 24, pager?: string) {
  const { tty, editor } = terminal(rows);
  const known = { name: "yoda", password: "jedi", make: true };
  const { forum, name } = (await logInAtTerminal(editor, server, known, signal))!;
  const shell = new ForumShell(editor, forum, { name, server, signal, pager: async () => await pager });
  const ended = shell.run();
  await tty.contains("yoda> |");
  return {
    tty,
    editor,
    forum,
    ended,
    /** Types a line, and waits for what it comes to. */
    async command(line: string, ...answer: string[]) {
      tty.type(`${line}\r`);
      await tty.contains([`yoda> ${line}`.trimEnd(), ...answer, "yoda> |"].join("\n"));
    },
    async [Symbol.asyncDispose]() {
      await editor.close();
      await ended;
      await forum.close();
    },
  };
}

// forum.md 5.9
Deno.test("a new name makes an account after a question, with the password typed twice", () =>
  withForum(async (server) => {
    await using here = terminal();
    const { tty, editor } = here, of = { name: "yoda", make: false };
    const logIn = logInAtTerminal(editor, server, of, signal);
    await tty.shows("There is no account 'yoda' yet. Make it? [y/N] |");
    tty.type("no\r");
    await tty.contains("\nName: |");
    tty.type("bad/name\r");
    await tty.contains("Cannot use 'bad/name' as a name");
    tty.type("luke\r");
    await tty.contains("There is no account 'luke' yet. Make it? [y/N] |");
    tty.type("y\r");
    await tty.contains("\nNew password: |");
    tty.type("father\rfatter\r");
    await tty.contains("The same again:\nIt was typed differently the second time.\nNew password: |");
    tty.type("father\rfather\r");
    const { forum, name } = (await logIn)!;
    await tty.contains("The same again:\nThe account 'luke' was made.\n|");
    assertEquals([name, tty.lines.join("\n").includes("father")], ["luke", false]);
    await forum.close();
  }));

Deno.test("a wrong password and a name that is active are answered, and Enter takes the name again", () =>
  withForum(async (server) => {
    await using prompt = await atPrompt(server);
    await using here = terminal();
    const { tty, editor } = here;
    const logIn = logInAtTerminal(editor, server, { make: false }, signal);
    await tty.shows("Name: |");
    tty.type("yoda\r");
    await tty.contains("yoda has already logged in\nName [yoda]: |");
    await prompt.forum.close();
    tty.type("\r");
    await tty.contains("\nPassword of yoda: |");
    tty.type("sith\r");
    await tty.contains("Invalid password\nName [yoda]: |");
    tty.type("\rjedi\r");
    await (await logIn)!.forum.close();
    const ended = logInAtTerminal(editor, server, { make: false }, signal);
    await tty.contains("\nName: |");
    tty.type("\x04");
    assertEquals(await ended, undefined);
  }));

// forum.md 5.9
Deno.test("without a server nothing is asked for", async () => {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const find = () => findForum(async () => await Promise.resolve({ port, timeout: 100 }), () => {});
  const error =
    `No forum answers at 127.0.0.1:${port}: 'wirepost serve' starts a server, --server HOST names one`;
  // one that does not answer, and none
  await assertRejects(find, Error, error);
  socket.close();
  await assertRejects(find, Error, error);
  // one that answers is left alone
  await withForum(async (server) => {
    const found = await findForum(async () => await Promise.resolve(server), () => {});
    assertEquals(found, server);
  });
});

Deno.test("commands are understood in small letters, and mistakes explained", () =>
  withForum(async (server) => {
    await using here = await atPrompt(server);
    const { tty, command } = here;
    assert(tty.screen.includes(`Welcome to the forum at 127.0.0.1:${server.port}.`), tty.screen);
    await command("lst", "No threads to list");
    await command("crt thread0", "Thread thread0 created");
    await command("Msg thread0  5 Ω, or more?", "Message posted to thread0 thread");
    await command("RDT thread0", "1 yoda:  5 Ω, or more?");
    await command("");
    await command("read thread0", "Unknown command 'read': 'help' shows the commands");
    await command("edt thread0 one", "Incorrect syntax for EDT: expected EDT TITLE NUMBER TEXT");
    await command("lst all", "Incorrect syntax for LST: expected LST");
    await command("dwn thread0 none", "File does not exist in Thread thread0");
    tty.type("help\r");
    await tty.contains(`yoda> help\n${SHELL_HELP}yoda> |`);
    tty.type("quit\r");
    await here.ended;
    await tty.contains("yoda> quit\nGoodbye\n|");
  }));

Deno.test("TAB completes commands, titles, files of a thread and files of this machine", () =>
  withForum(async (server) => {
    await using directory = await temporaryDirectory();
    await using here = await atPrompt(server);
    const { tty, forum, command } = here, { path } = directory;
    await Deno.mkdir(`${path}/letters`);
    for (const name of ["letters/one.txt", "letters/two words.txt", "list.txt", ".hidden"]) {
      await Deno.writeTextFile(`${path}/${name}`, name);
    }
    for (const title of ["thread0", "thread1", "other"]) await forum.create(title);
    await forum.upload("other", "list.txt", `${path}/list.txt`);
    const completed = async (keys: string, line: string) => {
      tty.type(`\x15${keys}\t!`);
      await tty.contains(`yoda> ${line}!|`);
    };
    await completed("r", "r");
    await completed("rd", "rdt ");
    await completed("UP", "UPD ");
    await completed("qu", "quit ");
    await completed("rdt o", "rdt other");
    await completed("msg thr", "msg thread");
    await completed("CRT thr", "CRT thr");
    await completed("MSG other l", "MSG other l");
    await completed(" DWN other l", " DWN other list.txt");
    await completed(`UPD other ${path}/li`, `UPD other ${path}/list.txt`);
    await completed(`UPD other ${path}/let`, `UPD other ${path}/letters/`);
    await completed(`UPD other ${path}/letters/`, `UPD other ${path}/letters/one.txt`);
    await completed(`UPD other ${path}/.h`, `UPD other ${path}/.hidden`);
    await completed(`UPD other ${path}/none/`, `UPD other ${path}/none/`);
    tty.type(`\x15UPD other ${path}/l\t\t`);
    await tty.contains("letters/  list.txt\nyoda> ");
    // what a command may have changed is asked for anew
    tty.type("\x15");
    await command("CRT newer", "Thread newer created");
    await completed("RDT n", "RDT newer");
    tty.type("\x15");
  }));

Deno.test("a thread that is longer than the screen is shown page by page", () =>
  withForum(async (server) => {
    await using here = await atPrompt(server, 8);
    const { tty, forum } = here, MORE = "-- Space: next page, Enter: next line, q: enough -- |";
    await forum.create("long");
    await forum.create("short");
    for (let i = 1; i <= 30; i++) await forum.post("long", `message ${i}`);
    await forum.post("short", "x".repeat(75));
    const lines = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => `${from + i} yoda: message ${from + i}\n`).join("");
    // two rows fit
    await here.command("RDT short", `1 yoda: ${"x".repeat(72)}`, "xxx");
    tty.type("RDT long\r");
    await tty.shows(`${lines(1, 7)}${MORE}`);
    tty.type(" ");
    await tty.shows(`${lines(8, 14)}${MORE}`);
    tty.type("\r");
    await tty.shows(`${lines(9, 15)}${MORE}`);
    tty.type("x q");
    await tty.contains(`${lines(22, 22)}yoda> |`);
    assertEquals(tty.lines.includes("23 yoda: message 23"), false);
    // all keys at once; the rest is for the prompt
    tty.type("\x0crdt long\r");
    await tty.contains(MORE);
    tty.type("    RDT short");
    await tty.contains(`${lines(30, 30)}yoda> RDT short|`);
    tty.type("\r");
    await tty.contains("\nxxx\nyoda> |");
  }));

Deno.test("another program shows a long thread, and the prompt comes again if it can't or does not want to", {
  ignore: Deno.build.os === "windows",
}, () =>
  withForum(async (server) => {
    await using directory = await temporaryDirectory();
    const file = `${directory.path}/shown`;
    const post = async (forum: Forum) => {
      await forum.create("long");
      const numbers = Array.from({ length: 1000 }, (_, i) => i + 1);
      await Promise.all(numbers.map((number) => forum.post("long", `message ${number} \u202e`)));
    };
    const answers = { [`cat >'${file}'`]: [], "exit 127": ["Cannot run the pager 'exit 127'"], ":": [] };
    for (const [i, [pager, answer]] of Object.entries(answers).entries()) {
      await using here = await atPrompt(server, 6, pager);
      if (i === 0) await post(here.forum);
      await here.command("rdt long", ...answer);
    }
    const lines = (await Deno.readTextFile(file)).split("\n");
    assertEquals([lines.length, lines.at(-2)], [1001, "1000 yoda: message 1000 <U+202E>"]);
  }));

Deno.test("the help fits into 80 columns and 24 rows, and every first word is understood", () => {
  const lines = SHELL_HELP.split("\n");
  assertEquals([lines.filter((line) => line.length >= 80), lines.length < 23], [[], true]);
  for (const word of ["?", "help", "HELP"]) assertEquals(parseTyped(` ${word} `), { help: true });
  for (const word of ["exit", "quit", "xit", "XIT"]) {
    assertEquals(parseTyped(word), { command: { kind: "XIT" } });
  }
});
