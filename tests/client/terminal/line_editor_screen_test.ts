/** What the line editor shows of a line, and where. */

import { assert, assertEquals } from "@std/assert";
import { BACKSPACE, DELETE, END, HOME, LEFT, open, RIGHT } from "./open_editor.ts";
import { VirtualTty } from "./virtual_tty.ts";

Deno.test("a message is printed above the line, which comes back with its cursor", async () => {
  const tty = new VirtualTty();
  const { editor, reading } = open(tty);
  tty.type(`hello${LEFT}${LEFT}`);
  await tty.shows("> hel|lo");
  await editor.print("[Bob] one");
  assertEquals(tty.screen, "[Bob] one\n> hel|lo");
  await Promise.all([editor.print("[Bob] two"), editor.print("a list\nof two lines\n")]);
  assertEquals(tty.screen, "[Bob] one\n[Bob] two\na list\nof two lines\n> hel|lo");
  tty.type("X");
  await tty.shows("[Bob] one\n[Bob] two\na list\nof two lines\n> helX|lo");
  await editor.close();
  await reading;
});

Deno.test("a line longer than the terminal is wide goes on in the next row, and stays right", async () => {
  const tty = new VirtualTty(10, 10);
  const { editor, lines, reading } = open(tty);
  // the prompt and eight characters fill a row
  tty.type("12345678");
  await tty.shows("> 12345678\n|");
  tty.type("9");
  await tty.shows("> 12345678\n9|");
  tty.type(BACKSPACE);
  await tty.shows("> 12345678\n|");
  tty.type("9abcdefghijk");
  await tty.shows("> 12345678\n9abcdefghi\njk|");
  await editor.print("[Bob] hello there");
  assertEquals(tty.screen, "[Bob] hell\no there\n> 12345678\n9abcdefghi\njk|");
  tty.type(HOME);
  await tty.shows("[Bob] hell\no there\n> |12345678\n9abcdefghi\njk");
  await editor.print("again");
  assertEquals(tty.screen, "[Bob] hell\no there\nagain\n> |12345678\n9abcdefghi\njk");
  // at the seam of two rows
  tty.type(RIGHT.repeat(8));
  await tty.shows("[Bob] hell\no there\nagain\n> 12345678\n|9abcdefghi\njk");
  tty.type("\x0b");
  await tty.shows("[Bob] hell\no there\nagain\n> 12345678\n|");
  tty.type("\r");
  await tty.shows("[Bob] hell\no there\nagain\n> 12345678\n> |");
  // a wide character does not stand in two rows
  tty.type("1234567漢x");
  await tty.shows("[Bob] hell\no there\nagain\n> 12345678\n> 1234567\n漢x|");
  await editor.close();
  await reading;
  assertEquals(lines, ["12345678"]);
});

Deno.test("wide characters at the edge go to the next row whole, and the cursor knows where they are", async () => {
  const tty = new VirtualTty(10, 10);
  const { editor, reading } = open(tty);
  // these end in the last column, and one before it
  tty.type("123456👩‍👧");
  await tty.shows("> 123456👩‍👧\n|");
  tty.type(`${HOME}0`);
  await tty.shows("> 0|123456\n👩‍👧");
  tty.type(`${END}🇩🇪漢e\u0301🎉`);
  await tty.shows("> 0123456\n👩‍👧🇩🇪漢e\u0301🎉|");
  tty.type("x");
  await tty.shows("> 0123456\n👩‍👧🇩🇪漢e\u0301🎉x\n|");
  tty.type(LEFT.repeat(6));
  await tty.shows("> 0123456\n|👩‍👧🇩🇪漢e\u0301🎉x\n");
  tty.type(`${RIGHT}${BACKSPACE}`);
  await tty.shows("> 0123456\n|🇩🇪漢e\u0301🎉x");
  tty.type(`${LEFT}${DELETE}`);
  await tty.shows("> 012345|🇩🇪\n漢e\u0301🎉x");
  tty.resize(14);
  await tty.shows("> 012345|🇩🇪漢e\u0301\n🎉x");
  tty.resize(8);
  await tty.shows("> 012345\n|🇩🇪漢e\u0301🎉x");
  await editor.close();
  await reading;
});

Deno.test("a prompt that is longer than the screen leaves room for the line", async () => {
  const tty = new VirtualTty(10, 3);
  const { editor, lines, reading } = open(tty, `\x1b[1m${"prompt ".repeat(10)}\x1b[0m> `);
  tty.type("abcdefghijklm");
  await tty.contains("m|");
  assert(tty.screen.split("\n").length <= 3 && tty.screen.startsWith("…"), tty.screen);
  await editor.print("hello");
  tty.type(`${HOME}X\r`);
  await tty.contains("> |");
  assertEquals(tty.lines.filter((line) => line === "hello").length, 1);
  await editor.close();
  await reading;
  assertEquals(lines, ["Xabcdefghijklm"]);
});

Deno.test("a line that has more rows than the screen shows the part around its cursor", async () => {
  const tty = new VirtualTty(10, 5);
  const { editor, lines, reading } = open(tty);
  const long = Array.from({ length: 100 }, (_, i) => `${i % 10}`).join("");
  const rows = () => tty.screen.split("\n").length;
  tty.type(long);
  tty.type("END");
  await tty.contains("END|");
  assert(rows() <= 5 && tty.screen.includes("> …"), tty.screen);
  tty.type(HOME);
  await tty.contains("> |0123");
  assert(rows() <= 5 && tty.screen.trimEnd().endsWith("…"), tty.screen);
  for (let i = 1; i <= 50; i++) tty.type(RIGHT);
  tty.type("X");
  await tty.contains("X|0123");
  await editor.print("hello");
  assertEquals(tty.lines.filter((line) => line === "hello").length, 1);
  tty.type("\r");
  await tty.contains("> |");
  await editor.close();
  await reading;
  assertEquals(lines, [`${long.slice(0, 50)}X${long.slice(50)}END`]);
});

Deno.test("the line is drawn again where the terminal gets narrower or wider", async () => {
  const tty = new VirtualTty(20, 10);
  const { editor, reading } = open(tty);
  await editor.print("[Bob] hello");
  tty.type(`123456789abcde${LEFT}${LEFT}`);
  await tty.shows("[Bob] hello\n> 123456789abc|de");
  tty.resize(12);
  await tty.shows("[Bob] hello\n> 123456789a\nbc|de");
  tty.resize(30);
  await tty.shows("[Bob] hello\n> 123456789abc|de");
  await editor.close();
  await reading;
});
