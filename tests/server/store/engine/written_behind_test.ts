/** What the engine has in memory, and when that is written. */

import { assertEquals, assertGreater } from "@std/assert";
import { StatementSync } from "node:sqlite";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { Again } from "../../../../server/store/requests/again.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { PeekedPage, Put } from "../../../../server/store/requests/message.ts";
import type { OrderedRequest } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";

/** An engine in memory, whose records have one request each, and come at `time`. */
class Subject implements Disposable {
  time = 1000;
  #number = 0;
  #done = 0;
  readonly engine = new Engine({ directory: undefined });

  apply(request: StoreRequest): Outcome {
    const { engine, time } = this, number = ++this.#number;
    const random = new Uint8Array(32).fill(number & 255).fill(number >> 8, 0, 1);
    engine.begin({ number, canStore: true, wallClock: time, monotonicClock: time, random });
    const outcome = engine.isRead(request) ? engine.query(request) : engine.apply(request);
    engine.takeEvents();
    return outcome;
  }

  change(...changes: OrderedRequest[]) {
    const first = this.#done + 1;
    this.#done += changes.length;
    return this.apply({ kind: "session", session: "s", first, low: first, changes });
  }

  put(text: string, more: Partial<Put> = {}) {
    const put: Put = { kind: "put", mailbox: "bob", sender: "al", time: this.time, text, bytes: text.length };
    assertEquals(this.apply({ ...put, ...more }), "stored");
  }

  lease(tag: number, max: number): { token: string; ids: number[]; texts: string[] } {
    const lease = { kind: "lease", session: "s", tag, mailbox: "bob", duration: 60_000 } as const;
    const { token, messages } = this.apply({ ...lease, max, maxBytes: 8192, subscribe: false }) as Leased;
    return { token, ids: messages.map(({ id }) => id), texts: messages.map(({ text }) => text) };
  }

  /** The texts of what the mailbox holds, each with its state. */
  get texts(): string[] {
    const page = this.apply({ kind: "peek", mailbox: "bob", after: 0, limit: 100 }) as PeekedPage;
    return page.messages.map(({ state, text }) => `${state} ${text}`);
  }

  checkpoint() {
    const position = { number: this.#number, wallClock: this.time, monotonicClock: this.time };
    this.engine.checkpoint({ ...position, chain: new Uint8Array(16) });
  }

  [Symbol.dispose]() {
    this.engine.close();
  }
}

/** The tables that are written to while this is done, each once. */
function writtenTables(does: () => void): string[] {
  const { run } = StatementSync.prototype, tables = new Set<string>();
  StatementSync.prototype.run = function (this: StatementSync, ...values) {
    const [, table] = /^\s*(?:INSERT INTO|REPLACE INTO|UPDATE|DELETE FROM)\s+(\w+)/.exec(this.sourceSQL) ??
      [];
    if (table !== undefined) tables.add(table);
    return Reflect.apply(run, this, values);
  } as typeof run;
  try {
    does();
  } finally {
    StatementSync.prototype.run = run;
  }
  return [...tables].sort();
}

Deno.test("a message that comes and goes between two checkpoints is never written", () => {
  using s = new Subject();
  const tables = writtenTables(() => {
    for (let round = 1; round <= 3; round++) {
      for (let i = 0; i < 40; i++) s.put(`${i}`, { owner: i % 2 === 0 ? "al" : "[192.0.2.1]" });
      const first = s.lease(2 * round, 20), { token, ids } = first;
      s.change({ kind: "begin", token, ids }, {
        kind: "fail",
        token,
        ids,
        delay: 0,
        attempts: 9,
        reason: "",
      });
      const again = s.lease(2 * round + 1, 30);
      assertEquals(again.texts.slice(0, 20), first.texts);
      s.change({ kind: "ack", token: again.token, ids: again.ids });
      for (let i = 30; i < 40; i++) s.apply({ kind: "take", mailbox: "bob" });
    }
    s.checkpoint();
  });
  assertEquals(tables, ["position", "sequence", "session"]);
});

Deno.test("a flush writes the oldest messages first, in pieces, and says when nothing is left", () => {
  using s = new Subject();
  for (let i = 0; i < 10; i++) s.put(`${i}`);
  s.lease(1, 3);
  const pieces: string[][] = [];
  for (let isMore = true; isMore;) pieces.push(writtenTables(() => isMore = s.engine.flush(4)));
  const messages = ["mailbox", "message"];
  assertEquals(pieces.map((tables) => tables.filter((table) => messages.includes(table))), [
    messages,
    ["message"],
    messages,
  ]);
  assertEquals(pieces.at(-1)!.includes("lease"), true);
  assertEquals(s.engine.flush(4), false);
  assertEquals(s.texts.slice(0, 4), ["leased 0", "leased 1", "leased 2", "ready 3"]);
});

// store 4.7
for (const flushed of [0, 7, 20]) {
  Deno.test(`of messages that are due at one time, the first go first, ${flushed} of 20 with rows`, () => {
    using s = new Subject();
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(2, "0"));
    for (const text of texts) s.put(text, { expires: 3000 });
    if (flushed > 0) s.engine.flush(flushed);
    s.time = 2000;
    const { token, ids } = s.lease(1, 20);
    s.change({ kind: "fail", token, ids, delay: 500, attempts: 9, reason: "" });
    s.time = 2500;
    const tick = () => s.apply({ kind: "tick", rows: 9 });
    tick();
    assertEquals(s.lease(2, 20).texts, texts.slice(0, 9));
    tick();
    assertEquals(s.lease(3, 3).texts, texts.slice(9, 12));
    tick();
    s.time = 3000;
    tick();
    // those that are leased stay, and are counted for nothing
    const left = texts.map((text, i) => i < 12 ? `leased ${text}` : "");
    assertEquals(s.texts, left.filter((text) => text !== ""));
  });
}

