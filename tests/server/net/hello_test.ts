import { assertEquals } from "@std/assert";
import { Hello } from "../../../server/net/tls/hello.ts";

/** A record with these bytes. */
function record(...content: number[]): number[] {
  return [0x16, 3, 1, content.length >> 8, content.length & 255, ...content];
}

/** A hello whose body has this many bytes. */
function hello(bodyBytes: number): number[] {
  return [1, bodyBytes >> 16, bodyBytes >> 8 & 255, bodyBytes & 255, ...Array(bodyBytes).fill(7)];
}

/** What it is after each of the pieces, without repetitions. */
function statesOf(bytes: readonly number[], pieceBytes = 1): string[] {
  const collected = new Hello(), states: string[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const state = collected.add(new Uint8Array(bytes.slice(at, at + pieceBytes)));
    if (states.at(-1) !== state) states.push(state);
    if (state === "malformed") break;
    assertEquals(collected.bytes.length, Math.min(at + pieceBytes, bytes.length));
  }
  return states;
}

// channels.md 10.9
Deno.test("a hello is whole with its last byte, in one record or in many, however its bytes come", () => {
  const one = record(...hello(300));
  assertEquals(statesOf(one), ["part", "whole"]);
  assertEquals(statesOf(one.slice(0, -1)), ["part"]);
  assertEquals(statesOf(one, 1000), ["whole"]);
  const parts = hello(5000), many: number[] = [];
  for (let at = 0; at < parts.length; at += 3) many.push(...record(...parts.slice(at, at + 3)));
  assertEquals([statesOf(many), statesOf(many.slice(0, -1), 512)], [["part", "whole"], ["part"]]);
  assertEquals(statesOf([...one, ...one], 2000), ["whole"]);
  assertEquals(statesOf(record(...hello(0))), ["part", "whole"]);
});

// channels.md 10.9
Deno.test("what cannot be a hello is malformed as soon as that can be seen", () => {
  const longest = 16_384 - 5 - 4;
  assertEquals(statesOf(record(...hello(longest)), 512), ["part", "whole"]);
  for (
    const bytes of [
      // another version, an alert, no bytes, another message, too long in one record and in several
      [0x16, 2, 0, 0, 1],
      [0x15, 3, 1, 0, 1],
      [0x16, 3, 1, 0, 0],
      record(2, 0, 0, 1, 0),
      record(...hello(longest + 1)),
      record(1, 1, 0, 0, 7),
      [...record(1), ...record(0), 0x17, 3, 3, 0, 1],
    ]
  ) assertEquals(statesOf(bytes).at(-1), "malformed", `${bytes.slice(0, 12)}`);
});
