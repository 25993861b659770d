/** The line editor on a terminal in memory: keys go in, and the screen is looked at. */

import { assertEquals } from "@std/assert";
import { columnsOf } from "../../../client/terminal/line_editor/graphemes.ts";
import { escapeControls } from "../../../client/terminal/output.ts";
import { TerminalEditor } from "../../../client/terminal/line_editor/terminal_editor.ts";
import { BACKSPACE, DELETE, DOWN, END, HOME, LEFT, open, RIGHT, UP } from "./open_editor.ts";
import { VirtualTty } from "./virtual_tty.ts";

/** What was typed, and what the line looks like then. */
const EDITS: Readonly<Record<string, string>> = {
  "": "> |",
  "hello": "> hello|",
  [`hello${LEFT}${LEFT}`]: "> hel|lo",
  [`helo${LEFT}l`]: "> hell|o",
  [`hello${HOME}X`]: "> X|hello",
  [`hello${HOME}X${END}Y`]: "> XhelloY|",
  [`hello${HOME}${RIGHT}${RIGHT}${RIGHT}`]: "> hel|lo",
  [`${LEFT}${RIGHT}${BACKSPACE}${DELETE}\x17\x0b\x15\x19a`]: "> a|",
  [`hello${BACKSPACE}${BACKSPACE}`]: "> hel|",
  [`hello${HOME}${DELETE}${RIGHT}\x04`]: "> e|lo",
  [`one two.three\x17`]: "> one |",
  [`one two.three\x1b\x7f`]: "> one two.|",
  [`one two.three${HOME}\x1bf\x1bf`]: "> one two|.three",
  [`one two.three\x1b[1;5D\x1bb`]: "> one |two.three",
  [`one two${HOME}\x1bd`]: "> | two",
  [`one two${LEFT}${LEFT}\x0b`]: "> one t|",
  [`one two${LEFT}${LEFT}\x15`]: "> |wo",
  [`one two\x17${HOME}\x19`]: "> two|one",
  "a\tb": "> a    b|",
  // a flag, and a vowel that has a column of its own but belongs to the letter before it
  [`🇩🇪🇫🇷${LEFT}x`]: "> 🇩🇪x|🇫🇷",
  [`🇩🇪🇫🇷${LEFT}${LEFT}${DELETE}`]: "> |🇫🇷",
  [`กำก${LEFT}${BACKSPACE}`]: "> |ก",
  // two columns, and one character
  [`漢字${LEFT}x`]: "> 漢x|字",
  [`漢字${BACKSPACE}`]: "> 漢|",
  // one character of two code points, and of three
  [`ae\u0301b${LEFT}${LEFT}x`]: "> ax|e\u0301b",
  [`ae\u0301${BACKSPACE}`]: "> a|",
  [`a👩‍👧b${LEFT}${BACKSPACE}`]: "> a|b",
  // an accent that comes by itself joins what is before it
  [`ab${LEFT}\u0301`]: "> a\u0301|b",
};

Deno.test("TerminalEditor edits the line, keys at once and one by one", async () => {
  for (const [keys, screen] of Object.entries(EDITS)) {
    for (const typed of [[keys], [...keys]]) {
      const tty = new VirtualTty();
      const { editor, reading } = open(tty);
      for (const key of typed) tty.type(key);
      await tty.shows(screen);
      await editor.close();
      await reading;
    }
  }
});

Deno.test("TerminalEditor gives lines in order, and leaves them on the screen", async () => {
  const tty = new VirtualTty();
  const { lines, reading } = open(tty);
  tty.type("one\rtwo\r");
  await tty.shows("> one\n> two\n> |");
  tty.type("\rthree\rfour");
  await tty.shows("> one\n> two\n>\n> three\n> four|");
  tty.type(`${BACKSPACE.repeat(4)}\x04`);
  await reading;
  assertEquals(lines, ["one", "two", "", "three"]);
});

