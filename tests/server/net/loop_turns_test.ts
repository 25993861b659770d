import { assertEquals } from "@std/assert";
import { setImmediate } from "node:timers";
import { LoopTurns } from "../../../server/net/loop_turns.ts";

Deno.test("each has a turn of the event loop of its own, in the order in which they came", async () => {
  const turns = new LoopTurns({ next: undefined });
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

Deno.test("where a round is over, the sockets are looked at before the next piece", async () => {
  const { promise: next, resolve: looked } = Promise.withResolvers<void>();
  const done: string[] = [];
  const rounds: { next: Promise<void> | undefined } = { next };
  const turns = new LoopTurns(rounds);
  const pieces = ["first", "second"].map((piece) => turns.next().then(() => done.push(piece)));
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(done, []);
  rounds.next = undefined;
  looked();
  await Promise.all(pieces);
  assertEquals(done, ["first", "second"]);
});