Deno.test("what only reads writes nothing, and finds what only memory has behind what has rows", () => {
  using s = new Subject();
  const oldest = () => s.apply({ kind: "oldest", limit: 2 });
  s.put("1");
  s.checkpoint();
  s.put("2", { mailbox: "eve", time: 900 });
  s.put("3");
  s.put("4", { mailbox: "eve", time: 800 });
  s.put("5", { mailbox: "zoe" });
  const tables = writtenTables(() => {
    assertEquals(s.texts, ["ready 1", "ready 3"]);
    assertEquals(s.apply({ kind: "peek", mailbox: "bob", after: 1, limit: 100 }), {
      messages: [{ id: 3, state: "ready", attempts: 0, sender: "al", time: 1000, bytes: 1, text: "3" }],
      more: false,
    });
    assertEquals(oldest(), [
      { mailbox: "bob", time: 1000, messages: 2 },
      { mailbox: "eve", time: 800, messages: 2 },
    ]);
    assertEquals(s.apply({ kind: "clear", mailbox: "nobody" }), 0);
  });
  assertEquals(tables, []);
  const before = [s.texts, oldest()];
  s.checkpoint();
  assertEquals([s.texts, oldest()], before);
});

// admin.md 4.9
Deno.test("the oldest messages are found behind any number that were cleared, written down or not", () => {
  for (const isWritten of [false, true]) {
    using s = new Subject();
    const all: StoreRequest[] = Array.from({ length: 5000 }, (_, i) => (
      { kind: "put", mailbox: i % 1000 === 0 ? "bob" : "gone", sender: "al", time: i, text: "x", bytes: 1 }
    ));
    for (const put of all) s.apply(put);
    if (isWritten) s.checkpoint();
    s.apply({ kind: "clear", mailbox: "gone" });
    s.apply({ kind: "put", mailbox: "gone", sender: "al", time: 9000, text: "x", bytes: 1 });
    const oldest = () => {
      let outcome = s.apply({ kind: "oldest", limit: 9 });
      while (outcome instanceof Again) outcome = s.apply(outcome.request as StoreRequest);
      return outcome;
    };
    const expected = [{ mailbox: "bob", time: 0, messages: 5 }, { mailbox: "gone", time: 9000, messages: 1 }];
    assertEquals(oldest(), expected);
    s.checkpoint();
    assertEquals(oldest(), expected);
  }
});

Deno.test("what is long is written in smaller pieces", () => {
  using s = new Subject();
  const pieces = () => {
    let count = 1;
    while (s.engine.flush(256)) count++;
    return count;
  };
  for (let i = 0; i < 200; i++) s.put(`${i}`);
  assertEquals(pieces(), 1);
  for (let i = 0; i < 20; i++) s.put("x".repeat(60_000));
  assertGreater(pieces(), 5);
  for (let session = 0; session < 20; session++) {
    const ids = Array.from({ length: 5000 }, (_, i) => 1e14 + i);
    const changes = [{ kind: "ack" as const, token: "0".repeat(16), ids }];
    s.apply({ kind: "session", session: `${session}`, fresh: true, first: 1, low: 1, changes });
  }
  assertGreater(pieces(), 5);
});
