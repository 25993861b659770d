/** Loops over messages in simulated time: what is fetched ahead of them, and what becomes of it. session.md 6.8 to 6.12. */

import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import type { ReceivedMessage } from "../../client/mailbox.ts";
import { ReceivingWorld, type SimulatedClient } from "./receiving.ts";

/** Takes messages, each for so long, until `isLast`. Gives the messages in their order. */
async function take(
  world: ReceivingWorld,
  { mailbox }: SimulatedClient,
  msOf: (taken: number) => number,
  isLast: (taken: number) => boolean = () => false,
): Promise<ReceivedMessage[]> {
  const taken: ReceivedMessage[] = [];
  for await (const message of mailbox.messages("bob", { wait: 100 })) {
    taken.push(message);
    const ms = msOf(taken.length);
    if (ms > 0) await world.sleep(ms);
    assert(await message.ack(), `message ${message.text} was lost`);
    if (isLast(taken.length)) break;
  }
  return taken;
}

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);
const texts = (messages: readonly ReceivedMessage[]) => messages.map(({ text }) => text);
const inNumbers = (all: string[]) => all.map(Number).sort((a, b) => a - b).map(String);

/** The greatest number of messages that are with receivers until `story` is done. */
async function mostLeased(world: ReceivingWorld, story: Promise<unknown>): Promise<number> {
  let most = 0, isDone = false;
  story.finally(() => isDone = true);
  while (!isDone) {
    most = Math.max(most, world.leased);
    await world.sleep(5);
  }
  await story;
  return most;
}

Deno.test("a loop that takes 1 s for each message has no other ahead", async () => {
  await using world = await ReceivingWorld.make(100);
  const story = mostLeased(world, take(world, world.client(), () => 1000, (taken) => taken === 20));
  await world.run(story);
  assertEquals(await story, 1);
});

Deno.test("a loop that takes 50 ms for each message has about 200 ms of work ahead", async () => {
  await using world = await ReceivingWorld.make(100);
  const story = mostLeased(world, take(world, world.client(), () => 50, (taken) => taken === 60));
  await world.run(story);
  assertGreater(await story, 2);
  // and the one that it works on
  assertLessOrEqual(await story, 5);
});

Deno.test("a fast loop has hundreds ahead, and does not wait for each", async () => {
  await using world = await ReceivingWorld.make(2000);
  const client = world.client(), taken: string[] = [];
  const loop = async () => {
    for await (const message of client.mailbox.messages("bob", { wait: 0 })) {
      taken.push(message.text);
      message.ack();
    }
  };
  const sent = world.network.counts.sent, story = mostLeased(world, loop()), took = await world.run(story);
  assertEquals(taken, numbers(1, 2000));
  assertGreater(await story, 200);
  // with a fetch for each, it would take 2 ms for each
  assertLess(took, 400);
  // in both directions: the messages alone fill 200 or so
  assertLess(world.network.counts.sent - sent, 600);
});

Deno.test("a loop that awaits each acknowledgement waits for nothing else", async () => {
  await using world = await ReceivingWorld.make(500);
  const client = world.client();
  const sent = world.network.counts.sent,
    taking = take(world, client, () => 0),
    took = await world.run(taking);
  assertEquals(texts(await taking), numbers(1, 500));
  // about 4 ms there, to the disk and back; with a request for each message it would be 3 more
  assertLess(took, 500 * 5 + 100);
  // an acknowledgement and its answer for each; leases are no requests of their own for long
  assertLess(world.network.counts.sent - sent, 500 * 2 + 150);
});

Deno.test("a slow receiver leaves the others to a fast one, also if it came first", async () => {
  await using world = await ReceivingWorld.make(500);
  const slow = take(world, world.client(), () => 1000);
  await world.run(world.sleep(1500));
  const fast = take(world, world.client(), () => 1), tookFast = await world.run(fast);
  await world.run(slow);
  // 4 ms for each, and the wait for one more
  assertLess(tookFast, 500 * 5 + 250);
  const bySlow = texts(await slow), byFast = texts(await fast);
  assertLessOrEqual(bySlow.length, 5);
  for (const each of [bySlow, byFast]) assertEquals(each, inNumbers(each), "in their order");
  assertEquals(inNumbers([...bySlow, ...byFast]), numbers(1, 500), "each once");
  for (const { attempt } of [...await slow, ...await fast]) assertEquals(attempt, 1);
});

for (const ms of [250, 1000, 5000]) {
  Deno.test(`a loop that slows down to ${ms} ms for each releases what it had ahead within a second`, async () => {
    await using world = await ReceivingWorld.make(1500);
    let slowSince = 0;
    const first = world.client();
    const loop = async () => {
      let taken = 0;
      const attempts = new Set<number>(), all: string[] = [];
      for await (const message of first.mailbox.messages("bob", { wait: 0 })) {
        all.push(message.text);
        attempts.add(message.attempt);
        message.ack();
        if (++taken < 400) continue;
        slowSince ||= world.clock.now();
        await world.sleep(ms);
        if (taken === 404) break;
      }
      return { attempts, all };
    };
    const looping = loop();
    await world.clock.until(() => slowSince > 0, 10_000);
    assertGreater(world.leased, 100);
    await world.run(world.sleep(1005));
    assertLessOrEqual(world.leased, 2);
    const others = take(world, world.client(), () => 0);
    await world.run(looping, others);
    const { attempts, all } = await looping;
    assertEquals([...attempts], [1]);
    assertEquals(all, inNumbers(all), "in their order");
    assertEquals(inNumbers([...all, ...texts(await others)]), numbers(1, 1500), "each once");
    for (const { attempt } of await others) assertEquals(attempt, 1);
  });
}

