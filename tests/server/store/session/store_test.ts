import { assert, assertEquals } from "@std/assert";
import { StatementSync } from "node:sqlite";
import type { Stats } from "../../../../server/store/requests/message.ts";
import type { OrderedRequest } from "../../../../server/store/requests/session.ts";
import { leased, Subject } from "./store.ts";

// session.md 2.1, 5.1, 5.7
Deno.test("a session's changes are carried out once, in their order, over a restart", () => {
  using s = new Subject();
  assertEquals(s.change(1, s.put("1"), s.put("2")), { done: 2, outcomes: [] });
  assertEquals(s.change(1, s.put("1"), s.put("2"), s.put("3")), { done: 3, outcomes: [] });
  assertEquals(s.change(5, s.put("5")), { done: 3, outcomes: [] });
  s.restart();
  assertEquals(s.apply({ kind: "open", session: "s" }), [{ done: 3, outcomes: [] }]);
  assertEquals(s.change(2, s.put("2"), s.put("3"), s.put("4")), { done: 4, outcomes: [] });
  assertEquals(s.texts("r", 1), ["1", "2", "3", "4"]);
});

// session.md 2.4
Deno.test("a message in parts takes the numbers of all of them", () => {
  using s = new Subject();
  assertEquals(s.change(1, { ...s.put("long"), numbers: 3 }, s.put("next")), { done: 4, outcomes: [] });
  assertEquals(s.change(1, { ...s.put("long"), numbers: 3 }, s.put("next")), { done: 4, outcomes: [] });
  assertEquals(s.texts("r", 1), ["long", "next"]);
});

// session.md 5.6
Deno.test("what came otherwise than asked for is remembered until the client knows it", () => {
  using s = new Subject();
  const bad: OrderedRequest = { kind: "bad", reason: "bad receiver" };
  const withdrawn: OrderedRequest = { kind: "bad", reason: "withdrawn" };
  const outcomes = [[2, bad], [3, withdrawn]];
  assertEquals(s.change(1, s.put("1"), bad, { kind: "skip" }), { done: 3, outcomes });
  s.restart();
  assertEquals(s.apply({ kind: "open", session: "s" }) as unknown[], [{ done: 3, outcomes }]);
  const after = { kind: "session", session: "s", first: 4, low: 4, changes: [s.put("2")] } as const;
  assertEquals(s.apply(after), [{ done: 4, outcomes: [] }]);
});

// session.md 5.1
Deno.test("a session that is not known is not begun in its middle", () => {
  using s = new Subject();
  assertEquals(s.apply({ kind: "open", session: "s" }), ["new"]);
  // its first changes may only not have come yet
  assertEquals(s.change(2, s.put("2")), { done: 0, outcomes: [] });
  const later = { kind: "session", session: "s", first: 3, low: 2, changes: [s.put("3")] } as const;
  assertEquals(s.apply(later), ["unknown"]);
});

// session.md 3.5
Deno.test("a put that is refused for the time being uses up no number, and holds back what follows", () => {
  using s = new Subject({ mailboxMessages: 1 });
  assertEquals(s.change(1, s.put("1"), s.put("2"), s.put("x", { mailbox: "carol" })), {
    done: 1,
    outcomes: [],
    refused: { n: 2, limit: "full" },
  });
  assertEquals(s.texts("r", 1), ["1"]);
  s.apply({ kind: "clear", mailbox: "bob" });
  assertEquals(s.change(2, s.put("2")), { done: 2, outcomes: [] });
});

// session.md 2.3
Deno.test("a message with a delay waits for its time, and one with a time to live goes when that is over", () => {
  using s = new Subject();
  s.change(1, s.put("late", { delay: 1000 }), s.put("short", { expires: s.now + 500 }), s.put("now"));
  s.restart();
  const [stat] = s.apply({ kind: "stat", mailbox: "bob" });
  assertEquals(stat as unknown, { messages: 3, bytes: 12, ready: 2, leased: 0, delayed: 1, dead: 0 });
  s.pass(500);
  assertEquals(s.apply({ kind: "count" }), [{ messages: 2, bytes: 7, mailboxes: 1 }]);
  assertEquals(s.texts("r", 1), ["now"]);
  s.pass(500);
  assertEquals(s.texts("r", 2), ["late"]);
});

