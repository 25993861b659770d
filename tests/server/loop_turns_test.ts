import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { LoopTurns } from "../../server/loop_turns.ts";

Deno.test("each has a turn of the event loop of its own, in the order in which they came", async () => {
  const turns = new LoopTurns();
  const done: string[] = [];
  let turn = 0, isOver = false;
  const count = () => {
    turn++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const work = async (name: string) => {
    for (let piece = 0; piece < 3; piece++) {
      await turns.next();
      done.push(`${name}${piece} ${turn}`);
    }
  };
  await Promise.all([work("a"), work("b"), work("c")]);
  isOver = true;
  assertEquals(done.map((line) => line.split(" ")[0]), [
    "a0",
    "b0",
    "c0",
    "a1",
    "b1",
    "c1",
    "a2",
    "b2",
    "c2",
  ]);
  assertEquals(new Set(done.map((line) => line.split(" ")[1])).size, 9, done.join());
  await new Promise((resolve) => setImmediate(resolve));
});
