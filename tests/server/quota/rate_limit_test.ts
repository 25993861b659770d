import { assertEquals } from "@std/assert";
import { RateLimit } from "../../../server/quota/rate_limit.ts";

// channels.md 5.6
Deno.test("RateLimit lets a burst pass, and says how much too early the next is", () => {
  let time = 0;
  const rate = new RateLimit({ burst: 10, intervalMs: 100, monotonicClock: () => time });
  const take = () => {
    const waitMs = rate.waitMs("a");
    rate.take("a");
    return waitMs;
  };
  for (let i = 0; i < 10; i++) assertEquals(take(), 0);
  assertEquals(take(), 100);
  time = 100;
  assertEquals(take(), 100);
  time = 1200;
  for (let i = 0; i < 10; i++) assertEquals(take(), 0);
  assertEquals(take(), 100);
});

Deno.test("RateLimit counts keys apart, and several tokens at a time", () => {
  let time = 5000;
  const rate = new RateLimit({ burst: 4, intervalMs: 10, monotonicClock: () => time });
  rate.take("a", 6);
  assertEquals([rate.waitMs("a"), rate.waitMs("a", 4), rate.waitMs("b", 4)], [30, 60, 0]);
  time += 45;
  assertEquals([rate.waitMs("a"), rate.waitMs("a", 4)], [0, 15]);
  // as if they had been taken when there were none back yet
  rate.take("b", 4, time - 20);
  assertEquals([rate.waitMs("b", 2), rate.waitMs("b", 3)], [0, 10]);
});

Deno.test("RateLimit remembers the 5,000 keys that were used last, and not more than 10,000", () => {
  const rate = new RateLimit({ burst: 1, intervalMs: 1000, monotonicClock: () => 0 });
  const others = (from: number, to: number) => {
    for (let i = from; i < to; i++) rate.take(`${i}`);
  };
  rate.take("a");
  others(0, 4999);
  assertEquals([rate.waitMs("a"), rate.mostTaken], [1000, 1]);
  // used again, it is among the last once more
  rate.take("a");
  others(4999, 9998);
  assertEquals(rate.waitMs("a"), 2000);
  others(9998, 20_000);
  assertEquals(rate.waitMs("a"), 0);
});
