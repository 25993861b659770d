/** Leases of sessions: given once, ended, and their messages put back. session.md sections 2 and 6. */

import { assertEquals } from "@std/assert";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { DeadLetter } from "../../../../server/store/requests/message.ts";
import type { RequestOutcome } from "../../../../server/store/requests/session.ts";
import { leased, Subject } from "./store.ts";

const fail = (token: string, ids: number[], delay: number, attempts = 5) => (
  { kind: "fail", token, ids, delay, attempts, reason: "exit 1" } as const
);

// session.md 6.2
Deno.test("a lease is given once, and the same one again for the same tag", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"), s.put("3"));
  const first = leased(s.lease("r", 1, { max: 2 }));
  assertEquals(first.texts, ["1", "2"]);
  assertEquals(s.lease("r", 1), { token: first.token, messages: first.messages, texts: first.texts });
  assertEquals(s.texts("r", 2), ["3"]);
  assertEquals(s.texts("other", 1), "empty");
  // and nobody on the original wire gets it
  assertEquals(s.apply({ kind: "take", mailbox: "bob" }), ["empty"]);
  assertEquals(first.messages.map(({ attempt }) => attempt), [1, 1]);
});

// session.md 6.3
Deno.test("an acknowledgement removes its messages, and only for the one who has them", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"));
  const { token, ids } = leased(s.lease("s", 1));
  const other = { kind: "session", session: "other", first: 1, low: 1 } as const;
  const lost: RequestOutcome = { kind: "lost", ids };
  assertEquals(s.apply({ ...other, changes: [{ kind: "ack", token, ids }] }), [{
    done: 1,
    outcomes: [[1, lost]],
  }]);
  assertEquals(s.change(3, { kind: "ack", token, ids: [ids[0]!] }), { done: 3, outcomes: [] });
  assertEquals(s.texts("s", 1), ["2"]);
  assertEquals(s.change(4, { kind: "ack", token, ids }), {
    done: 4,
    outcomes: [[4, { kind: "lost", ids: [ids[0]!] }]],
  });
  assertEquals(s.apply({ kind: "count" }), [{ messages: 0, bytes: 0, mailboxes: 0 }]);
});

// session.md 6.4
Deno.test("a lease that nobody confirmed goes back after 5 s, uncounted", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  leased(s.lease("r", 1));
  s.pass(4999);
  assertEquals(s.texts("other", 1), "empty");
  s.pass(1);
  assertEquals(leased(s.lease("other", 1)).messages[0]?.attempt, 1);
});

// session.md 6.6, 6.7
Deno.test("a lease that ends puts its messages back in order, and buries them after five attempts", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"));
  for (let attempt = 1; attempt <= 5; attempt++) {
    const { messages, texts } = leased(s.lease("r", attempt));
    assertEquals([texts, messages.map(({ attempt }) => attempt)], [["1", "2"], [attempt, attempt]]);
    assertEquals(s.apply({ kind: "confirm", session: "r", tag: attempt }), ["confirmed"]);
    s.pass(30_000);
  }
  assertEquals(s.texts("r", 9), "empty");
  const [dead] = s.apply({ kind: "dead", what: "list", after: 0, limit: 9 }) as unknown as [DeadLetter[]];
  assertEquals(dead.map(({ text, attempts, reason }) => [text, attempts, reason]), [
    ["1", 5, "lease ran out"],
    ["2", 5, "lease ran out"],
  ]);
  assertEquals(s.apply({ kind: "dead", what: "requeue", id: dead[1]!.id }), ["requeued"]);
  assertEquals(s.apply({ kind: "dead", what: "requeue", id: dead[1]!.id }), ["unknown"]);
  assertEquals(s.apply({ kind: "dead", what: "delete all" }), [1]);
  assertEquals(leased(s.lease("r", 10)).messages.map(({ text, attempt }) => [text, attempt]), [[
    "2",
    1,
  ]]);
});

