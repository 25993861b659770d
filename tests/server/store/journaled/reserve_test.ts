import { assert, assertEquals } from "@std/assert";
import { Reserve, RESERVE_BYTES } from "../../../../server/store/room/reserve.ts";
import { temporaryDirectory } from "../../../program.ts";

// store 6.3
Deno.test("a reserve of any size, as a full disk or a power cut leaves it, is completed", async () => {
  for (const bytes of [0, 1, 512, 65_535, RESERVE_BYTES - 512, RESERVE_BYTES - 1, RESERVE_BYTES]) {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/reserve`;
    await Deno.writeFile(path, new Uint8Array(bytes));
    assert(new Reserve(directory.path).hold(), `of ${bytes} bytes`);
    assertEquals((await Deno.stat(path)).size, RESERVE_BYTES);
  }
});

Deno.test("a reserve takes no more than the space that it may use", async () => {
  await using directory = await temporaryDirectory();
  const reserve = new Reserve(directory.path), path = `${directory.path}/reserve`;
  assert(!reserve.hold(100_000));
  assertEquals((await Deno.stat(path)).size, 100_000);
  assert(!reserve.hold(-1));
  assertEquals((await Deno.stat(path)).size, 100_000);
});
