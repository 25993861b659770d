import { assertEquals } from "@std/assert";
import { turnClock, Uptime } from "../../../server/quota/uptime.ts";

// session.md 6.15
Deno.test("time stands still while the process is stopped, and for a second after it", async () => {
  let clock = 500;
  const uptime = new Uptime(() => clock), began = uptime.now();
  const pass = (ms: number) => {
    clock += ms;
    return uptime.now() - began;
  };
  const beating = uptime.start();
  try {
    assertEquals([pass(250), pass(1000), pass(250)], [250, 1250, 1500]);
    // stopped for a minute
    assertEquals([pass(60_000), pass(250), pass(700), pass(49)], [1500, 1500, 1500, 1500]);
    assertEquals([pass(1), pass(100), pass(900)], [1500, 1600, 2500]);
    // and once more before that second is over
    assertEquals([pass(5000), pass(500), pass(5000), pass(999), pass(1), pass(7)], [
      2500,
      2500,
      2500,
      2500,
      2500,
      2507,
    ]);
  } finally {
    await beating.close();
  }
});

Deno.test("a clock that was not started does not stop", () => {
  let clock = 0;
  const uptime = new Uptime(() => clock), began = uptime.now();
  clock += 60_000;
  assertEquals(uptime.now() - began, 60_000);
});

Deno.test("turnClock() looks at the clock once for all that happens in a turn", async () => {
  let looks = 0;
  const clock = turnClock(() => ++looks);
  assertEquals([clock(), clock()], [1, 1]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assertEquals([clock(), clock()], [2, 2]);
});
