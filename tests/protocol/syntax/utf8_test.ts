import { assertEquals } from "@std/assert";
import { decodeUtf8 } from "../../../protocol/syntax/utf8.ts";

Deno.test("decodeUtf8() gives the text of UTF-8 as it is, and of nothing else", () => {
  const encoder = new TextEncoder();
  for (const text of ["", "hello", "Ω ✓ 🐦", "\ufeffa", "sent as \ufffd", "\0"]) {
    assertEquals(decodeUtf8(encoder.encode(text)), text);
  }
  for (
    const bytes of [[0xff], [0x61, 0xe2, 0x9c], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xef, 0xbf, 0xbd, 0xff]]
  ) {
    assertEquals(decodeUtf8(new Uint8Array(bytes)), undefined);
  }
});
