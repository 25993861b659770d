/** No record takes longer the more there is in the store (store section 11): work is counted, and not measured. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { Again } from "../../../../server/store/requests/again.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { workOf } from "./work.ts";

/** Statements and rows of one record, or of one piece of a checkpoint. */
const WORK_MAX = 2500;

const START = 1_700_000_000_000;

/** An engine in memory, and the most work that one of its records, or of its pieces of a flush, was. */
class Subject implements Disposable {
  readonly engine = new Engine({ directory: undefined });
  time = START;
  most = 0;
  #number = 0;

  constructor() {
    this.record([{ kind: "start" }]);
  }

  record(requests: StoreRequest[]): Outcome[] {
    let outcomes: Outcome[] = [];
    const work = workOf(() => {
      const clocks = { wallClock: this.time, monotonicClock: this.time };
      // no two tokens are the same
      const number = ++this.#number, random = new Uint8Array(32);
      new DataView(random.buffer).setUint32(0, number);
      this.engine.begin({ number, canStore: true, ...clocks, random });
      outcomes = requests.map((request) =>
        this.engine.isRead(request) ? this.engine.query(request) : this.engine.apply(request)
      );
      this.engine.takeEvents();
    });
    this.most = Math.max(this.most, work);
    return outcomes;
  }

  /** Asks until the last piece. Returns what that came to, and how many pieces there were. */
  ask(request: StoreRequest): { outcome: Outcome; pieces: number } {
    let [outcome] = this.record([request]) as [Outcome], pieces = 1;
    for (; outcome instanceof Again; pieces++) {
      [outcome] = this.record([outcome.request as StoreRequest]) as [Outcome];
    }
    return { outcome, pieces };
  }

  /** Does what is due, and writes everything, a piece at a time. */
  finish() {
    for (;;) {
      let due: ReturnType<Engine["due"]>;
      this.most = Math.max(this.most, workOf(() => due = this.engine.due(this.time, this.time)));
      if (due! === undefined) break;
      if (due !== "not yet") this.record([due]);
    }
    this.flush();
  }

  flush() {
    for (let isMore = true; isMore;) {
      this.most = Math.max(this.most, workOf(() => isMore = this.engine.flush(256)));
    }
  }

  /** Puts `count` messages, one by one into these mailboxes, with rows or not. */
  fill(count: number, mailboxes: number, hasRows: boolean, more = {}) {
    for (let i = 0; i < count; i += 100) {
      this.record(Array.from({ length: 100 }, (_, k): StoreRequest => (
        {
          kind: "put",
          mailbox: `m${(i + k) % mailboxes}`,
          sender: "a",
          time: 0,
          text: "x",
          bytes: 1,
          ...more,
        }
      )));
    }
    if (hasRows) this.flush();
    this.most = 0;
  }

  [Symbol.dispose]() {
    this.engine.close();
  }
}

const COUNT = 4_000;
const NOTHING = { messages: 0, bytes: 0, mailboxes: 0 };

