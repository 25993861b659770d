import { assertEquals, assertLess } from "@std/assert";
import { Deadlines } from "../../../../server/store/engine/message/deadlines.ts";
import { Random } from "../../../simulation/random.ts";

interface Thing {
  name: number;
  time: number | undefined;
}

Deno.test("things come in the order in which they are due, however that changes, and those that are not due any more not at all", () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = new Random(seed), things: Thing[] = [];
    const deadlines = new Deadlines<Thing>({
      timeOf: ({ time }) => time,
      isBefore: (a, b) => a.name < b.name,
    });
    // a sorted array does the same
    const sorted = () =>
      things.filter(({ time }) => time !== undefined).sort((a, b) => a.time! - b.time! || a.name - b.name);
    for (let step = 0; step < 6000; step++) {
      const thing = things[random.between(0, things.length)];
      // times are few, so that many things are due at one
      if (thing === undefined || random.chance(0.4)) {
        const added = { name: random.between(0, 1e9), time: random.between(0, 40) };
        things.push(added);
        deadlines.add(added);
      } else if (random.chance(0.5)) {
        thing.time = undefined;
      } else if (thing.time !== undefined) {
        const earlier = random.chance(0.5);
        thing.time += earlier ? -random.between(0, 9) : random.between(0, 9);
        if (earlier) deadlines.add(thing);
      }
      if (random.chance(0.02)) {
        const [expected] = sorted(), now = random.between(0, 40);
        assertEquals(deadlines.next, expected?.time, `seed ${seed}, step ${step}`);
        const due = expected !== undefined && expected.time! <= now ? expected : undefined;
        assertEquals(deadlines.due(now)?.name, due?.name, `seed ${seed}, step ${step}`);
        if (due !== undefined) due.time = undefined;
      }
      if (things.length > 300) things.splice(0, 100).forEach((thing) => thing.time = undefined);
    }
    const expected: number[] = [], left: number[] = [];
    for (const { name } of sorted()) expected.push(name);
    for (let next = deadlines.peek(); next !== undefined; next = deadlines.peek()) {
      left.push(next.name);
      next.time = undefined;
    }
    assertEquals(left, expected);
  }
});

Deno.test("a thing that is added again and again needs no more memory, and no more time when it comes first", () => {
  let looks = 0;
  const deadlines = new Deadlines<Thing>({
    timeOf: ({ time }) => (looks++, time),
    isBefore: (a, b) => a.name < b.name,
  });
  const thing: Thing = { name: 1, time: 1 };
  for (let i = 0; i < 100_000; i++) deadlines.add(thing);
  thing.time = 2;
  looks = 0;
  assertEquals(deadlines.next, 2);
  assertLess(looks, 2000);
});
