import { assertEquals } from "@std/assert";
import { type Line, LineDecoder, linesOf, printable } from "../../../protocol/syntax/line.ts";

const bytes = new TextEncoder().encode("one\r\ntwo Ω\n\nfour is too long\nfive ✓");
const lines: Line[] = [
  { text: "one" },
  { text: "two Ω" },
  { text: "" },
  { error: "too long" },
  { text: "five ✓" },
];

// room.md 1.1
Deno.test("LineDecoder gives the same lines however the stream is split", () => {
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      const decoder = new LineDecoder(8);
      const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
      assertEquals([...parts.flatMap((part) => [...decoder.decode(part)]), ...decoder.end()], lines);
    }
  }
});

Deno.test("LineDecoder takes a line of just the limit, whichever end it has", () => {
  for (const end of ["\n", "\r\n"]) {
    const decoder = new LineDecoder(3);
    const text = new TextEncoder().encode(`abc${end}abcd${end}x${end}`);
    assertEquals([...decoder.decode(text)], [{ text: "abc" }, { error: "too long" }, { text: "x" }]);
  }
});

Deno.test("LineDecoder reports a line that is not UTF-8 and goes on after it", () => {
  const decoder = new LineDecoder(8);
  assertEquals([...decoder.decode(new Uint8Array([0xff, 0x0a, 0x61, 0x0a]))], [
    { error: "not UTF-8" },
    { text: "a" },
  ]);
  assertEquals([...decoder.end()], []);
});

Deno.test("LineDecoder replaces what is not UTF-8 if asked to", () => {
  const decoder = new LineDecoder(8, "replace");
  assertEquals([...decoder.decode(new Uint8Array([0x61, 0xff, 0x0a, 0x62, 0x0a]))], [
    { text: "a\ufffd" },
    { text: "b" },
  ]);
});

// room.md 1.5
Deno.test("LineDecoder discards a line that is too long, whatever it comes in", () => {
  for (const piece of [1, 3, 100]) {
    const decoder = new LineDecoder(8);
    const stream = new TextEncoder().encode("x".repeat(1000) + "\nend\n");
    const got: Line[] = [];
    for (let from = 0; from < stream.length; from += piece) {
      got.push(...decoder.decode(stream.subarray(from, from + piece)));
    }
    assertEquals(got, [{ error: "too long" }, { text: "end" }]);
  }
});

// room.md 1.3
Deno.test("LineDecoder takes NULs at either end of a line for padding, wherever the stream is split", () => {
  const stream = new TextEncoder().encode(`a\0\n\0\0b\0\r\n${"\0".repeat(20)}c\n\0\nd\0e\n\0f\0`);
  for (let first = 0; first <= stream.length; first++) {
    for (let second = first; second <= stream.length; second++) {
      const decoder = new LineDecoder(8);
      const parts = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
      const got = [...parts.flatMap((part) => [...decoder.decode(part)]), ...decoder.end()];
      assertEquals(got, ["a", "b", "c", "", "d\0e", "f"].map((text) => ({ text })));
    }
  }
  const decoder = new LineDecoder(8);
  assertEquals([...decoder.decode(new TextEncoder().encode("a\n\0")), ...decoder.end()], [{ text: "a" }]);
});

Deno.test("whether a line with padding behind it is too long does not depend on how it comes", () => {
  for (
    const [line, got] of [["abc\0\r", { error: "too long" }], ["abc\0", { text: "abc" }], ["\0\0abc\r", {
      text: "abc",
    }]] as const
  ) {
    for (const piece of [1, 2, 100]) {
      const decoder = new LineDecoder(3), stream = new TextEncoder().encode(`${line}\n`), lines: Line[] = [];
      for (let from = 0; from < stream.length; from += piece) {
        lines.push(...decoder.decode(stream.subarray(from, from + piece)));
      }
      assertEquals(lines, [got]);
    }
  }
});

// channels.md 4.2
Deno.test("linesOf() splits a text at its line breaks", () => {
  assertEquals(linesOf("hello ✓\tthere"), ["hello ✓\tthere"]);
  assertEquals(linesOf("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
  assertEquals(linesOf("\n"), ["", ""]);
});

// channels.md 4.3
Deno.test("printable() leaves a text one line", () => {
  assertEquals(printable("Al\nice\x1b"), "Al\ufffdice\ufffd");
  assertEquals(printable("\x1b[2J\0\x7f\x85\r"), "\ufffd[2J\ufffd\ufffd\ufffd\ufffd");
  assertEquals(printable("one\u2028two\u2029"), "one\ufffdtwo\ufffd");
  assertEquals(printable("Al ice Ω\t\u202e"), "Al ice Ω\t\u202e");
});