for (const hasRows of [false, true]) {
  const where = hasRows ? "with rows" : "in memory";

  Deno.test(`all mailboxes are cleared by one record at once, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, COUNT / 2, hasRows);
    s.record([{ kind: "put", mailbox: "m7", sender: "a", time: 0, text: "later", bytes: 5, delay: 9000 }]);
    assertEquals(s.ask({ kind: "clear" }), { outcome: COUNT + 1, pieces: 1 });
    assertLess(s.most, 20);
    assertEquals(s.record([{ kind: "count" }, { kind: "take", mailbox: "m7" }]), [NOTHING, "empty"]);
    // the same name, before anything was written
    s.record([{ kind: "put", mailbox: "m7", sender: "a", time: 0, text: "new", bytes: 3 }]);
    s.time += 10_000;
    s.finish();
    assertLess(s.most, WORK_MAX);
    const list = s.ask({ kind: "list", limit: 9 });
    assertEquals(list.outcome, [{ mailbox: "m7", messages: 1 }]);
    assertEquals(s.record([{ kind: "take", mailbox: "m7" }, { kind: "count" }]), [
      { sender: "a", time: 0, text: "new" },
      NOTHING,
    ]);
  });

  Deno.test(`one mailbox is cleared by one record at once, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, 1, hasRows);
    s.fill(COUNT / 10, 1, hasRows, { delay: 1000 });
    assertEquals(s.ask({ kind: "clear", mailbox: "m0" }), { outcome: 1.1 * COUNT, pieces: 1 });
    assertLess(s.most, 20);
    s.record([{ kind: "put", mailbox: "m0", sender: "a", time: 0, text: "new", bytes: 3 }]);
    s.time += 2000;
    s.finish();
    assertLess(s.most, WORK_MAX);
    assertEquals(s.record([{ kind: "take", mailbox: "m0" }, { kind: "count" }]), [
      { sender: "a", time: 0, text: "new" },
      NOTHING,
    ]);
  });

  // store 11.3, accounts.md 3.2
  Deno.test(`what a mailbox held is set apart in pieces before an account covers it, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, 1, hasRows);
    const lease = {
      kind: "lease",
      session: "s",
      tag: 1,
      mailbox: "m0",
      max: 2,
      maxBytes: 99,
      duration: 9000,
    } as const;
    s.record([{ ...lease, subscribe: false }]);
    const add = { kind: "account", what: "add", name: "m0", verifier: "v" } as const;
    let [outcome] = s.record([add]) as [Outcome], pieces = 1;
    // what is put in between is the account's
    s.record([{ kind: "put", mailbox: "m0", sender: "a", time: 0, text: "after", bytes: 5 }]);
    s.record([{ kind: "release", session: "s", tag: 1 }]);
    for (; outcome instanceof Again; pieces++) {
      [outcome] = s.record([outcome.request as StoreRequest]) as [Outcome];
    }
    assertEquals([outcome, pieces], [{ mailbox: true, apart: COUNT }, Math.floor(COUNT / 256) + 1]);
    assertEquals(s.record([{ kind: "take", mailbox: "m0" }, { kind: "take", mailbox: "m0" }]), [
      { sender: "a", time: 0, text: "after" },
      "empty",
    ]);
    s.finish();
    assertLess(s.most, WORK_MAX);
  });

  Deno.test(`a take comes behind any number of expired messages in pieces, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, 1, hasRows, { expires: START + 1000 });
    s.record([{ kind: "put", mailbox: "m0", sender: "a", time: 0, text: "last", bytes: 4 }]);
    s.time += 2000;
    const { outcome, pieces } = s.ask({ kind: "take", mailbox: "m0" });
    assertEquals([outcome, pieces], [{ sender: "a", time: 0, text: "last" }, Math.ceil(COUNT / 256)]);
    assertLess(s.most, WORK_MAX);
  });

  // store 5.1: a checkpoint removes them piece by piece, and the rest at once
  Deno.test(`delayed messages that were cleared are counted until they have no rows, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, 1, hasRows, { delay: 9000 });
    s.flush();
    s.record([{ kind: "clear", mailbox: "m0" }]);
    const before = s.engine.unflushed;
    assert(before >= COUNT && before < COUNT + 99, `${before}`);
    s.flush();
    assertEquals(s.engine.unflushed, 0);
  });

  Deno.test(`leased messages that have expired are passed over in pieces, ${where}`, () => {
    using s = new Subject();
    s.fill(COUNT, 1, hasRows, { expires: START + 1000 });
    for (let tag = 0; tag < COUNT / 100; tag++) {
      const mailbox = "m0", session = `s${tag % 9}`, more = { max: 100, maxBytes: 999, duration: 1e9 };
      const [leased] = s.record([{ kind: "lease", session, tag, mailbox, ...more, subscribe: false }]);
      assertEquals((leased as Leased).messages.length, 100);
      s.record([{ kind: "confirm", session, tag }]);
    }
    s.fill(100, 1, hasRows, { expires: START + 1000 });
    s.time += 2000;
    s.finish();
    assertLess(s.most, WORK_MAX);
    assertEquals(s.engine.counts.messages, COUNT);
  });
}

// store 5.1: as above
Deno.test("leases that were cleared together are counted until they have no rows, and these go in pieces", () => {
  using s = new Subject();
  s.fill(COUNT, 1, true);
  const lease = { kind: "lease", mailbox: "m0", max: 1, maxBytes: 99, duration: 1e9 } as const;
  for (let tag = 0; tag < COUNT; tag++) {
    s.record([{ ...lease, session: `s${tag % 9}`, tag, subscribe: false }]);
  }
  s.flush();
  s.record([{ kind: "clear" }]);
  const before = s.engine.unflushed;
  assert(before >= COUNT, `${before}`);
  s.most = 0;
  s.engine.flush(256);
  assert(before - s.engine.unflushed < 300, `${s.engine.unflushed}`);
  s.flush();
  assertEquals(s.engine.unflushed, 0);
  assertLess(s.most, WORK_MAX);
});

Deno.test("mailboxes are listed when those that have changed are written down, in pieces", () => {
  using s = new Subject();
  s.fill(COUNT, COUNT, false);
  const { outcome, pieces } = s.ask({ kind: "list", limit: 2 });
  assertEquals(outcome, [{ mailbox: "m0", messages: 1 }, { mailbox: "m1", messages: 1 }]);
  assert(pieces >= COUNT / 256);
  assertLess(s.most, WORK_MAX);
});

Deno.test("a limit is set by one record, and writes nothing of what only memory has", () => {
  using s = new Subject();
  s.fill(COUNT, 100, false);
  assertEquals(s.ask({ kind: "limit", messages: 1 }), { outcome: "set", pieces: 1 });
  assertLess(s.most, 20);
});

Deno.test("mailboxes that were emptied are forgotten in pieces", () => {
  using s = new Subject();
  s.fill(COUNT, COUNT, true);
  for (let i = 0; i < COUNT; i += 100) {
    s.record(Array.from({ length: 100 }, (_, k): StoreRequest => ({ kind: "take", mailbox: `m${i + k}` })));
  }
  s.most = 0;
  s.finish();
  assertLess(s.most, WORK_MAX);
});

Deno.test("messages that are released before many that are leased cost no look at those", () => {
  using s = new Subject();
  s.fill(COUNT, 1, true);
  const lease = {
    kind: "lease",
    session: "s",
    mailbox: "m0",
    max: 50,
    maxBytes: 999,
    duration: 1e9,
  } as const;
  for (let tag = 0; tag < COUNT / 50; tag++) s.record([{ ...lease, tag, subscribe: false }]);
  const released = 20;
  for (let tag = 0; tag < released; tag++) s.record([{ kind: "release", session: "s", tag }]);
  s.most = 0;
  let taken = 0;
  while (s.record([{ kind: "take", mailbox: "m0" }])[0] !== "empty") taken++;
  assertEquals(taken, released * 50);
  assertLess(s.most, 50);
});

// session.md 5.6
Deno.test("a session whose client keeps many outcomes has none of them written again", () => {
  using s = new Subject();
  const session = { kind: "session", session: "s", startTime: START } as const;
  const bad = { kind: "bad", reason: "because of that" } as const, count = 1000;
  for (let n = 1; n <= count; n++) s.record([{ ...session, first: n, low: 1, changes: [bad] }]);
  s.flush();
  const use = (n: number, low: number) => {
    s.record([{ ...session, first: n, low, changes: [bad] }]);
    s.most = 0;
    s.flush();
    return s.most;
  };
  assertLess(use(count + 1, 1), 10);
  const [state] = s.record([{ kind: "open", session: "s", startTime: START }]);
  assertEquals((state as { outcomes: unknown[] }).outcomes.length, count + 1);
  // when the client has them, they go
  use(count + 2, count + 2);
  assertEquals(s.record([{ kind: "open", session: "s", startTime: START }]), [
    { done: count + 2, outcomes: [[count + 2, bad]] },
  ]);
});

// store 11.2
Deno.test("a lease of a mailbox in which nothing is ready is answered, also after a search that was cut off", () => {
  using s = new Subject();
  const lease = {
    kind: "lease",
    session: "s",
    max: 2,
    maxBytes: 99,
    duration: 1e9,
    subscribe: false,
  } as const;
  s.record([{ kind: "put", mailbox: "m0", sender: "a", time: 0, text: "x", bytes: 1 }]);
  s.fill(1000, 1, false, { expires: START + 1000 });
  s.record([{ kind: "put", mailbox: "other", sender: "a", time: 0, text: "x", bytes: 1 }]);
  s.record([{ ...lease, tag: 1, mailbox: "other" }]);
  s.time += 2000;
  const [leased] = s.record([{ ...lease, tag: 2, mailbox: "m0" }]);
  assertEquals((leased as Leased).messages.length, 1);
  assertEquals(s.record([{ ...lease, tag: 3, mailbox: "other" }]), ["empty"]);
});
