import { assertEquals } from "@std/assert";
import { Retry } from "../../../../server/store/checkpoint/retry.ts";

const never = () => false;

// store 6.4
Deno.test("a checkpoint that failed is tried again after a second, and later where each try keeps everybody waiting", () => {
  const retry = new Retry();
  assertEquals([retry.isWanted, retry.isDue(1e9, never)], [false, false]);
  retry.failed(0);
  assertEquals([999, 1000].map((now) => retry.isDue(now, never)), [false, true]);
  retry.failed(4000, 0);
  assertEquals([5000, 43_999, 44_000].map((now) => retry.isDue(now, never)), [false, false, true]);
  retry.worked();
  assertEquals([retry.isWanted, retry.isDue(1e9, never)], [false, false]);
});

// store 6.4
Deno.test("a checkpoint that failed is tried again within a second or two once the disk has more room", () => {
  const retry = new Retry();
  retry.failed(4000, 0);
  assertEquals([4999, 5000].map((now) => retry.isDue(now, () => true)), [false, true]);
});
