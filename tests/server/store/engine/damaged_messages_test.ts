/** Rows that are not as they were written: none is handed out (store section 7). */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { temporaryDirectory } from "../../../program.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { DeadLetter, PeekedPage, Put, Stats } from "../../../../server/store/requests/message.ts";
import type { OrderedRequest } from "../../../../server/store/requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";

/** An engine on a directory, whose database can be changed behind its back. */
class Subject {
  readonly #directory: string;
  #engine: Engine;
  #number = 0;
  time = 1000;
  events: StoreEvent[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    this.#engine = new Engine({ directory });
  }

  apply(request: StoreRequest): Outcome {
    const engine = this.#engine, number = ++this.#number, random = new Uint8Array(32).fill(number);
    engine.begin({ number, canStore: true, wallClock: this.time, monotonicClock: this.time, random });
    const outcome = engine.isRead(request) ? engine.query(request) : engine.apply(request);
    this.events.push(...engine.takeEvents());
    return outcome;
  }

  put(text: string, more: Partial<Put> = {}) {
    const put: Put = { kind: "put", mailbox: "bob", sender: "al", time: 5, text, bytes: text.length };
    assertEquals(this.apply({ ...put, ...more }), "stored");
  }

  change(first: number, change: OrderedRequest) {
    return this.apply({ kind: "session", session: "s", first, low: 1, changes: [change] });
  }

  lease(tag: number): { token: string; ids: number[]; texts: string[] } | Outcome {
    const lease = { kind: "lease", session: "s", tag, mailbox: "bob", duration: 60_000 } as const;
    const outcome = this.apply({ ...lease, max: 9, maxBytes: 8192, subscribe: false }) as Leased | "empty";
    if (outcome === "empty") return outcome;
    const { token, messages } = outcome;
    return { token, ids: messages.map(({ id }) => id), texts: messages.map(({ text }) => text) };
  }