Deno.test("TerminalEditor takes 1,000 pasted lines in order, marked as pasted and not", async () => {
  const pasted = Array.from({ length: 1000 }, (_, i) => `line ${i}`);
  for (const [before, after] of [["", ""], ["\x1b[200~", "\x1b[201~"]] as const) {
    const tty = new VirtualTty();
    const { lines, reading } = open(tty);
    const bytes = new TextEncoder().encode(`${before}${pasted.join("\r")}\r${after}\x04`);
    // as much as a terminal's buffer gives at once
    for (let at = 0; at < bytes.length; at += 1021) tty.type(bytes.slice(at, at + 1021));
    await reading;
    assertEquals(lines, pasted);
    assertEquals(tty.lines.slice(0, 1000), pasted.map((line) => `> ${line}`));
  }
});

Deno.test("up and down bring back what was sent, and what was being typed", async () => {
  const tty = new VirtualTty(20, 20);
  const { editor, lines, reading } = open(tty);
  tty.type("one\rtwo\rtwo\r \rdraft");
  await tty.contains("> draft|");
  const line = async (keys: string, last: string) => {
    tty.type(keys);
    await tty.contains(`\n${last}`);
  };
  await line(UP, "> two|");
  await line(UP, "> one|");
  await line(UP, "> one|");
  await line("!", "> one!|");
  await line(DOWN, "> two|");
  await line(DOWN, "> draft|");
  await line(DOWN, "> draft|");
  await line(`${UP}${UP}`, "> one!|");
  await line("\r", "> |");
  await line(UP, "> one!|");
  await line(`${UP}${UP}`, "> one|");
  await editor.close();
  await reading;
  assertEquals(lines, ["one", "two", "two", " ", "one!"]);
});

Deno.test("a line that is full takes no more, and the terminal beeps", async () => {
  const tty = new VirtualTty();
  const { lines, reading } = open(tty, "> ", 5);
  tty.type("123");
  tty.type("4567");
  await tty.shows("> 12345|");
  assertEquals(tty.rang, 1);
  tty.type(`${BACKSPACE}👩‍👧\r\x04`);
  await reading;
  // half of a character is none
  assertEquals(lines, ["1234"]);
});

Deno.test("Ctrl-D ends the input on an empty line alone, behind the lines that wait", async () => {
  const tty = new VirtualTty();
  await using editor = new TerminalEditor(tty, "> ", 100);
  tty.type(`ab${HOME}\x04\rtwo\r\x04three\r`);
  assertEquals(await editor.read(), { text: "b" });
  assertEquals(await editor.read(), { text: "two" });
  assertEquals(await editor.read(), undefined);
  assertEquals(await editor.read(), undefined);
  assertEquals(editor.interrupted.aborted, false);
});

Deno.test("Ctrl-C ends it at once, and drops the lines that wait", async () => {
  const tty = new VirtualTty();
  const editor = new TerminalEditor(tty, "> ", 100);
  const first = editor.read();
  tty.type("one\rtwo\rhalf");
  tty.type("\x03");
  assertEquals(await first, { text: "one" });
  const interrupted = Promise.withResolvers<unknown>();
  editor.interrupted.addEventListener("abort", interrupted.resolve);
  await interrupted.promise;
  assertEquals(await editor.read(), undefined);
  await editor.close();
  assertEquals(tty.events, ["raw", "restored"]);
});

Deno.test("Ctrl-C is seen where more waits than may, and none of it is taken", async () => {
  const tty = new VirtualTty();
  await using editor = new TerminalEditor(tty, "> ", 65_536);
  const interrupted = Promise.withResolvers<unknown>();
  editor.interrupted.addEventListener("abort", interrupted.resolve);
  tty.type(`${"x".repeat(65_535)}\r`.repeat(65));
  tty.type("\x03");
  await interrupted.promise;
  assertEquals(await editor.read(), undefined);
});

Deno.test("if no line is taken from a full queue, further ones are dropped and counted", async () => {
  const tty = new VirtualTty(60);
  await using editor = new TerminalEditor(tty, "> ", 65_536);
  tty.type(`${"x".repeat(65_535)}\r`.repeat(65));
  tty.type("too\rmany\r");
  await tty.shows("Too many lines wait: further ones are dropped\n|");
  for (let i = 0; i < 65; i++) assertEquals((await editor.read())?.text.length, 65_535);
  const next = editor.read();
  tty.type("again\r");
  assertEquals(await next, { text: "again" });
  await editor.close();
  assertEquals(tty.lines.filter((line) => /^[A-Z>]/.test(line) && line.length < 60), [
    "Too many lines wait: further ones are dropped",
    "Lines that were dropped: 2",
    "> again",
  ]);
});

