import { assertEquals } from "@std/assert";
import { crc32c } from "../../../../../server/store/journal/codec/crc32c.ts";

Deno.test("CRC32C is that of RFC 3720, appendix B.4, and of the check value of the catalogues", () => {
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c);
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array()), 0);
});

Deno.test("CRC32C in pieces is that of the whole, wherever it is cut", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i * 37);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assertEquals(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut)), crc32c(bytes));
  }
});