// session.md 6.11
Deno.test("a late acknowledgement counts, unless somebody else had the message since", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"));
  const { token, ids } = leased(s.lease("s", 1));
  s.pass(30_000);
  assertEquals(s.change(3, { kind: "ack", token, ids: [ids[0]!] }), { done: 3, outcomes: [] });
  const other = leased(s.lease("other", 1));
  assertEquals(other.texts, ["2"]);
  const lost = { kind: "lost", ids: [ids[1]!] };
  assertEquals(s.change(4, { kind: "ack", token, ids: [ids[1]!] }), { done: 4, outcomes: [[4, lost]] });
  s.pass(30_000);
  assertEquals((s.change(5, { kind: "ack", token, ids: [ids[1]!] }) as { outcomes: unknown[] }).outcomes[1], [
    5,
    lost,
  ]);
});

// session.md 2.6, 6.16
Deno.test("messages that are given back come at their place, counted only if they failed", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"), s.put("3"));
  const { token, ids } = leased(s.lease("s", 1, { max: 2 }));
  s.change(4, fail(token, [ids[0]!], 0), { kind: "back", token, ids: [ids[1]!] });
  const again = leased(s.lease("r", 1));
  assertEquals(again.messages.map(({ text, attempt }) => [text, attempt]), [["1", 2], ["2", 1], [
    "3",
    1,
  ]]);
});

// session.md 6.17, 6.19
Deno.test("a message that failed waits while others go on, over a restart too, and comes back at its place", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"), s.put("3"));
  const { token, ids } = leased(s.lease("s", 1, { max: 2 }));
  s.change(4, fail(token, ids, 2000));
  assertEquals(s.stats(), { messages: 3, ready: 1, leased: 0, delayed: 2, dead: 0 });
  s.pass(1000);
  assertEquals(leased(s.lease("r", 1, { max: 1 })).texts, ["3"]);
  assertEquals(s.texts("r", 2), "empty");
  s.restart();
  s.pass(999);
  assertEquals(s.texts("r", 3), "empty");
  s.change(5, s.put("4"));
  s.pass(1);
  const again = leased(s.lease("r", 4));
  assertEquals(again.messages.map(({ text, attempt }) => [text, attempt]), [["1", 2], ["2", 2], [
    "4",
    1,
  ]]);
  assertEquals(s.stats(), { messages: 4, ready: 0, leased: 4, delayed: 0, dead: 0 });
});

Deno.test("who waits for a mailbox is told when a message that failed comes back", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  const { token, ids } = leased(s.lease("s", 1));
  s.change(2, fail(token, ids, 1000));
  assertEquals(s.lease("r", 1, { subscribe: true }), "empty");
  s.pass(999);
  assertEquals(s.events, []);
  s.pass(1);
  assertEquals(s.events, [{ kind: "ready", mailbox: "bob" }]);
});

// session.md 6.16
Deno.test("a message is dead after as many attempts as its receiver says, and keeps the reason of the last", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("x".repeat(200)));
  const first = leased(s.lease("s", 1));
  s.change(3, { ...fail(first.token, first.ids, 100, 2), reason: "exit 1" });
  // one that comes late changes nothing
  assertEquals(s.change(4, fail(first.token, first.ids, 9000, 1)), { done: 4, outcomes: [] });
  s.pass(100);
  const second = leased(s.lease("s", 2));
  s.change(5, { ...fail(second.token, second.ids, 100, 2), reason: "exit 2" });
  assertEquals(s.stats(), { messages: 0, ready: 0, leased: 0, delayed: 0, dead: 2 });
  s.restart();
  const [dead] = s.apply({ kind: "dead", what: "list", after: 0, limit: 9 }) as unknown as [DeadLetter[]];
  assertEquals(
    dead.map(({ attempts, reason, bytes, text }) => [attempts, reason, bytes, text]),
    [[2, "exit 2", 1, "1"], [2, "exit 2", 200, "x".repeat(128)]],
  );
  // what is given out again is whole
  assertEquals(s.apply({ kind: "dead", what: "requeue all", after: 0, limit: 9 }), [
    { done: 2, full: 0, last: dead[1]!.id },
  ]);
  assertEquals(leased(s.lease("r", 9)).texts, ["1", "x".repeat(200)]);
});

