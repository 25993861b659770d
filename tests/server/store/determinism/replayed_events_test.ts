/**
 * What events say is not lost when records are applied again, at a start or after a checkpoint that failed, although the
 * events themselves are: what has to be done is part of the state, and what is only reported is reported anew by a new
 * process, and not again by the same one.
 */

import { assertEquals } from "@std/assert";
import { Engine } from "../../../../server/store/engine/engine.ts";
import type { JournalRecord } from "../../../../server/store/journal/journal.ts";
import { replay } from "../../../../server/store/journaled/replay.ts";
import { DEFAULT_FORUM_LIMITS, DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { SESSION_LIMITS } from "../../../../server/quota/fair_table.ts";

const SESSION = "s".repeat(22), CONTENT = "c".repeat(32);

const CONFIGURE: StoreRequest = {
  kind: "configure",
  limits: { ...DEFAULT_LIMITS, mailboxMessages: 2, messages: 4, share: 50 },
  takeBytesMax: 10,
  forumLimits: DEFAULT_FORUM_LIMITS,
  sessionLimits: SESSION_LIMITS,
};

const put = (mailbox: string, text: string, owner?: string): StoreRequest => {
  const common = { kind: "put", mailbox, sender: "al", time: 0, text, bytes: text.length } as const;
  return owner === undefined ? common : { ...common, owner };
};
const take = (mailbox: string): StoreRequest => ({ kind: "take", mailbox });

/** An engine whose records are noted. */
class Recorded implements Disposable {
  readonly engine = new Engine({ directory: undefined });
  readonly records: JournalRecord[] = [];

  /** Carries requests out in one record. Returns the events. */
  apply(...requests: StoreRequest[]): StoreEvent[] {
    const number = this.records.length + 1;
    const zeros = { shard: 0, term: 0n, leader: new Uint8Array(16), random: new Uint8Array(32).fill(number) };
    const record = {
      ...zeros,
      number,
      engine: 1,
      canStore: true,
      wallClock: number,
      monotonicClock: number,
      requests,
    };
    this.records.push(record);
    this.engine.begin(record);
    for (const request of requests) this.outcome = this.engine.apply(request);
    return this.engine.takeEvents();
  }

  /** That of the last request. */
  outcome: Outcome | undefined;

  /** Another engine that has applied the same records again. */
  again(): Recorded {
    const other = new Recorded();
    replay(other.engine, { read: () => this.records }, undefined);
    other.records.push(...this.records);
    return other;
  }

  [Symbol.dispose]() {
    this.engine.close();
  }
}

// forum.md: the contents of a removed file are removed from the disk
Deno.test("contents that a record has made unused are named after a start, whatever became of the event", () => {
  using first = new Recorded();
  const change = (first: number, ...changes: unknown[]) =>
    ({ kind: "session", session: SESSION, first, low: first, changes }) as StoreRequest;
  first.apply({ kind: "start" }, CONFIGURE, change(1, { kind: "create", thread: "news", user: "al" }));
  first.apply({
    kind: "attach",
    thread: 1,
    name: "a.txt",
    user: "al",
    time: 1,
    size: 1,
    hash: "h",
    content: CONTENT,
  });
  first.apply(change(2, { kind: "remove", thread: "news", user: "al" }));
  const events = first.apply({ kind: "sweep", rows: 9 });
  assertEquals(events, [{ kind: "unused", contents: [CONTENT] }]);
  using again = first.again();
  again.apply({ kind: "unused", gone: [], limit: 9 });
  assertEquals(again.outcome, [CONTENT]);
  again.apply({ kind: "unused", gone: [CONTENT], limit: 9 });
  assertEquals(again.outcome, []);
});

Deno.test("messages that became dead letters are listed and counted after a start", () => {
  using first = new Recorded();
  first.apply({ kind: "start" }, put("bob", "text"));
  first.apply({
    kind: "lease",
    session: SESSION,
    tag: 1,
    mailbox: "bob",
    max: 1,
    maxBytes: 99,
    duration: 60_000,
    subscribe: false,
  });
  const { token, messages: [message] } = first.outcome as { token: string; messages: { id: number }[] };
  const failed = {
    kind: "fail",
    token,
    ids: [message!.id],
    delay: 0,
    attempts: 1,
    reason: "exit 1",
  } as const;
  first.apply({ kind: "session", session: SESSION, first: 1, low: 1, changes: [failed] });
  using again = first.again();
  for (const { engine } of [first, again]) {
    const stat = engine.query({ kind: "stat", mailbox: "bob" }) as { dead: number };
    const letters = engine.query({ kind: "dead", what: "list", after: 0, limit: 9 }) as { reason: string }[];
    assertEquals([stat.dead, letters.map(({ reason }) => reason)], [1, ["exit 1"]]);
  }
});

/** Full: the mailbox `bob`, and the share of `ann`; in `lou` there is a message that is too long for a take. */
function full(): Recorded {
  const recorded = new Recorded();
  recorded.apply({ kind: "start" }, CONFIGURE);
  recorded.apply(put("bob", "1", "ann"), put("bob", "2", "ann"), put("lou", "too long to take"));
  const events = recorded.apply(put("bob", "3"), put("bob", "4"), put("ann", "5", "ann"), take("lou"));
  assertEquals(events, [
    { kind: "full", mailbox: "bob", limit: "2 messages" },
    { kind: "full", owner: "ann", limit: "2 messages of one user" },
    { kind: "long", mailbox: "lou" },
  ]);
  return recorded;
}

Deno.test("a new process reports what is full, or too long, when it meets it, and no refusal of an earlier one", () => {
  using first = full();
  using again = first.again();
  assertEquals(again.apply({ kind: "start" }), []);
  assertEquals(again.apply(put("bob", "6"), put("ann", "7", "ann"), take("lou")), [
    { kind: "full", mailbox: "bob", limit: "2 messages" },
    { kind: "full", owner: "ann", limit: "2 messages of one user" },
    { kind: "long", mailbox: "lou" },
  ]);
  assertEquals(again.apply(take("bob"), take("bob")), [
    { kind: "room", mailbox: "bob", refused: 1 },
    { kind: "room", owner: "ann", refused: 1 },
  ]);
  using other = first.again();
  other.apply({ kind: "start" });
  assertEquals(other.apply(take("bob"), take("bob")), []);
});

Deno.test("a process whose engine is made anew reports nothing again, and counts what was refused before", () => {
  using first = full();
  // as of the last checkpoint: the refusals were before it
  const { records } = first;
  using again = new Recorded();
  replay(again.engine, { read: () => records.slice(0, 2) }, undefined);
  again.records.push(...records);
  again.engine.takeReports(first.engine);
  assertEquals(again.apply(put("bob", "6"), put("ann", "7", "ann"), take("lou")), []);
  assertEquals(again.apply(take("bob"), take("bob")), [
    { kind: "room", mailbox: "bob", refused: 3 },
    { kind: "room", owner: "ann", refused: 2 },
  ]);
});

// the hub's other half is mailbox.md: a receiver that waits is told once
Deno.test("who waits for a message is told of it once, although the engine was made anew", () => {
  using first = new Recorded();
  first.apply({ kind: "start" });
  const lease: StoreRequest = {
    kind: "lease",
    session: SESSION,
    tag: 1,
    mailbox: "bob",
    max: 1,
    maxBytes: 99,
    duration: 60_000,
    subscribe: true,
  };
  // nothing is there: that is in no record
  assertEquals(first.engine.query(lease), "empty");
  using again = first.again();
  again.engine.takeReports(first.engine);
  assertEquals(again.apply(put("bob", "1")), [{ kind: "ready", mailbox: "bob" }]);
  using third = again.again();
  third.engine.takeReports(again.engine);
  assertEquals(third.apply(put("bob", "2")), []);
});