Deno.test("Ctrl-C at the prompt leaves what was typed on the screen", async () => {
  const tty = new VirtualTty();
  const { editor, lines, reading } = open(tty);
  tty.type("half a line\x03");
  await reading;
  await editor.close();
  assertEquals([tty.screen, lines], ["> half a line^C\n|", []]);
});

Deno.test("a terminal that hangs up ends the input", async () => {
  const tty = new VirtualTty();
  const { editor, lines, reading } = open(tty);
  tty.type("one\rtwo");
  tty.type(null);
  await reading;
  await editor.close();
  assertEquals(lines, ["one"]);
});

Deno.test("TerminalEditor.close() leaves what was typed, and gives the terminal back", async () => {
  const tty = new VirtualTty();
  const { editor, reading } = open(tty);
  tty.type(`half a line${LEFT}`);
  await tty.shows("> half a lin|e");
  await Promise.all([editor.print("last words"), editor.close(), editor.close()]);
  await reading;
  await editor.print("and after it");
  assertEquals(tty.lines, ["last words", "> half a line", "and after it", ""]);
  assertEquals(tty.events, ["raw", "restored"]);
});

Deno.test("Ctrl-L empties the screen but for the line, and Ctrl-Z stops the program", async () => {
  const tty = new VirtualTty();
  const { editor, reading } = open(tty);
  await editor.print("a message");
  tty.type(`hello${LEFT}\x0c`);
  await tty.shows("> hell|o");
  const stopped = Promise.withResolvers<string>();
  tty.suspend = () => stopped.resolve(tty.screen);
  tty.type("\x1a");
  // what is typed comes back with the program, and stands there once
  assertEquals(await stopped.promise, "|");
  await tty.shows("> hell|o");
  await editor.close();
  await reading;
});

Deno.test("a prompt that changes is seen at once, and its colours take no room", async () => {
  const tty = new VirtualTty(12);
  const { editor, reading } = open(tty);
  tty.type(`hello${LEFT}`);
  await tty.shows("> hell|o");
  editor.prompt = "Bob: ";
  await tty.shows("Bob: hell|o");
  editor.prompt = "\x1b[1mBob\x1b[0m: ";
  tty.type("Xabc");
  await tty.shows("Bob: hellXab\nc|o");
  await editor.close();
  await reading;
});

Deno.test("a secret is not shown, not remembered, and edited by whole characters", async () => {
  const tty = new VirtualTty();
  await using editor = new TerminalEditor(tty, "Name: ", 100);
  const name = editor.read();
  tty.type("alice\r");
  assertEquals(await name, { text: "alice" });
  editor.prompt = "Password: ";
  const secret = editor.read({ secret: true });
  tty.type(`x${UP}\x15se👩‍👧${BACKSPACE}e\u0301${BACKSPACE}crXet${LEFT}${LEFT}${BACKSPACE}`);
  await editor.print("a message");
  await tty.shows("Name: alice\na message\nPassword: |");
  tty.type("\r");
  assertEquals(await secret, { text: "secret" });
  editor.prompt = "> ";
  const line = editor.read();
  // neither the history nor what was killed has it
  tty.type(`\x19${UP}${UP}`);
  await tty.shows("Name: alice\na message\nPassword:\n> alice|");
  tty.type("\r");
  assertEquals(await line, { text: "alice" });
  const cancelled = editor.read({ secret: true });
  tty.type("abc\x03");
  assertEquals(await cancelled, undefined);
  assertEquals(editor.interrupted.aborted, true);
  assertEquals(tty.lines.join("\n").includes("abc"), false);
});

Deno.test("what is typed before a secret is asked for is part of it, and was not shown", async () => {
  const tty = new VirtualTty();
  await using editor = new TerminalEditor(tty, "> ", 100);
  const name = editor.read();
  tty.type("alice\rsec");
  assertEquals(await name, { text: "alice" });
  const secret = editor.read({ secret: true });
  tty.type("ret\r");
  assertEquals(await secret, { text: "secret" });
  await editor.print("done");
  assertEquals(tty.lines, ["> alice", "> ", "done", ""]);
});

