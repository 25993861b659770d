/** What a malicious server makes a client of the channels keep: no more than a page, and no more requests than a few. */

import { assertEquals, assertRejects } from "@std/assert";
import { AskedRequests, type Page } from "../../../client/command/chat/asked.ts";
import { Outbox } from "../../../client/command/chat/outbox.ts";
import { Positions } from "../../../client/command/chat/positions.ts";
import { Seen } from "../../../client/command/chat/seen.ts";
import { logIn } from "../../../client/stream/login.ts";

const message = (number: number, text = "hi") =>
  ({ kind: "message", number, time: 0, name: "Bob", text }) as const;

Deno.test("a page that promises more entries than a page has is none, and its messages are messages", async () => {
  const asked = new AskedRequests(), pages: Page[] = [];
  asked.add({ page: (page) => Promise.resolve(void pages.push(page)) });
  assertEquals(await asked.announced({ kind: "history", history: "a", entries: 202, last: 9 }), true);
  assertEquals(await asked.announced(message(1)), false);
  await asked.announced({ kind: "history", history: "a", entries: 2, last: 9 });
  for (const number of [1, 2]) assertEquals(await asked.announced(message(number)), true);
  assertEquals(pages.map(({ entries }) => entries.length), [2]);
});

Deno.test("of a page with endless texts no more is kept than 4 Mi characters", async () => {
  const asked = new AskedRequests(), pages: Page[] = [];
  asked.add({ page: (page) => Promise.resolve(void pages.push(page)) });
  await asked.announced({ kind: "history", history: "a", entries: 10, last: 9 });
  for (let i = 1; i <= 10; i++) await asked.announced(message(i, "x".repeat(1024 * 1024)));
  assertEquals(pages.map(({ entries }) => entries.length), [4]);
});

Deno.test("a server that answers nothing is asked no more after a thousand requests", () => {
  const asked = new AskedRequests();
  for (let i = 0; i < 1000; i++) {
    assertEquals(asked.isFull, false);
    asked.add({});
  }
  assertEquals(asked.isFull, true);
});

Deno.test("a confirmation of what was not sent is none", () => {
  const outbox = new Outbox();
  assertEquals(outbox.confirm(), false);
  outbox.sent("hello");
  assertEquals([outbox.confirm(), outbox.confirm()], [true, false]);
});

Deno.test("positions in more channels than are remembered push out those that were entered longest ago", () => {
  const positions = new Positions("127.0.0.1:1", "Eve", "/dev/null/none");
  for (let i = 0; i <= 1000; i++) positions.set(`c${i}`, { history: "a", number: 1 });
  assertEquals([positions.get("c0"), positions.get("c1000")?.number], [undefined, 1]);
});

Deno.test("neither a name nor a line that is longer than any of a server is remembered", () => {
  const seen = new Seen();
  seen.came("x".repeat(300));
  seen.line("x".repeat(10_000));
  assertEquals([seen.names, seen.lines(10)], [[], []]);
});

// channels.md 9.10
Deno.test("a server that sends texts without an end while it is asked about a log-in is given up", async () => {
  let isClosed = false;
  const texts = {
    send: () => Promise.resolve(),
    receive: () => Promise.resolve("[Bob] hi"),
    close: () => void (isClosed = true),
  };
  await assertRejects(
    () => logIn(texts, { name: "alice", password: "x" }),
    Error,
    "the server does not answer",
  );
  assertEquals(isClosed, true);
});
