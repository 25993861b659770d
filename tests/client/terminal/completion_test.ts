/** TAB and Ctrl-R of the line editor, on a terminal in memory. */

import { assert, assertEquals } from "@std/assert";
import type { Complete } from "../../../client/terminal/line_editor/completion.ts";
import { TerminalEditor } from "../../../client/terminal/line_editor/terminal_editor.ts";
import { VirtualTty } from "./virtual_tty.ts";

const LEFT = "\x1b[D", UP = "\x1b[A", DOWN = "\x1b[B", HOME = "\x01", BACKSPACE = "\x7f";

/** An editor whose lines are read as they come. */
function open(tty: VirtualTty, complete?: Complete, max = 1000) {
  const editor = new TerminalEditor(tty, "> ", max);
  editor.complete = complete;
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { text } of editor) lines.push(text);
  })();
  const end = async () => {
    await editor.close();
    await reading;
  };
  return { editor, lines, reading, end };
}

/** Completes the word before the cursor with these, in any case. */
const among = (...words: string[]): Complete => (line, cursor) => {
  const from = line.lastIndexOf(" ", cursor - 1) + 1, word = line.slice(from, cursor).toLowerCase();
  return { from, candidates: words.filter((one) => one.toLowerCase().startsWith(word)) };
};

const COMMANDS = among("/help ", "/history ", "/quit ", "bob: ", "漢字 ", "漢語 ", "👩‍👧 ", "👩 ", "Ärger ");

/** What was typed, what the line is then, and how often the terminal beeped. */
const COMPLETIONS: Readonly<Record<string, readonly [string, number]>> = {
  "/q\t": ["> /quit |", 0],
  "/h\t": ["> /h|", 1],
  "/hi\t": ["> /history |", 0],
  "/x\t": ["> /x|", 1],
  "say B\t": ["> say bob: |", 0],
  // in the middle of a line
  [`say bo to${LEFT}${LEFT}${LEFT}\t`]: ["> say bob: | to", 0],
  "漢\t": ["> 漢|", 1],
  "漢字\t": ["> 漢字 |", 0],
  "ä\t": ["> Ärger |", 0],
  // what they have in common is whole characters
  "\t": ["> |", 1],
  // keys behind it wait for it
  "/q\tx\t": ["> /quit x|", 1],
};

Deno.test("TAB inserts the only candidate, or beeps", async () => {
  for (const isAsync of [false, true]) {
    for (const [keys, [screen, rang]] of Object.entries(COMPLETIONS)) {
      const tty = new VirtualTty(40);
      const { end } = open(tty, isAsync ? async (...args) => await COMMANDS(...args) : COMMANDS);
      tty.type(`${keys}!`);
      await tty.shows(screen.replace("|", "!|"));
      await end();
      assertEquals([keys, tty.rang], [keys, rang]);
    }
  }
});

Deno.test("TAB inserts what all candidates have in common, and the next TAB lists them above the line", async () => {
  const tty = new VirtualTty(24);
  const { end } = open(tty, among("thread0 ", "thread1 ", "thread10 ", "漢字 ", "other "));
  tty.type("RDT t\t");
  await tty.shows("> RDT thread|");
  tty.type("\t");
  await tty.shows("thread0   thread10\nthread1\n> RDT thread|");
  tty.type("1\t");
  await tty.shows("thread0   thread10\nthread1\n> RDT thread1|");
  assertEquals(tty.rang, 1);
  tty.type("\t");
  await tty.shows("thread0   thread10\nthread1\nthread1   thread10\n> RDT thread1|");
  tty.type("0\t");
  await tty.contains("> RDT thread10 |");
  // the cursor has moved: it is not the second TAB
  tty.type(`\x15\t${HOME}x${BACKSPACE}`);
  await tty.contains("\n> |");
  assertEquals(tty.rang, 2);
  await end();
});

Deno.test("more candidates than fit on the screen are counted", async () => {
  const tty = new VirtualTty(20, 6);
  const { end } = open(tty, among(...Array.from({ length: 1000 }, (_, i) => `word${i}`)));
  tty.type("w\t\t");
  await tty.shows("word0    word3\nword1    word4\nword2    word5\nand 994 more\n> word|");
  await end();
});

Deno.test("TAB is text in a paste, without candidates to find, and in a secret", async () => {
  const tty = new VirtualTty(40);
  const { editor, lines, end } = open(tty, COMMANDS);
  tty.type("\x1b[200~/q\tx\r/h\t\x1b[201~\r");
  await tty.shows("> /q    x\n> /h\n> |");
  editor.complete = undefined;
  tty.type("/q\t\r");
  await tty.shows("> /q    x\n> /h\n> /q\n> |");
  await end();
  assertEquals(lines, ["/q\tx", "/h\t", "/q\t"]);
  const secretive = new TerminalEditor(tty, "Password: ", 100);
  secretive.complete = COMMANDS;
  const secret = secretive.read({ secret: true });
  tty.type("/q\t\r");
  assertEquals(await secret, { text: "/q\t" });
  await secretive.close();
});