Deno.test("what an editor leaves unread is the next one's, and what comes later too", async () => {
  const tty = new VirtualTty();
  const first = new TerminalEditor(tty, "Password: ", 100);
  const secret = first.read({ secret: true });
  tty.type("secret\rone\rtw");
  assertEquals(await secret, { text: "secret" });
  await first.close();
  await using second = new TerminalEditor(tty, "> ", 100);
  assertEquals(await second.read(), { text: "one" });
  const line = second.read();
  tty.type("o\r");
  assertEquals(await line, { text: "two" });
});

Deno.test("behind a line that holds, nothing is read, and the terminal can be lent until the next read", async () => {
  const tty = new VirtualTty();
  const editor = new TerminalEditor(tty, "> ", 100);
  const first = editor.read({ hold: true });
  tty.type("one\rt");
  assertEquals(await first, { text: "one" });
  tty.type("wo\r");
  editor.lend();
  await editor.print("done");
  assertEquals([editor.isLent, tty.screen, tty.events], [true, "> one\ndone\n|", ["raw", "restored"]]);
  assertEquals(await editor.read(), { text: "two" });
  assertEquals([editor.isLent, tty.events], [false, ["raw", "restored", "raw"]]);
  // not held, or with a line behind it, it is not lent
  editor.lend();
  assertEquals(editor.isLent, false);
  const third = editor.read({ hold: true });
  tty.type("three\rfour\r");
  assertEquals(await third, { text: "three" });
  editor.lend();
  assertEquals(editor.isLent, false);
  assertEquals(await editor.read({ hold: true }), { text: "four" });
  const last = editor.read({ hold: true });
  tty.type("five\r");
  assertEquals(await last, { text: "five" });
  editor.lend();
  await editor.close();
  assertEquals(tty.events, ["raw", "restored", "raw", "restored"]);
});

Deno.test("keys are read one by one under a prompt of their own, and the rest is for the line", async () => {
  const tty = new VirtualTty();
  await using editor = new TerminalEditor(tty, "> ", 100);
  const keys = editor.readKeys(), first = keys.next("more? ");
  await tty.shows("more? |");
  tty.type(`a👩‍👧b${UP}cd`);
  const read = [
    await first,
    await keys.next(""),
    await keys.next(""),
    await keys.next(""),
    await keys.next(""),
  ];
  assertEquals(read, [{ text: "a" }, { text: "👩‍👧" }, { text: "b" }, { key: "up" }, { text: "c" }]);
  keys[Symbol.dispose]();
  const line = editor.read();
  await tty.shows("> d|");
  tty.type("\r");
  assertEquals(await line, { text: "d" });
  const more = editor.readKeys(), none = more.next("more? ");
  tty.type(null);
  assertEquals([await none, await more.next("")], [undefined, undefined]);
});

Deno.test("columnsOf() knows how wide characters are", () => {
  const widths = {
    "a": 1,
    "é": 1,
    "e\u0301": 1,
    "Ω": 1,
    "✓": 1,
    "\u0301": 0,
    "\u200b": 0,
    "漢": 2,
    "ｱ": 1,
    "Ａ": 2,
    "กำ": 2,
    "กุ": 1,
    "स्ते": 2,
    "ﾊﾟ": 2,
    "각": 2,
    "\u1112\u1161\u11ab": 2,
    "🇩": 1,
  };
  for (const [text, width] of Object.entries(widths)) assertEquals([text, columnsOf(text)], [text, width]);
  for (const emoji of ["🎉", "👩‍👧", "👨‍👩‍👧‍👦", "❤️", "1️⃣", "🇩🇪", "👍🏽"]) {
    assertEquals([emoji, columnsOf(emoji)], [emoji, 2]);
  }
});

Deno.test("escapeControls() makes text harmless", () => {
  const texts = {
    "a\tb Ω ✓ 👩‍👧": "a\tb Ω ✓ 👩‍👧",
    "\x1b[31mred\x07\r\n\0": "^[[31mred^G^M^J^@",
    "\x7f\x9b1m\x85": "^?^[[1m^[E",
    "abc\u202egpj\u2066x\u2069\u2028y": "abc<U+202E>gpj<U+2066>x<U+2069><U+2028>y",
    "שלום\u200f!": "שלום\u200f!",
  };
  for (const [text, harmless] of Object.entries(texts)) assertEquals(escapeControls(text), harmless);
});
