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
