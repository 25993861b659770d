/** `for await (const message of mailbox.messages(…))`: what is fetched ahead of the loop, and what happens to it. */

import { assert, assertEquals, assertLess, assertMatch, assertRejects } from "@std/assert";
import { connectMailbox, type Mailbox, type ReceivedMessage } from "../../../client/mailbox.ts";
import { ServerProcess } from "../../program.ts";

/** Runs with a mailbox server that has messages for bob: their numbers, from 1. */
async function withMessages(count: number, use: (connect: () => Promise<Mailbox>) => Promise<void>) {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory"]);
  const connect = () => connectMailbox({ port: server.port });
  await using sender = await connect();
  await Promise.all(Array.from({ length: count }, (_, i) => sender.send("bob", "alice", `${i + 1}`)));
  await use(connect);
}

const numbers = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => `${first + i}`);

// session.md 6.9
Deno.test("a message at which a loop throws counts as an attempt, although it was fetched ahead", async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "--memory", "--log-level", "debug"]);
  const loop = async () => {
    await using mailbox = await connectMailbox({ port: server.port });
    await mailbox.send("bob", "alice", "poison");
    for await (const _ of mailbox.messages("bob", { wait: 0 })) throw new Error("poisoned");
  };
  await assertRejects(loop, Error, "poisoned");
  await using other = await connectMailbox({ port: server.port });
  await other.stat("bob");
  await server.logged("in a session: stat");
  assertMatch(server.err, /in a session: begin\n/);
});

/** The messages that are left, and how many attempts each had. */
async function left(mailbox: Mailbox): Promise<{ texts: string[]; attempts: Set<number> }> {
  const all: ReceivedMessage[] = [];
  for await (const batch of mailbox.batches("bob", { wait: 0, prefetch: 1024 })) all.push(...batch);
  return { texts: all.map(({ text }) => text), attempts: new Set(all.map(({ attempt }) => attempt)) };
}

Deno.test("a loop gets every message once, in order, whether or not it awaits its acknowledgements", () =>
  withMessages(500, async (connect) => {
    const texts: string[] = [];
    {
      await using mailbox = await connect();
      for await (const { text } of mailbox.messages("nobody", { wait: 0 })) texts.push(text);
      for await (const message of mailbox.messages("bob", { wait: 0 })) {
        texts.push(message.text);
        if (texts.length < 250) assert(await message.ack());
        else message.ack();
      }
    }
    assertEquals(texts, numbers(1, 500));
    await using other = await connect();
    assertEquals((await other.stat("bob")).messages, 0);
  }));

for (const how of ["break", "throw", "signal", "count", "close"] as const) {
  // session.md 6.10
  Deno.test(`what was fetched for a loop that ends by ${how} is there for others at once, and counts as no attempt`, () =>
    withMessages(300, async (connect) => {
      await using mailbox = await connect();
      const stop = new AbortController();
      let taken = 0;
      const loop = async () => {
        const options = how === "count" ? { count: 100 } : { signal: stop.signal };
        for await (const message of mailbox.messages("bob", options)) {
          await message.ack();
          if (++taken < 100) continue;
          if (how === "break") break;
          if (how === "throw") throw new Error("enough");
          if (how === "signal") stop.abort();
          if (how === "close") await mailbox.close();
        }
      };
      if (how === "throw") await assertRejects(loop, Error, "enough");
      else if (how === "close") await assertRejects(loop, Error, "The session is closed");
      else await loop();
      await using other = await connect();
      assertEquals(await left(other), { texts: numbers(101, 300), attempts: new Set([1]) });
    }));
}

Deno.test("the message that a loop ends with stays leased", () =>
  withMessages(300, async (connect) => {
    await using mailbox = await connect();
    let last: ReceivedMessage | undefined;
    for await (const message of mailbox.messages("bob")) {
      if (message.text === "100") {
        last = message;
        break;
      }
      message.ack();
    }
    await using other = await connect();
    assertEquals((await left(other)).texts, numbers(101, 300));
    assert(await last!.ack());
  }));

Deno.test("nothing is fetched ahead of a loop that takes long for each message", () =>
  withMessages(50, async (connect) => {
    await using mailbox = await connect();
    await using other = await connect();
    let count = 0;
    for await (const message of mailbox.messages("bob", { count: 3 })) {
      // longer than what is fetched ahead is worth
      await new Promise((resolve) => setTimeout(resolve, 500));
      const { leased = 0 } = await other.stat("bob");
      assertLess(leased, 4, `${leased} leased for message ${++count}`);
      await message.ack();
    }
  }));

// session.md 6.10
Deno.test("what is fetched for a loop that does not come back goes to other receivers", () =>
  withMessages(300, async (connect) => {
    await using mailbox = await connect();
    await using other = await connect();
    const hung = Promise.withResolvers<void>(), goOn = Promise.withResolvers<void>();
    const texts: string[] = [];
    const loop = async () => {
      for await (const message of mailbox.messages("bob", { wait: 0 })) {
        texts.push(message.text);
        if (texts.length === 50) {
          hung.resolve();
          await goOn.promise;
        }
        await message.ack();
      }
    };
    const looping = loop();
    await hung.promise;
    const got: string[] = [];
    for await (const message of other.messages("bob")) {
      assertEquals(message.attempt, 1);
      got.push(message.text);
      await message.ack();
      // after what others may have got before it was released
      if (got.includes("51")) break;
    }
    goOn.resolve();
    await looping;
    assertEquals([...texts, ...got].sort(), numbers(1, 300).sort(), "each once");
  }));