Deno.test("a mailbox that is watched tells once when there is a message", () => {
  using s = new Subject();
  assertEquals(s.lease("r", 1, { subscribe: true }), "empty");
  s.change(1, s.put("1"), s.put("2"));
  s.change(3, s.put("3"));
  assertEquals(s.events, [{ kind: "ready", mailbox: "bob" }]);
});

Deno.test("a mailbox that is cleared takes its leases along", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("later", { delay: 99 }));
  const { token, ids } = leased(s.lease("s", 1));
  assertEquals(s.apply({ kind: "clear" }), [2]);
  assertEquals(s.change(3, { kind: "ack", token, ids }), { done: 3, outcomes: [[3, { kind: "lost", ids }]] });
  s.pass(30_000);
  assertEquals(s.texts("r", 1), "empty");
});

// seal.md 5.12
Deno.test("a session belongs to the account that began it, over a restart", () => {
  using s = new Subject();
  const changes = { kind: "session", session: "s", first: 1, low: 1, changes: [s.put("1")] } as const;
  assertEquals(s.apply({ ...changes, account: "alice" }), [{ done: 1, outcomes: [] }]);
  for (let start = 0; start < 2; start++) {
    for (const account of [{}, { account: "" }, { account: "bob" }]) {
      assertEquals(s.apply({ ...changes, ...account }, { kind: "open", session: "s", ...account }), [
        "denied",
        "denied",
      ]);
    }
    assertEquals(s.apply({ kind: "open", session: "s", account: "alice" }), [{ done: 1, outcomes: [] }]);
    s.restart();
  }
  assertEquals(s.change(1, s.put("2")), "denied");
  assertEquals(s.apply({ ...changes, session: "t" }), [{ done: 1, outcomes: [] }]);
  assertEquals(s.apply({ ...changes, session: "t", account: "alice" }), ["denied"]);
});

// session.md 8.2
Deno.test("a session is forgotten a day after its last use", () => {
  using s = new Subject();
  s.change(1, s.put("1"));
  s.pass(24 * 3_600_000);
  s.apply({ kind: "open", session: "s" });
  s.pass(24 * 3_600_000);
  assertEquals(s.apply({ kind: "open", session: "s" }), [{ done: 1, outcomes: [] }]);
  s.pass(24 * 3_600_000 + 1);
  assertEquals(s.apply({ kind: "open", session: "s" }), ["unknown"]);
});

Deno.test("what has expired makes room in a full mailbox before anything is dropped", () => {
  using s = new Subject({ mailboxMessages: 2, whenFull: "drop-oldest" });
  s.change(1, s.put("1", { expires: s.now + 1000 }), s.put("2", { expires: s.now + 1000 }));
  s.now += 1000;
  assertEquals(s.change(3, s.put("3"), s.put("4"), s.put("5")), { done: 5, outcomes: [] });
  assertEquals(s.texts("r", 1), ["4", "5"]);
});

/** How many rows are read while this is done. */
function rowsRead(does: () => void): number {
  const { all, get } = StatementSync.prototype;
  let rows = 0;
  StatementSync.prototype.all = function (this: StatementSync, ...values) {
    const result = Reflect.apply(all, this, values);
    rows += result.length;
    return result;
  } as typeof all;
  StatementSync.prototype.get = function (this: StatementSync, ...values) {
    rows++;
    return Reflect.apply(get, this, values);
  } as typeof get;
  try {
    does();
  } finally {
    Object.assign(StatementSync.prototype, { all, get });
  }
  return rows;
}

Deno.test("a message that comes back is found without a look at all that others have", () => {
  using s = new Subject();
  s.change(1, ...Array.from({ length: 640 }, (_, i) => s.put(`${i}`)));
  const first = leased(s.lease("r", 1, { max: 1 }));
  for (let tag = 2; tag <= 640; tag++) s.lease("r", tag, { max: 1 });
  const [id] = first.ids as [number];
  s.change(641, s.put("last"));
  s.apply({
    kind: "session",
    session: "r",
    first: 1,
    low: 1,
    changes: [{ kind: "back", token: first.token, ids: [id] }],
  });
  let texts: string[] | string = [];
  const rows = rowsRead(() => texts = s.texts("q", 1));
  assertEquals(texts, ["0", "last"]);
  assert(rows < 20, `${rows} rows were read`);
});