Deno.test("a loop that gets faster has more ahead again", async () => {
  await using world = await ReceivingWorld.make(600);
  const loop = take(world, world.client(), (taken) => taken <= 3 ? 1000 : 0, (taken) => taken === 500);
  const story = mostLeased(world, loop), took = await world.run(story);
  assertGreater(await story, 30);
  assertLess(took, 3000 + 500 * 4 + 250);
});

for (const how of ["break", "throw"] as const) {
  Deno.test(`a loop that ends by ${how} has begun one message, and the others are back at once`, async () => {
    await using world = await ReceivingWorld.make(400);
    const first = world.client();
    const loop = async () => {
      let taken = 0;
      for await (const message of first.mailbox.messages("bob")) {
        if (++taken < 200) message.ack();
        else if (how === "break") break;
        else throw new Error("enough");
      }
    };
    await world.run(how === "break" ? loop() : assertRejects(loop, Error, "enough"));
    assertEquals(world.leased, 1);
    const others = take(world, world.client(), () => 0);
    await world.run(others);
    assertEquals(texts(await others), numbers(201, 400));
    assertEquals(new Set((await others).map(({ attempt }) => attempt)), new Set([1]));
    first.kill();
    // its lease runs out
    await world.run(world.sleep(45_000));
    const last = take(world, world.client(), () => 0);
    await world.run(last);
    assertEquals((await last).map(({ text, attempt }) => [text, attempt]), [["200", 2]]);
  });
}

Deno.test("of a client that is killed, what its loop was given has had an attempt, and nothing else", async () => {
  await using world = await ReceivingWorld.make(300);
  const first = world.client();
  let given = 0;
  const loop = async () => {
    for await (const message of first.mailbox.messages("bob")) {
      if (++given === 100) await world.sleep(60_000);
      await message.ack();
    }
  };
  loop();
  await world.clock.until(() => given === 100, 10_000);
  // time for the server to know that
  await world.run(world.sleep(5));
  assertGreater(world.leased, 10);
  first.kill();
  await world.run(world.sleep(45_000));
  const others = take(world, world.client(), () => 0);
  await world.run(others);
  assertEquals(texts(await others), numbers(100, 300));
  assertEquals((await others).map(({ attempt }) => attempt), [2, ...new Array(200).fill(1)]);
});

Deno.test("a message stays leased for as long as the loop works on it, and nothing is held behind it", async () => {
  await using world = await ReceivingWorld.make(50);
  const story = take(world, world.client(), (taken) => taken === 10 ? 100_000 : 0, (taken) => taken === 20);
  await world.clock.until(() => world.messages === 41, 10_000);
  await world.run(world.sleep(1100));
  assertEquals(world.leased, 1);
  await world.run(story);
  assertEquals(texts(await story), numbers(1, 20));
});

Deno.test("a loop that holds up everything for longer than a lease is given nothing that others may have", async () => {
  await using world = await ReceivingWorld.make(200);
  const client = world.client(), other = world.client();
  const taken: string[] = [], outcomes: boolean[] = [];
  const loop = async () => {
    for await (const message of client.mailbox.messages("bob", { wait: 0 })) {
      taken.push(message.text);
      if (taken.length === 50) await client.freeze(40_000);
      outcomes.push(await message.ack());
    }
  };
  const looping = loop();
  await world.clock.until(() => taken.length === 50, 10_000);
  await world.run(world.sleep(35_000));
  const others = take(world, other, () => 0, (taken) => taken === 20);
  await world.run(others);
  await world.run(looping);
  assertEquals(texts(await others)[0], "50", "its lease has run out");
  const lost = taken.filter((_, i) => !outcomes[i]);
  assertEquals(lost, ["50"], "and it learns that");
  assertEquals(inNumbers([...taken.filter((_, i) => outcomes[i]), ...texts(await others)]), numbers(1, 200));
});

Deno.test("on a bad network, with breaks of any length, each message comes once and in its order", async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const bad = { loss: 0.1, repeated: 0.1, reordered: 0.3, late: 50, delay: [1, 20] as [number, number] };
    await using world = await ReceivingWorld.make(300, seed, bad);
    const loop = take(
      world,
      world.client(),
      (taken) => taken % 40 === 0 ? 30 * taken : taken % 7 === 0 ? 20 : 0,
    );
    await world.run(loop);
    assertEquals(texts(await loop), numbers(1, 300), `seed ${seed}`);
  }
});

Deno.test("a batch is what the program works on in about 200 ms", async () => {
  await using world = await ReceivingWorld.make(300);
  const { mailbox } = world.client(), sizes: number[] = [], all: string[] = [];
  const loop = async () => {
    for await (const batch of mailbox.batches("bob", { wait: 0 })) {
      sizes.push(batch.length);
      all.push(...texts(batch));
      await world.sleep(10 * batch.length);
      await Promise.all(batch.map((message) => message.ack()));
    }
  };
  await world.run(loop());
  assertEquals(all, numbers(1, 300));
  assertEquals(sizes[0], 1);
  assertGreater(Math.max(...sizes), 10);
  assertLessOrEqual(Math.max(...sizes), 40);
});
