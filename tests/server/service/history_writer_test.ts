/** When what is said goes to the store: channels.md 5.8. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { History } from "../../../server/service/hub/history.ts";
import { HistoryWriter } from "../../../server/service/hub/history_writer.ts";

/** A store that answers when the test says so, and a clock that only the test moves. */
function setUp() {
  const history = new History({ messages: 1000, bytes: 1e9 }, []);
  const given: string[] = [], answers: ((kept: boolean) => void)[] = [];
  let now = 0, timer: { at: number; callback: () => void } | undefined;
  const writer = new HistoryWriter(history, (change) => {
    const texts = change.kind === "channel" ? change.messages.map(({ text }) => text) : ["removed"];
    given.push([change.name, ...texts].join(" "));
    return new Promise((resolve) => answers.push(resolve));
  }, {
    monotonicClock: () => now,
    setTimer: (ms, callback) => {
      timer = { at: now + ms, callback };
      return () => timer = undefined;
    },
  });
  const turn = async () => {
    for (let i = 0; i < 3; i++) await setImmediate();
  };
  return {
    history,
    writer,
    /** What the store was given since the last call, when this turn of the event loop has ended. */
    async given() {
      await turn();
      return given.splice(0);
    },
    async answer(kept = true) {
      for (const resolve of answers.splice(0)) resolve(kept);
      await turn();
    },
    /** Milliseconds until the timer, if there is one. */
    get timerMs() {
      return timer && timer.at - now;
    },
    fire() {
      const { at, callback } = timer!;
      timer = undefined;
      now = at;
      callback();
    },
  };
}

Deno.test("what was said in a turn goes to the store at its end, and what is said until that has it goes next", async () => {
  const s = setUp(), [tea, coffee] = [s.history.create("tea"), s.history.create("coffee")];
  s.history.add(tea, "A", 1, "one");
  s.history.add(coffee, "A", 1, "two");
  s.history.add(tea, "A", 1, "three");
  assertEquals(await s.given(), ["tea one three", "coffee two"]);
  s.history.add(tea, "A", 1, "four");
  assertEquals(await s.given(), []);
  s.history.add(tea, "A", 1, "five");
  await s.answer();
  assertEquals(await s.given(), ["tea four five"]);
  await s.answer();
  assertEquals([await s.given(), s.timerMs], [[], undefined]);
  await s.writer.close();
});

Deno.test("what the store refuses is written again a second later", async () => {
  const s = setUp(), tea = s.history.create("tea");
  s.history.add(tea, "A", 1, "one");
  assertEquals(await s.given(), ["tea one"]);
  await s.answer(false);
  s.history.add(tea, "A", 1, "two");
  assertEquals([await s.given(), s.timerMs], [[], 1000]);
  s.fire();
  assertEquals(await s.given(), ["tea one two"]);
  await s.answer();
  await s.writer.close();
});

Deno.test("while very much is said, writing takes a small part of the time", async () => {
  const s = setUp(), tea = s.history.create("tea");
  let messages = 0, waitedMs = 0;
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 1000; i++) s.history.add(tea, "A", 1, `${i}`);
    if (s.timerMs !== undefined) {
      waitedMs += s.timerMs;
      s.fire();
    }
    messages += (await s.given())[0]!.split(" ").length - 1;
    await s.answer();
  }
  assertEquals(messages, 20_000);
  assert(waitedMs > 1000);
  // a message that is written takes the store some microseconds
  assertLess(messages * 5 / 1000, waitedMs / 20);
  await s.writer.close();
});

Deno.test("what is left is written at the end", async () => {
  const s = setUp(), tea = s.history.create("tea");
  s.history.add(tea, "A", 1, "one");
  const closing = s.writer.close();
  assertEquals(await s.given(), ["tea one"]);
  s.history.add(tea, "A", 1, "two");
  await s.answer();
  assertEquals(await s.given(), ["tea two"]);
  await s.answer();
  await closing;
});