Deno.test("thousands of messages that come back are given out again in their order", () => {
  using s = new Subject();
  const count = 4200;
  s.change(1, ...Array.from({ length: count }, (_, i) => s.put(`${i}`)));
  for (let tag = 1; tag <= count / 10; tag++) s.lease("r", tag);
  // the latest first, as no end of leases would have it
  for (let tag = count / 10; tag >= 1; tag--) s.apply({ kind: "release", session: "r", tag });
  const texts: string[] = [];
  for (let tag = 1; tag <= count / 10; tag++) texts.push(...s.texts("q", tag));
  assertEquals(texts, Array.from({ length: count }, (_, i) => `${i}`));
});

Deno.test("what is due, has expired or ends all at once is done in pieces, one behind the other", () => {
  using s = new Subject();
  const many = (more: { delay?: number; expires?: number; mailbox?: string }) =>
    Array.from({ length: 600 }, (_, i) => s.put(`${i}`, more));
  s.change(1, ...many({ delay: 1000 }));
  s.change(601, ...many({ expires: s.now + 1000, mailbox: "al" }));
  s.pass(1000);
  const ready = { messages: 600, bytes: 1690, ready: 600, leased: 0, delayed: 0, dead: 0 };
  assertEquals(s.apply({ kind: "stat" }), [ready]);
  for (let tag = 1; tag <= 10; tag++) s.lease("r", tag, { max: 64, maxBytes: 8192 });
  s.now += 5000;
  s.clock += 5000;
  // more of them, and others would wait
  assertEquals(s.tick(), true);
  const [{ leased }] = s.apply({ kind: "stat" }) as [Stats];
  assert(leased >= 600 - 256 - 64, `${600 - leased} messages went back at once`);
  s.pass(0);
  assertEquals(s.apply({ kind: "stat" }), [ready]);
});

Deno.test("what has expired goes, however much else has that somebody holds", () => {
  using s = new Subject();
  s.change(1, ...Array.from({ length: 256 }, (_, i) => s.put(`${i}`, { expires: s.now + 1000 })));
  const leases = [];
  for (let tag = 1; tag <= 4; tag++) leases.push(leased(s.lease("r", tag, { max: 64, maxBytes: 8192 })));
  for (let tag = 1; tag <= 4; tag++) s.apply({ kind: "confirm", session: "r", tag });
  s.change(257, s.put("late", { expires: s.now + 1000, mailbox: "al" }), s.put("stays"));
  s.pass(1000);
  assertEquals(s.apply({ kind: "count", mailbox: "al" }), [{ messages: 0, bytes: 0, mailboxes: 0 }]);
  // what is put with an earlier end than that of those that have been looked at
  s.change(259, s.put("at once", { expires: s.now, mailbox: "al" }));
  s.pass(0);
  assertEquals(s.apply({ kind: "count", mailbox: "al" }), [{ messages: 0, bytes: 0, mailboxes: 0 }]);
  const { token, ids } = leases[0]!;
  s.apply({
    kind: "session",
    session: "r",
    first: 1,
    low: 1,
    changes: [{ kind: "back", token, ids }],
  });
  assertEquals(s.texts("q", 1), ["stays"]);
  s.pass(30_000);
  assertEquals(s.apply({ kind: "stat" }), [
    { messages: 1, bytes: 5, ready: 1, leased: 0, delayed: 0, dead: 0 },
  ]);
});

// session.md 8.5, 8.6
Deno.test("a session that has ended is forgotten after two minutes, unless an outcome is missing", () => {
  using s = new Subject();
  s.change(1, s.put("1"), s.put("2"));
  const end = (low: number) => s.apply({ kind: "end", session: "s", low });
  assertEquals(end(2), [{ done: 2, outcomes: [] }]);
  s.pass(24 * 3_600_000);
  assertEquals(end(3), [{ done: 2, outcomes: [] }]);
  s.pass(2 * 60_000);
  // a late copy of what it said
  assertEquals(s.change(1, s.put("1")), { done: 2, outcomes: [] });
  assertEquals(end(3), [{ done: 2, outcomes: [] }]);
  s.pass(2 * 60_000 + 1);
  assertEquals(s.apply({ kind: "open", session: "s" }, { kind: "end", session: "s", low: 3 }), [
    "new",
    "unknown",
  ]);
});

Deno.test("a session that has carried out nothing is not kept", () => {
  using s = new Subject({ mailboxMessages: 0 });
  assertEquals(s.change(1, s.put("1")), { done: 0, outcomes: [], refused: { n: 1, limit: "full" } });
  assertEquals(s.apply({ kind: "open", session: "s" }), ["new"]);
});
