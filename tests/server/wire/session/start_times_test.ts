import { assertEquals } from "@std/assert";
import { SessionStartTimes, startTimeDigits } from "../../../../server/wire/session/start_times.ts";

// session.md 4.8
Deno.test("a start time is the time of day, and follows the last one while the clock is set back", () => {
  let now = 5000.5;
  const startTimes = new SessionStartTimes(0, () => now);
  assertEquals([startTimes.next(), startTimes.next()], [5000, 5000]);
  now = 1000;
  assertEquals([startTimes.next(), startTimes.next()], [5001, 5002]);
  now = 6000;
  assertEquals(startTimes.next(), 6000);
});

Deno.test("start times begin after the latest that the store knows", () => {
  assertEquals(new SessionStartTimes(5000, () => 1000).next(), 5002);
});

Deno.test("a start time that can't have been given yet counts as one of long ago", () => {
  const startTimes = new SessionStartTimes(0, () => 5000),
    read = (born: number) => startTimes.read(startTimeDigits(born).padEnd(28, "0"));
  assertEquals([read(0), read(4999), read(5000), read(5001), read(2 ** 48 - 1)], [0, 4999, 5000, 0, 0]);
});
