import { assertEquals } from "@std/assert";
import { decodeFrame, encodeFrames, FRAME_BYTES, FrameDecoder } from "../../../protocol/syntax/frame.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { fatal: true });

/** The texts of the frames, each checked to be whole characters padded with spaces. */
function texts(frames: Uint8Array): string[] {
  assertEquals(frames.length % FRAME_BYTES, 0);
  return Array.from(
    { length: frames.length / FRAME_BYTES },
    (_, i) => decoder.decode(frames.subarray(i * FRAME_BYTES, (i + 1) * FRAME_BYTES)),
  );
}

// channels.md 1.3
Deno.test("FrameDecoder gives the same frames however the stream is split", () => {
  const stream = new Uint8Array(3 * FRAME_BYTES);
  const sent = ["Alice", "/create Ω", "a message ✓"];
  sent.forEach((text, i) => stream.set(encodeFrames(text), i * FRAME_BYTES));
  for (let first = 0; first <= stream.length; first++) {
    for (const second of [first, first + 1, first + 199, first + 200, first + 201, stream.length]) {
      const frames = new FrameDecoder();
      const parts = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
      const got = parts.flatMap((part) => frames.decode(part));
      assertEquals(got, second >= first && second <= stream.length ? sent : got);
      assertEquals(frames.isWithinFrame, false);
    }
  }
});

// channels.md 1.3
Deno.test("FrameDecoder takes a stream byte by byte", () => {
  const frames = new FrameDecoder();
  const stream = new Uint8Array([...encodeFrames("one"), ...encodeFrames("two"), ...encodeFrames("three")]);
  const got: [number, string][] = [];
  for (let i = 0; i < stream.length; i++) {
    for (const text of frames.decode(stream.subarray(i, i + 1))) got.push([i + 1, text]);
  }
  assertEquals(got, [[200, "one"], [400, "two"], [600, "three"]]);
});

Deno.test("FrameDecoder keeps the beginning of a frame, not the buffer that it came in", () => {
  const frames = new FrameDecoder();
  const buffer = encodeFrames("one");
  assertEquals(frames.decode(buffer.subarray(0, 100)), []);
  assertEquals(frames.isWithinFrame, true);
  const rest = buffer.slice(100);
  buffer.fill(0);
  assertEquals(frames.decode(rest), ["one"]);
});

// channels.md 1.2
Deno.test("decodeFrame() strips all white space at the end, and only there", () => {
  const frame = (text: string) => decodeFrame(encoder.encode(text.padEnd(FRAME_BYTES)));
  assertEquals(frame("Alice"), "Alice");
  assertEquals(frame("Alice\n"), "Alice");
  assertEquals(frame("Alice \t\r\n\v\f "), "Alice");
  assertEquals(frame(" \n Alice"), " \n Alice");
  assertEquals(frame(""), "");
  assertEquals(frame("no-break\u00a0"), "no-break\u00a0");
});

// channels.md 1.2
Deno.test("decodeFrame() strips NULs at the end with the white space", () => {
  const frame = (text: string, padding: string) =>
    decodeFrame(encoder.encode(text.padEnd(FRAME_BYTES, padding)));
  assertEquals(frame("Alice", "\0"), "Alice");
  assertEquals(frame("Alice\n", "\0"), "Alice");
  assertEquals(frame("Alice\0\n", " "), "Alice");
  assertEquals(frame("\0Ali\0ce\0", " "), "\0Ali\0ce");
  assertEquals(frame("", "\0"), "");
});

// channels.md 4.1
Deno.test("decodeFrame() replaces what is not UTF-8", () => {
  assertEquals(decodeFrame(new Uint8Array([0x61, 0xff, 0x62, 0xe2, 0x9c, 0x20])), "a\ufffdb\ufffd");
});

// channels.md 1.1
Deno.test("encodeFrames() pads with spaces to 200 bytes", () => {
  assertEquals(texts(encodeFrames("hello")), ["hello" + " ".repeat(195)]);
  assertEquals(texts(encodeFrames("")), [" ".repeat(200)]);
  assertEquals(texts(encodeFrames("", "[Alice] ")), ["[Alice] " + " ".repeat(192)]);
  assertEquals(texts(encodeFrames("x".repeat(200))), ["x".repeat(200)]);
});

// channels.md 1.5, 1.6
Deno.test("encodeFrames() begins each frame with the prefix and cuts between characters", () => {
  for (const character of ["x", "Ω", "✓", "🐦"]) {
    for (let count = 1; count < 300; count++) {
      const text = character.repeat(count);
      const frames = texts(encodeFrames(text, "[Ω] "));
      assertEquals(frames.every((frame) => frame.startsWith("[Ω] ")), true);
      assertEquals(frames.map((frame) => frame.slice(4).trimEnd()).join(""), text);
      const most = Math.floor((FRAME_BYTES - 5) / encoder.encode(character).length);
      assertEquals(frames.length, Math.ceil(count / most));
    }
  }
});

// channels.md 1.6
Deno.test("encodeFrames() loses no white space at a cut", () => {
  const text = "a".repeat(193) + "    " + "b".repeat(10);
  const frames = texts(encodeFrames(text, "[x] "));
  assertEquals(frames.map((frame) => frame.trimEnd()), ["[x] " + "a".repeat(193), "[x]     bbbbbbbbbb"]);
  // with nothing but white space there is no other way, and it ends
  assertEquals(texts(encodeFrames(" ".repeat(500) + "b")).length, 3);
});
