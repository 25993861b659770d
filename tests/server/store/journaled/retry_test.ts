import { assertEquals } from "@std/assert";
import { Retry } from "../../../../server/store/checkpoint/retry.ts";

const never = () => false;

/** How long after each failure it is tried again, in seconds, where the engine is made anew in so many milliseconds. */
function secondsAfter(failures: number, rebuildMs: number): number[] {
  const retry = new Retry(), seconds: number[] = [];
  let now = 0;
  for (let i = 0; i < failures; i++) {
    retry.failed(now);
    const rebuilt = now += rebuildMs;
    retry.rebuilt(now);
    while (!retry.isDue(now, never)) now += 100;
    seconds.push((now - rebuilt) / 1000);
  }
  return seconds;
}

// store 6.4
Deno.test("a checkpoint that failed is tried again after a second, and more rarely where each try keeps everybody waiting", () => {
  assertEquals(secondsAfter(4, 0), [1, 1, 1, 1]);
  assertEquals(secondsAfter(4, 100), [1, 1, 1, 1]);
  assertEquals(secondsAfter(6, 1000), [1, 2, 4, 8, 10, 10]);
  const retry = new Retry();
  assertEquals([retry.isWanted, retry.isDue(1e9, never)], [false, false]);
  retry.failed(0);
  assertEquals([retry.isWanted, retry.isDue(999, never), retry.isDue(1000, never)], [true, false, true]);
  retry.worked();
  assertEquals([retry.isWanted, retry.isDue(1e9, never)], [false, false]);
});

// store 6.4
Deno.test("a checkpoint that failed is tried again in a second once the disk has more room", () => {
  const retry = new Retry();
  for (let i = 0; i < 9; i++) retry.failed(0);
  retry.rebuilt(4000);
  assertEquals([4999, 5000].map((now) => retry.isDue(now, () => true)), [false, true]);
  assertEquals([43_999, 44_000].map((now) => retry.isDue(now, never)), [false, true]);
});