Deno.test("keys wait while candidates are found, but Ctrl-C does not", async () => {
  const tty = new VirtualTty(40);
  const asked = Promise.withResolvers<void>(), found = Promise.withResolvers<void>();
  const { editor, lines, reading } = open(tty, async (line, cursor) => {
    if (!line.startsWith("slow")) return COMMANDS(line, cursor);
    asked.resolve();
    await found.promise;
    return { from: 5, candidates: ["thread0 "] };
  });
  tty.type("slow t\tand more\r/q\tx");
  await asked.promise;
  await editor.print("a message");
  assertEquals(tty.screen, "a message\n> slow t|");
  found.resolve();
  await tty.shows("a message\n> slow thread0 and more\n> /quit x|");
  tty.type("\x15slow t\t\x03");
  await reading;
  await editor.close();
  assertEquals([lines, editor.interrupted.aborted], [["slow thread0 and more"], true]);
});

Deno.test("a TAB that nobody answers is given up, when too much waits for it", async () => {
  const tty = new VirtualTty(40);
  const asked = Promise.withResolvers<void>();
  const { lines, end } = open(tty, () => {
    asked.resolve();
    return new Promise(() => {});
  });
  tty.type("t\t");
  await asked.promise;
  tty.type("x\r".repeat(501));
  await tty.contains("> |");
  tty.type("y");
  await tty.contains("> y|");
  await end();
  assertEquals(lines, ["tx", ...Array(500).fill("x")]);
});

Deno.test("candidates that can't be found, don't fit or would be obeyed are not inserted", async () => {
  const tty = new VirtualTty(40);
  const { end } = open(tty, (line) => {
    if (line === "throw") throw new Error("no server");
    if (line === "reject") return Promise.reject(new Error("no server"));
    return { from: -5, candidates: line === "control" ? ["", "\x1b[2Jx", "\u202ex"] : ["x".repeat(21), "x"] };
  }, 20);
  for (const [i, word] of ["throw", "reject", "control", "long"].entries()) {
    tty.type(`\x15${word}\t`);
    await tty.contains(`> ${word}|`);
    tty.type("!");
    await tty.contains(`> ${word}!|`);
    assertEquals(tty.rang, i + 1);
  }
  await end();
});

Deno.test("Ctrl-R searches the earlier lines, further back each time", async () => {
  const tty = new VirtualTty(40, 20);
  const { lines, end } = open(tty);
  const after = async (keys: string, last: string) => {
    tty.type(keys);
    await tty.contains(last);
  };
  await after("MSG t one\rRDT t\rMSG t two\rdraft", "> draft|");
  await after("\x12", "(search) : draft|");
  await after("ms", "(search) ms: |MSG t two");
  await after("g t o", "(search) msg t o: |MSG t one");
  await after("x", "(not found) msg t ox: |MSG t one");
  assertEquals(tty.rang, 1);
  await after(`${BACKSPACE}${BACKSPACE}`, "(search) msg t : |MSG t two");
  await after("\x12", "(search) msg t : |MSG t one");
  await after("\x12", "(not found) msg t : |MSG t one");
  // capitals are meant
  await after(`${BACKSPACE.repeat(6)}Two`, "(not found) Two: draft|");
  await after("\x07", "\n> draft|");
  // Enter sends the line
  await after("\x12t\x12\r", "> RDT t\n> |");
  assertEquals(lines.at(-1), "RDT t");
  await end();
});

Deno.test("Esc leaves the search, and other keys take the line, from where up and down go on", async () => {
  const tty = new VirtualTty(40, 20);
  const { editor, lines, end } = open(tty, COMMANDS);
  const after = async (keys: string, last: string) => {
    tty.type(keys);
    await tty.contains(last);
  };
  await after("one\rtwo 漢字\rthree\rdraft", "> draft|");
  await after("\x12o", "(search) o: tw|o 漢字");
  await after("\x1b", "\n> draft|");
  await after("\x12字", "(search) 字: two 漢|字");
  await editor.print("a message");
  assert(tty.screen.endsWith("a message\n(search) 字: two 漢|字"), tty.screen);
  await after(`${LEFT}`, "\n> two |漢字");
  await after("x", "\n> two x|漢字");
  await after(UP, "\n> one|");
  await after(`${DOWN}${DOWN}`, "\n> three|");
  await after(DOWN, "\n> draft|");
  await after("\x12tw\t", "\n> |two x漢字");
  await after("\x12nothing\x12\x1b[C", "\n> t|wo x漢字");
  // ESC as the beginning of a key is none
  await after("\x12on\x1b[F", "\n> one|");
  await after("\r", "\n> |");
  await end();
  assertEquals(lines.at(-1), "one");
});

Deno.test("a search that is too long for the screen shows its end", async () => {
  const tty = new VirtualTty(10, 4);
  const { end } = open(tty);
  tty.type(`needle ${"hay ".repeat(30)}\r\x12${"hay ".repeat(20)}`);
  await tty.contains("|ha");
  assert(tty.screen.includes("\n…y hay hay\n : needle"), tty.screen);
  tty.type("\x07");
  await tty.contains("> |");
  await end();
});
