import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { RecordRandom } from "../../../../server/store/engine/record_random.ts";

// store 4.6
Deno.test("a record's randomness is SHA-256 of its seed and a counter, however it is drawn", () => {
  const seed = crypto.getRandomValues(new Uint8Array(32)), random = new RecordRandom();
  const block = (counter: number) =>
    createHash("sha256").update(seed).update(Uint8Array.of(counter, 0, 0, 0, 0, 0, 0, 0)).digest("hex");
  const blocks = block(0) + block(1) + block(2);
  random.begin(seed);
  assertEquals([8, 30, 1, 57].map((bytes) => random.next(bytes).toHex()).join(""), blocks);
  random.begin(seed);
  assertEquals(random.next(96).toHex(), blocks);
});