// session.md 6.18
Deno.test("a message that waits to be tried again can be acknowledged late, expires, and is cleared", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2", { expires: s.now + 500 }), s.put("3"));
  const { token, ids } = leased(s.lease("s", 1));
  s.change(4, fail(token, ids, 60_000), { kind: "ack", token, ids: [ids[0]!] });
  assertEquals(s.stats(), { messages: 2, ready: 0, leased: 0, delayed: 2, dead: 0 });
  s.pass(500);
  assertEquals(s.stats(), { messages: 1, ready: 0, leased: 0, delayed: 1, dead: 0 });
  assertEquals(s.apply({ kind: "clear", mailbox: "bob" }), [1]);
  assertEquals(s.stats(), { messages: 0, ready: 0, leased: 0, delayed: 0, dead: 0 });
  s.pass(60_000);
  s.restart();
  assertEquals(s.stats(), { messages: 0, ready: 0, leased: 0, delayed: 0, dead: 0 });
});

// session.md 6.13
Deno.test("a lease can be prolonged, and a restart prolongs it and counts nothing", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  const { token, ids } = leased(s.lease("s", 1));
  assertEquals(s.change(2, { kind: "extend", token, duration: 60_000 }), { done: 2, outcomes: [] });
  s.pass(59_000);
  s.restart();
  s.pass(59_000);
  assertEquals(s.texts("other", 1), "empty");
  assertEquals(s.change(3, { kind: "ack", token, ids }), { done: 3, outcomes: [] });
  assertEquals(s.change(4, { kind: "extend", token, duration: 60_000 }), {
    done: 4,
    outcomes: [[4, { kind: "lost", ids: [] }]],
  });
});

Deno.test("leases that end all at once end within a few ticks, however many they are", () => {
  using s = new Subject();
  s.change(1, ...Array.from({ length: 600 }, (_, i) => s.put(`${i}`)));
  for (let tag = 1; tag <= 600; tag++) s.lease("r", tag, { max: 1 });
  for (let i = 0; i < 3; i++) s.pass(30_000);
  assertEquals(s.apply({ kind: "stat" }), [
    { messages: 600, bytes: 1690, ready: 600, leased: 0, delayed: 0, dead: 0 },
  ]);
});

Deno.test("a lease that is shortened ends at its new time", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  const { token } = leased(s.lease("s", 1));
  // so that it is known when the next one ends
  s.apply({ kind: "confirm", session: "s", tag: 1 });
  s.pass(6000);
  s.change(2, { kind: "extend", token, duration: 1000 });
  s.pass(1000);
  assertEquals(s.texts("r", 1), ["1"]);
});

// session.md 6.14
Deno.test("a lease runs for as long as it was given, whatever the time of day is set to", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  s.lease("r", 1);
  s.apply({ kind: "confirm", session: "r", tag: 1 });
  s.now += 86_400_000;
  s.pass(29_999);
  assertEquals(s.texts("q", 1), "empty");
  s.now -= 2 * 86_400_000;
  s.pass(1);
  assertEquals(s.texts("q", 2), ["1"]);
});

// session.md 6.9
Deno.test("of messages that were leased ahead, only those that were begun with count as given out", () => {
  using subject = new Subject();
  const texts = ["a", "b", "c", "d"];
  subject.change(1, ...texts.map((text) => subject.put(text)));
  const request = {
    kind: "lease",
    session: "s",
    tag: 1,
    mailbox: "bob",
    max: 4,
    maxBytes: 1200,
    duration: 30_000,
    ahead: true,
    subscribe: false,
  } as const;
  const { token, messages } = subject.apply(request)[0] as Leased;
  const [a = 0, b = 0] = messages.map(({ id }) => id);
  subject.change(5, { kind: "begin", token, ids: [a] }, { kind: "ack", token, ids: [a] });
  assertEquals(subject.change(7, { kind: "begin", token, ids: [a, b] }), {
    done: 7,
    outcomes: [[7, { kind: "lost", ids: [a] }]],
  });
  // also by a server that was started anew
  subject.restart();
  subject.pass(30_000);
  const again = leased(subject.lease("t", 1));
  assertEquals(again.messages.map(({ text, attempt }) => [text, attempt]), [["b", 2], ["c", 1], [
    "d",
    1,
  ]]);
});
