/** The library's mailbox over HTTP, with a real server. */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connectMailbox, type Mailbox, RequestError, SHARED_QUEUE } from "../../../client/web/mailbox.js";
import { PASSWORD, withProtected } from "../../server/protected.ts";
import { withHttp } from "../../server/wire/http/http_server.ts";

type Fetch = typeof fetch;

/** What a network does with a request before, and with its answer after. */
interface Network {
  isAnswerLost?(url: URL, method: string): boolean;
}

/** A client, and what it has asked: `POST /mailbox/bob`. */
function client(port: number, network: Network = {}) {
  const asked: string[] = [];
  const broken: Fetch = async (input, init) => {
    const url = new URL(`${input}`), method = init?.method ?? "GET";
    asked.push(`${method} ${url.pathname}`);
    const answer = await fetch(input, init);
    if (!network.isAnswerLost?.(url, method)) return answer;
    await answer.body?.cancel();
    throw new TypeError("connection reset");
  };
  const mailbox = connectMailbox({ url: `http://127.0.0.1:${port}`, fetch: broken, timeout: 60_000 });
  return { mailbox, asked };
}

function withMailbox(use: (mailbox: Mailbox, port: number, asked: string[]) => Promise<void>): Promise<void> {
  return withHttp({}, async (port) => {
    const { mailbox, asked } = client(port);
    await using _ = mailbox;
    await use(mailbox, port, asked);
  });
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

async function textsOf(mailbox: Mailbox, id: string, options: Parameters<Mailbox["messages"]>[1] = {}) {
  const texts: string[] = [];
  for await (const message of mailbox.messages(id, { wait: 0, ...options })) {
    texts.push(message.text);
    assertEquals(await message.ack(), true);
  }
  return texts;
}

Deno.test("messages come as they were sent, in the order of the calls, with number and time", () =>
  withMailbox(async (mailbox) => {
    const sent = await Promise.all(numbers(200).map((text) => mailbox.send("bob", "alice", `${text} Ω ✓`)));
    assertEquals(sent.map(({ id }) => id), sent.map(({ id }) => id).toSorted((a, b) => a - b));
    const got: unknown[] = [];
    for await (const batch of mailbox.batches("bob", { wait: 0 })) {
      for (const { id, sender, text, time, attempt } of batch) got.push({ id, sender, text, time, attempt });
      assertEquals((await Promise.all(batch.map((message) => message.ack()))).every(Boolean), true);
    }
    const expected = sent.map((one, i) => ({ ...one, sender: "alice", text: `${i} Ω ✓`, attempt: 1 }));
    assertEquals(got, expected);
    assertEquals(await mailbox.stat("bob"), { messages: 0, ready: 0, leased: 0, delayed: 0, dead: 0 });
  }));

Deno.test("each message is stored once and in order, although answers are lost on the way", () =>
  withHttp({}, async (port) => {
    let count = 0;
    const { mailbox, asked } = client(port, { isAnswerLost: () => count++ % 3 === 0 });
    await using _ = mailbox;
    let stored = 0;
    const settled = Promise.withResolvers<void>();
    for (const text of numbers(20)) {
      mailbox.post("bob", "alice", text, (error) => {
        assertEquals(error, undefined);
        if (++stored === 20) settled.resolve();
      });
    }
    await settled.promise;
    assert(asked.length > 20);
    assertEquals(await textsOf(client(port).mailbox, "bob", { prefetch: 7 }), numbers(20));
  }));

Deno.test("what was acknowledged, released or failed while its answer was lost has been, and is said to be", () =>
  withHttp({}, async (port) => {
    const lost = new Set<string>();
    const isAnswerLost = ({ pathname }: URL) => {
      if (!pathname.startsWith("/lease/") || lost.has(pathname)) return false;
      lost.add(pathname);
      return true;
    };
    const { mailbox } = client(port, { isAnswerLost });
    await using _ = mailbox;
    for (const text of ["acked", "released", "failed"]) await mailbox.send("bob", "alice", text);
    for await (const [acked, released, failed] of mailbox.batches("bob", { wait: 0, count: 3 })) {
      const outcomes = await Promise.all([acked!.ack(), released!.release(), failed!.fail({ delay: 0 })]);
      assertEquals(outcomes, [true, true, true]);
    }
    assertEquals(lost.size, 3);
    const again: unknown[] = [];
    for await (const message of mailbox.messages("bob", { wait: 0 })) {
      again.push([message.text, message.attempt]);
      await message.ack();
      // the lease is over
      assertEquals(await message.ack(), false);
    }
    assertEquals(again, [["released", 1], ["failed", 2]]);
  }));

Deno.test("a lease is extended while what others are finished with waits for answers", () =>
  withHttp({}, async (port) => {
    const isExtended = Promise.withResolvers<void>(), answers = Promise.withResolvers<void>();
    let acked = 0;
    const slow: Fetch = async (input, init) => {
      if (`${input}`.includes("/extend")) isExtended.resolve();
      if (init?.method === "DELETE" && ++acked <= 9) await answers.promise;
      return await fetch(input, init);
    };
    await using mailbox = connectMailbox({ url: `http://127.0.0.1:${port}`, fetch: slow });
    for (const text of numbers(10)) await mailbox.send("bob", "alice", text);
    for await (const batch of mailbox.batches("bob", { count: 10, lease: 1000 })) {
      const kept = batch.pop()!, finished = batch.map((message) => message.ack());
      await isExtended.promise;
      answers.resolve();
      await Promise.all([...finished, kept.release()]);
    }
  }));

Deno.test("a loop that ends leaves the rest, and what it had fetched counts as no attempt", () =>
  withMailbox(async (mailbox) => {
    for (const text of numbers(10)) await mailbox.send("bob", "alice", text);
    for await (const message of mailbox.messages("bob", { prefetch: 5 })) {
      await message.ack();
      if (message.text === "1") break;
    }
    assertEquals(await textsOf(mailbox, "bob", { count: 3 }), ["2", "3", "4"]);
    const { ready, leased } = await mailbox.stat("bob");
    assertEquals([ready, leased], [5, 0]);
    for await (const { attempt } of mailbox.messages("bob", { count: 1 })) assertEquals(attempt, 1);
  }));

Deno.test("peek shows all of a mailbox and takes nothing, and the shared queue has neither names nor senders", () =>
  withMailbox(async (mailbox) => {
    for (const text of numbers(100)) await mailbox.send("bob", "alice", text);
    await mailbox.send("bob", "alice", "later", { delay: 3_600_000 });
    await mailbox.send("bob", "alice", "gone", { ttl: 1 });
    const seen = await Array.fromAsync(mailbox.peek("bob"));
    assertEquals(
      seen.filter(({ text }) => text !== "gone").map(({ text, state }) => `${text} ${state}`),
      [...numbers(100).map((text) => `${text} ready`), "later delayed"],
    );
    await mailbox.send(SHARED_QUEUE, "", "a job");
    for await (const message of mailbox.messages(SHARED_QUEUE, { count: 1 })) {
      assertEquals([message.sender, message.text, await message.ack()], ["", "a job", true]);
    }
  }));

Deno.test("a signal or close() ends the wait for a message, and later messages stay on the server", () =>
  withMailbox(async (mailbox, port, asked) => {
    assertEquals((await mailbox.info()).isLoginRequired, false);
    const stop = new AbortController();
    const received = Array.fromAsync(mailbox.messages("bob", { signal: stop.signal }));
    await mailbox.send("carol", "alice", "meanwhile");
    assertEquals(asked.slice(1).toSorted(), ["POST /mailbox/bob/receive", "POST /mailbox/carol"]);
    stop.abort();
    assertEquals(await received, []);
    const { mailbox: other } = client(port), end = new AbortController();
    const ended = Array.fromAsync(other.messages("bob", { signal: end.signal }));
    end.abort();
    await other.close();
    assertEquals(await ended, []);
    const waiting = assertRejects(() => mailbox.messages("bob").next(), Error, "The mailbox is closed");
    await mailbox.close();
    await waiting;
    await assertRejects(() => mailbox.send("bob", "alice", "x"), Error, "The mailbox is closed");
    await using last = client(port).mailbox;
    await last.send("bob", "alice", "still there");
    assertEquals(await textsOf(last, "bob"), ["still there"]);
  }));

Deno.test("close() waits for what is sent behind others too, and without a time has nothing more begun", () =>
  withHttp({}, async (port) => {
    const { mailbox } = client(port);
    const sent = numbers(5).map((text) => mailbox.send("bob", "alice", text));
    await mailbox.close(60_000);
    await Promise.all(sent);
    await using reader = client(port).mailbox;
    assertEquals(await textsOf(reader, "bob"), numbers(5));
    const { mailbox: other, asked } = client(port);
    const late = Promise.allSettled(numbers(5).map((text) => other.send("carol", "alice", text)));
    await other.close(0);
    assertEquals((await late).map(({ status }) => status), Array(5).fill("rejected"));
    assertEquals(asked, ["POST /mailbox/carol"]);
  }));

Deno.test("a message is not taken for stored where a redirect leads to a good answer", async () => {
  const asked: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, ({ method, url }) => {
    asked.push(method);
    const answer = { ready: 0, leased: 0, delayed: 0, dead: 0, messages: [], more: false };
    return method === "GET" ? Response.json(answer) : Response.redirect(url, 301);
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  await using mailbox = connectMailbox({ url });
  const error = await assertRejects(() => mailbox.send(SHARED_QUEUE, "", "a job"), RequestError);
  assertEquals([error.status, error.message], [301, `It is at another address: ${url}/queue`]);
  assertEquals(asked, ["POST"]);
});

Deno.test("a message for which there is no room is given up after the wait, and one that is refused at once", () =>
  withHttp({ limits: { mailboxMessages: 1 } }, async (port) => {
    await using mailbox = client(port).mailbox;
    await mailbox.send("bob", "alice", "one");
    const full = await assertRejects(
      () => mailbox.send("bob", "alice", "two", { wait: 100 }),
      RequestError,
    );
    assertEquals([full.status, full.code], [507, "full"]);
    const refused = await assertRejects(() => mailbox.send("b,b", "alice", "x"), RequestError);
    assertEquals(refused.code, "bad ID");
    await assertRejects(() => mailbox.batches("bob", { prefetch: 65 }).next(), RangeError, "1 to 64");
  }));

Deno.test("behind a posted message that fails none is stored that was posted before that was known", () =>
  withMailbox(async (mailbox, _, asked) => {
    const outcomes: string[] = [], { promise, resolve } = Promise.withResolvers<void>();
    const post = (text: string, receiver = "bob") =>
      mailbox.post(receiver, "ana", text, (error) => {
        outcomes.push(error instanceof RequestError ? `${text} ${error.code}` : text);
        if (text === "5") resolve();
      });
    const isRefused = "a\x07";
    post("1"), post(isRefused), post("2"), post("3"), post("4", "eve");
    mailbox.post("bob", "ana", "late", () => post("5"));
    await promise;
    assertEquals(outcomes.filter((outcome) => outcome !== "4"), [
      "1",
      `${isRefused} not printable`,
      "2 not printable",
      "3 not printable",
      "5",
    ]);
    assertEquals(asked.filter((path) => path === "POST /mailbox/bob").length, 3);
    assertEquals(await textsOf(mailbox, "bob"), ["1", "5"]);
    assertEquals(await textsOf(mailbox, "eve"), ["4"]);
  }));

Deno.test("a server that does not answer is given up after the timeout", async () => {
  // bound and never accepted
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using mailbox = connectMailbox({ url: `http://127.0.0.1:${silent.addr.port}`, timeout: 300 });
  const text = `No answer from 127.0.0.1:${silent.addr.port} within 0.3 s: is the server running?`;
  await assertRejects(() => mailbox.send("bob", "alice", "x"), Error, text);
  await assertRejects(() => mailbox.messages("bob").next(), Error, text);
  assertEquals(mailbox.hasAnswered, false);
});

Deno.test("an account logs in with each request, and no password goes over plain HTTP to another machine", () =>
  withProtected(async ({ port }) => {
    const url = `http://127.0.0.1:${port("http")}`, as = { name: "bob", password: PASSWORD };
    await using mailbox = connectMailbox({ url, as });
    await mailbox.send("bob", "bob", "hello");
    assertEquals(await textsOf(mailbox, "bob"), ["hello"]);
    await using other = connectMailbox({ url });
    const error = await assertRejects(() => other.messages("bob").next(), RequestError);
    assertEquals([error.status, error.code], [401, "account"]);
    for (const host of ["192.0.2.7", "example.org", "127.evil.example", "[2001:db8::1]"]) {
      assertThrows(() => connectMailbox({ url: `http://${host}`, as }), TypeError, "use https");
    }
    for (const url of ["http://localhost:1", "http://[::1]", "https://example.org"]) {
      await connectMailbox({ url, as }).close();
    }
  }));