  /** Closes it, has the database changed, and opens it again. */
  damage(...changes: string[]) {
    const position = { number: this.#number, wallClock: this.time, monotonicClock: this.time };
    this.#engine.checkpoint({ ...position, chain: new Uint8Array(16) });
    this.#engine.close();
    using db = new DatabaseSync(`${this.#directory}/messages.db`);
    for (const change of changes) assertEquals(db.prepare(change).run().changes, 1, change);
    this.#engine = new Engine({ directory: this.#directory });
    this.events = [];
  }

  get letters(): [text: string, reason: string][] {
    const letters = this.apply({ kind: "dead", what: "list", after: 0, limit: 99 }) as DeadLetter[];
    return letters.map(({ text, reason }) => [text, reason]);
  }

  get stat(): Stats {
    return this.apply({ kind: "stat", mailbox: "bob" }) as Stats;
  }

  get damaged(): string[] {
    return this.events.flatMap((event) => event.kind === "damaged" ? [`${event.table} ${event.key}`] : []);
  }

  close() {
    this.#engine.close();
  }
}

async function withSubject(use: (subject: Subject) => void) {
  await using directory = await temporaryDirectory();
  const subject = new Subject(directory.path);
  try {
    use(subject);
  } finally {
    subject.close();
  }
}

/** Changes of the second of three messages. */
const CHANGES = [
  "text = 'tw0'",
  "sender = 'a1'",
  "time = 4",
  "bytes = 1000000",
  "owner = 0",
  "expires = 9000",
  "attempts = 7",
  "token = 'x'",
  "checksum = checksum + 1",
];

// store 7.1, 7.2
for (const change of CHANGES) {
  Deno.test(`a message whose row says ${change} is a dead letter, and those beside it are given out`, () =>
    withSubject((s) => {
      for (const text of ["one", "two", "three"]) s.put(text, { owner: "al" });
      s.damage(`UPDATE message SET ${change} WHERE seq = 2`);
      const page = s.apply({ kind: "peek", mailbox: "bob", after: 0, limit: 9 }) as PeekedPage;
      assertEquals([page.messages.map(({ text }) => text), s.damaged], [["one", "three"], ["message 2"]]);
      const leased = s.lease(1) as { texts: string[] };
      assertEquals(leased.texts, ["one", "three"]);
      const text = change.startsWith("text") ? "tw0" : "two";
      // once where it was shown, and once where it became a dead letter
      assertEquals([s.letters, s.damaged], [[[text, "damaged"]], ["message 2", "message 2"]]);
      const { messages, leased: held, dead } = s.stat;
      assertEquals([messages, held, dead], [2, 2, 1]);
      // an administrator does not make it whole either
      assertEquals(s.apply({ kind: "dead", what: "requeue", id: 2 }), "damaged");
      assertEquals(s.apply({ kind: "dead", what: "requeue all", after: 0, limit: 9 }), {
        done: 0,
        full: 1,
        last: 2,
      });
      assertEquals(s.apply({ kind: "dead", what: "delete", id: 2 }), 1);
      s.damage();
      assertEquals([(s.lease(1) as { texts: string[] }).texts, s.damaged], [["one", "three"], []]);
    }));
}

for (const change of ["UPDATE mailbox SET name = 'bof'", "UPDATE message SET mailbox = 2 WHERE seq = 1"]) {
  Deno.test(`a message does not come to another receiver after ${change}`, () =>
    withSubject((s) => {
      s.put("one");
      if (change.includes("2")) s.put("other", { mailbox: "bof" });
      s.damage(change);
      const take = { kind: "take", mailbox: "bof" } as const;
      const expected = change.includes("2") ? { sender: "al", time: 5, text: "other" } : "empty";
      assertEquals(s.apply(take) as unknown, expected);
      assertEquals([s.letters, s.damaged], [[["one", "damaged"]], ["message 1"]]);
    }));
}

Deno.test("a message that is damaged while it is leased or waits is not given out again", () =>
  withSubject((s) => {
    for (const text of ["one", "two", "three", "four"]) s.put(text);
    const { token, ids } = s.lease(1) as { token: string; ids: number[] };
    const fail = { kind: "fail", token, attempts: 9, reason: "" } as const;
    s.change(1, { ...fail, ids: [ids[0]!], delay: 500 });
    s.damage(
      "UPDATE message SET text = '0ne' WHERE seq = 1",
      "UPDATE message SET text = 'tw0' WHERE seq = 2",
    );
    assertEquals((s.lease(1) as { texts: string[] }).texts, ["three", "four"]);
    s.change(2, { kind: "back", token, ids: ids.slice(1) });
    s.time += 500;
    s.apply({ kind: "tick", rows: 9 });
    assertEquals((s.lease(2) as { texts: string[] }).texts, ["three", "four"]);
    assertEquals([s.letters, s.damaged], [[["0ne", "damaged"], ["tw0", "damaged"]], [
      "message 2",
      "message 1",
    ]]);
  }));

Deno.test("a delayed message that is damaged does not come, nor is it set apart as if it was whole", () =>
  withSubject((s) => {
    for (const text of ["one", "two", "three"]) s.put(text, { delay: 500 });
    s.damage("UPDATE delayed SET text = '0ne' WHERE id = 1", "UPDATE delayed SET sender = 'x' WHERE id = 3");
    s.time += 500;
    s.apply({ kind: "tick", rows: 2 });
    assertEquals((s.lease(1) as { texts: string[] }).texts, ["two"]);
    s.apply({ kind: "account", what: "add", name: "bob", verifier: "v" });
    assertEquals(s.letters, [["0ne", "damaged"], ["three", "damaged"]]);
    assertEquals(s.damaged, ["delayed 1", "delayed 3"]);
  }));

Deno.test("a dead letter that is damaged is not requeued, set apart or not", () =>
  withSubject((s) => {
    for (const text of ["one", "two", "three"]) s.put(text);
    const { token, ids } = s.lease(1) as { token: string; ids: number[] };
    s.change(1, { kind: "fail", token, ids, attempts: 1, reason: "it broke", delay: 0 });
    s.damage("UPDATE dead SET text = '0ne' WHERE id = 1", "UPDATE dead SET mailbox = 'bof' WHERE id = 3");
    const requeue = (id: number) => s.apply({ kind: "dead", what: "requeue", id });
    assertEquals(requeue(1), "damaged");
    s.apply({ kind: "account", what: "add", name: "bob", verifier: "v" });
    assertEquals([requeue(1), requeue(2), requeue(3)], ["damaged", "requeued", "damaged"]);
    assertEquals((s.lease(2) as { texts: string[] }).texts, ["two"]);
    assertEquals(s.damaged, ["dead 1", "dead 3"]);
  }));

Deno.test("a lease that is damaged is as if it had ended: its messages are given out again", () =>
  withSubject((s) => {
    for (const text of ["one", "two"]) s.put(text);
    s.lease(1);
    s.damage("UPDATE lease SET messages = '1 3'");
    assertEquals((s.lease(2) as { texts: string[] }).texts, ["one", "two"]);
    assertEquals(s.damaged.length, 1);
  }));

// store 7.2
Deno.test("a mailbox that counts messages whose rows cannot be found says so once, and is empty", () =>
  withSubject((s) => {
    for (const text of ["one", "two"]) s.put(text);
    s.damage(
      "UPDATE message SET mailbox = 99 WHERE seq = 1",
      "UPDATE message SET mailbox = 99 WHERE seq = 2",
    );
    for (let i = 0; i < 2; i++) assertEquals(s.apply({ kind: "take", mailbox: "bob" }), "empty");
    assertEquals([s.lease(1), s.damaged], ["empty", ["mailbox bob"]]);
  }));
