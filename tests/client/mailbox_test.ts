/** The library's mailbox on the reliable session, with a real server. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { connectMailbox, type Mailbox } from "../../client/mailbox.ts";
import { withServer } from "../server/serve.ts";

function withMailbox(use: (mailbox: Mailbox, port: number) => Promise<void>): Promise<void> {
  return withServer({}, async (server) => {
    const { port } = server.addresses[0]!;
    await using mailbox = await connectMailbox({ port });
    await use(mailbox, port);
  });
}

async function fill(mailbox: Mailbox, texts: readonly string[]) {
  await Promise.all(texts.map((text) => mailbox.send("bob", "alice", text)));
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

Deno.test("batches() returns many messages at a time, all of them in their order", () =>
  withMailbox(async (mailbox) => {
    const texts = numbers(5000), got: string[] = [], sizes: number[] = [];
    await fill(mailbox, texts);
    for await (const batch of mailbox.batches("bob", { wait: 0, prefetch: 1024 })) {
      sizes.push(batch.length);
      got.push(...batch.map(({ text }) => text));
      const acks = await Promise.all(batch.map((message) => message.ack()));
      assertEquals(acks.every(Boolean), true);
    }
    assertEquals(got, texts);
    assert(Math.max(...sizes) > 256, `at most ${Math.max(...sizes)} at a time`);
    assertEquals((await mailbox.stat("bob")).messages, 0);
  }));

Deno.test("batches() returns long messages among short ones", () =>
  withMailbox(async (mailbox) => {
    const texts = numbers(400).map((text, i) => i % 40 === 39 ? text.padEnd(65_000, "Ω".repeat(500)) : text);
    const fitting = texts.map((text) => text.slice(0, 30_000)), got: string[] = [];
    await fill(mailbox, fitting);
    for await (const batch of mailbox.batches("bob", { wait: 0, prefetch: 1024 })) {
      got.push(...batch.map(({ text }) => text));
      await Promise.all(batch.map((message) => message.ack()));
    }
    assertEquals(got, fitting);
  }));

Deno.test("messages() ends after count messages, and leaves the rest", () =>
  withMailbox(async (mailbox, port) => {
    await fill(mailbox, numbers(300));
    let next = 0;
    for await (const message of mailbox.messages("bob", { count: 100, prefetch: 1024 })) {
      assertEquals(message.text, `${next++}`);
      await message.ack();
    }
    assertEquals(next, 100);
    const { ready, leased } = await mailbox.stat("bob");
    assertEquals([ready, leased], [200, 0]);
    await using other = await connectMailbox({ port });
    for await (const { text } of other.messages("bob", { count: 1 })) assertEquals(text, "100");
  }));

Deno.test("messages() releases what a loop did not reach", () =>
  withMailbox(async (mailbox) => {
    await fill(mailbox, numbers(300));
    for await (const message of mailbox.messages("bob", { prefetch: 64 })) {
      await message.ack();
      if (message.text === "9") break;
    }
    const { ready, leased } = await mailbox.stat("bob");
    assertEquals([ready, leased], [290, 0]);
    for await (const message of mailbox.messages("bob", { wait: 0, count: 1 })) {
      assertEquals([message.text, message.attempt], ["10", 1]);
      await message.ack();
    }
  }));

Deno.test("a signal ends the wait for a message, and later messages stay on the server", () =>
  withMailbox(async (mailbox) => {
    const stop = new AbortController();
    const received = Array.fromAsync(mailbox.messages("bob", { signal: stop.signal, prefetch: 1024 }));
    await mailbox.stat("bob");
    stop.abort();
    assertEquals(await received, []);
    await fill(mailbox, ["still there"]);
    for await (const message of mailbox.messages("bob", { count: 1 })) {
      assertEquals(message.text, "still there");
      await message.ack();
    }
  }));

Deno.test("a message is finished once: a second call comes too late", () =>
  withMailbox(async (mailbox) => {
    await fill(mailbox, ["one", "two"]);
    for await (const [one, two] of mailbox.batches("bob", { count: 2, prefetch: 2 })) {
      assertEquals(await Promise.all([one!.ack(), two!.fail({ delay: 0 })]), [true, true]);
      assertEquals(await Promise.all([one!.ack(), two!.ack()]), [false, true]);
    }
    assertEquals((await mailbox.stat("bob")).messages, 0);
  }));

Deno.test("messages() refuses what it cannot request", () =>
  withMailbox(async (mailbox) => {
    for (const prefetch of [0, 1025, 1.5]) {
      await assertRejects(() => mailbox.messages("bob", { prefetch }).next(), RangeError, "1 to 1024");
    }
    await assertRejects(() => mailbox.messages("b,b").next(), TypeError, "as an ID");
  }));

Deno.test("close() may be called twice, and ends what is open", () =>
  withMailbox(async (mailbox) => {
    const waiting = assertRejects(() => mailbox.messages("bob").next(), Error, "The session is closed");
    await Promise.all([mailbox.close(), mailbox.close()]);
    await waiting;
    await assertRejects(() => mailbox.send("bob", "alice", "x"), Error, "The session is closed");
  }));
