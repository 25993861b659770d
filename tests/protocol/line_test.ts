import { assertEquals } from "@std/assert";
import { type Line, LineDecoder } from "../../protocol/line.ts";

const bytes = new TextEncoder().encode("one\r\ntwo Ω\n\nfour is too long\nfive ✓");
const lines: Line[] = [
  { text: "one" },
  { text: "two Ω" },
  { text: "" },
  { error: "too long" },
  { text: "five ✓" },
];

Deno.test("LineDecoder gives the same lines wherever the stream is split", () => {
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

Deno.test("LineDecoder tells a line that is not UTF-8 and goes on behind it", () => {
  const decoder = new LineDecoder(8);
  assertEquals([...decoder.decode(new Uint8Array([0xff, 0x0a, 0x61, 0x0a]))], [
    { error: "not UTF-8" },
    { text: "a" },
  ]);
  assertEquals([...decoder.end()], []);
});
