import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../../../../server/store/database/database.ts";
import { DeadLetterRows } from "../../../../server/store/engine/message/dead_letters.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import type { DeadLetter, DeadLetters } from "../../../../server/store/requests/message.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { Transaction } from "../../../../server/store/database/transaction.ts";

const account = { kind: "account" } as const;
const add = (name: string, mailbox?: "if empty" | "never") =>
  ({ ...account, what: "add", name, verifier: "v", ...mailbox === undefined ? {} : { mailbox } }) as const;
const cover = (name: string) => ({ ...account, what: "cover", name }) as const;
const put = (mailbox: string, text: string, more: { delay?: number; expires?: number } = {}) =>
  ({ kind: "put", mailbox, sender: "al", time: 0, text, bytes: text.length, ...more }) as const;
const lease = (mailbox: string, tag: number, max = 1) =>
  ({
    kind: "lease",
    session: "s",
    tag,
    mailbox,
    max,
    maxBytes: 8192,
    duration: 30_000,
    subscribe: false,
  }) as const;
const list = { kind: "dead", what: "list", after: 0, limit: 100 } as const;

interface Use {
  directory: string;
  /** The clock of expiries and the like. */
  time: { now: number };
  open(maxFileBytes?: number): BatchEngine;
}

async function withEngine(use: (world: Use) => void) {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-apart-" });
  // no session began before the first moment
  const time = { now: 1 };
  try {
    use({
      directory,
      time,
      open: (maxFileBytes) =>
        new BatchEngine({
          directory,
          maxFileBytes,
          limits: DEFAULT_LIMITS,
          onEvent() {},
          wallClock: () => time.now,
          monotonicClock: () => time.now,
        }),
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const apply = (engine: BatchEngine, ...requests: StoreRequest[]): Outcome[] =>
  engine.apply(requests).outcomes;
const texts = (letters: Outcome | undefined) => (letters as DeadLetter[]).map(({ text }) => text);

// accounts.md 3.3
Deno.test("what was leased before the account comes back after a start of the server, and is set apart then", () =>
  withEngine(({ open, time }) => {
    let engine = open();
    apply(engine, put("carol", "leased"), put("carol", "to be acknowledged"), put("carol", "ready"));
    const [leased, other] = apply(engine, lease("carol", 1), lease("carol", 2)) as { token: string }[];
    assertEquals(apply(engine, add("carol")), [{ mailbox: true, apart: 1 }]);
    engine.close();
    engine = open();
    // what a session has is in no other's hands
    assertEquals(apply(engine, lease("carol", 3), put("carol", "after")), ["empty", "stored"]);
    const ack = { kind: "ack", token: other!.token, ids: [2] } as const;
    apply(engine, { kind: "session", session: "s", first: 1, low: 1, changes: [ack] });
    time.now = 30_001;
    while (engine.tick());
    assertEquals(texts(apply(engine, list)[0]), ["leased", "ready"]);
    const [stat] = apply(engine, { kind: "stat", mailbox: "carol" });
    assertEquals(stat, { messages: 1, bytes: 5, ready: 1, leased: 0, delayed: 0, dead: 0 });
    // an acknowledgement that comes too late finds nothing
    const late = { kind: "ack", token: leased!.token, ids: [1] } as const;
    const [outcome] = apply(engine, { kind: "session", session: "s", first: 2, low: 1, changes: [late] });
    assertEquals((outcome as { outcomes: unknown }).outcomes, [[2, { kind: "lost", ids: [1] }]]);
    assertEquals(apply(engine, { kind: "take", mailbox: "carol" }), [
      { sender: "al", time: 0, text: "after" },
    ]);
    engine.close();
  }));

// accounts.md 3.2
Deno.test("a message that waits to be tried again is set apart, and one that has expired is not", () =>
  withEngine(({ open, time }) => {
    const engine = open();
    apply(
      engine,
      put("carol", "tried"),
      put("carol", "expired", { expires: 10 }),
      put("carol", "delayed", { delay: 5000 }),
      put("carol", "delayed and expired", { delay: 5, expires: 10 }),
    );
    const [leased] = apply(engine, lease("carol", 1)) as { token: string }[];
    const failed = { delay: 60_000, attempts: 5, reason: "exit 1" };
    const fail = { kind: "fail", token: leased!.token, ids: [1], ...failed } as const;
    apply(engine, { kind: "session", session: "s", first: 1, low: 1, changes: [fail] });
    time.now = 20;
    assertEquals(apply(engine, add("carol")), [{ mailbox: true, apart: 2 }]);
    const letters = apply(engine, list)[0] as DeadLetter[];
    assertEquals(letters.map(({ text, attempts, reason }) => [text, attempts, reason]), [
      ["tried", 1, "before the account"],
      ["delayed", 0, "before the account"],
    ]);
    const [stat, all] = apply(engine, { kind: "stat", mailbox: "carol" }, { kind: "stat" });
    const nothing = { messages: 0, bytes: 0, ready: 0, leased: 0, delayed: 0, dead: 0 };
    assertEquals([stat, all], [nothing, nothing]);
    // what was delayed does not come when its time does
    time.now = 100_000;
    while (engine.tick());
    assertEquals(apply(engine, { kind: "take", mailbox: "carol" }), ["empty"]);
    engine.close();
  }));

// accounts.md 1.4
Deno.test("an account that is removed and made again covers only what comes after that", () =>
  withEngine(({ open }) => {
    const engine = open(), remove = { ...account, what: "remove", name: "carol" } as const;
    const added = apply(engine, add("carol", "if empty"), put("carol", "of the first carol"), remove);
    assertEquals(added[0], { mailbox: true, apart: 0 });
    assertEquals(apply(engine, add("carol", "if empty")), [{ mailbox: false, apart: 0 }]);
    assertEquals(apply(engine, cover("carol"), cover("carol")), [
      { mailbox: true, apart: 1 },
      { mailbox: true, apart: 0 },
    ]);
    assertEquals(apply(engine, { kind: "take", mailbox: "carol" }), ["empty"]);
    const names = { ...account, what: "list", limit: 9 } as const;
    assertEquals(apply(engine, add("dora", "never"), add("admin"), cover("admin"), cover("nobody"), names), [
      { mailbox: false, apart: 0 },
      { mailbox: false, apart: 0 },
      "reserved",
      "unknown",
      [
        { name: "admin", verifier: "v", mailbox: false, role: "user", tokens: [], network: "" },
        { name: "carol", verifier: "v", mailbox: true, role: "user", tokens: [], network: "" },
        { name: "dora", verifier: "v", mailbox: false, role: "user", tokens: [], network: "" },
      ],
    ]);
    engine.close();
  }));

// accounts.md 1.2
Deno.test("accounts of before that distinction keep the mailbox that they cover, and what is in it", () =>
  withEngine(({ directory, open }) => {
    {
      // as a server of before that left it
      using made = new DatabaseSync(":memory:"), db = new DatabaseSync(`${directory}/messages.db`);
      openDatabase(made);
      const { application_id } = made.prepare("PRAGMA application_id").get()!;
      const before = MIGRATIONS.findIndex((migration) => migration.includes("dead_kept"));
      for (const migration of MIGRATIONS.slice(0, before)) db.exec(migration);
      db.exec(`
        PRAGMA application_id = ${application_id};
        PRAGMA user_version = ${before};
        INSERT INTO account (name, verifier) VALUES ('alice', 'v');
        INSERT INTO mailbox (name, messages, bytes) VALUES ('alice', 1, 5);
        INSERT INTO message (seq, mailbox, sender, time, body, bytes) VALUES (7, last_insert_rowid(), 'al', 0, 'hello', 5);
        UPDATE sequence SET last = 7;
        INSERT INTO dead (id, mailbox, sender, time, body, bytes) VALUES (3, 'alice', 'al', 0, 'dead', 4);
      `);
    }
    const engine = open();
    assertEquals(apply(engine, { ...account, what: "list", limit: 9 }, cover("alice")), [
      [{ name: "alice", verifier: "v", mailbox: true, role: "user", tokens: [], network: "" }],
      { mailbox: true, apart: 0 },
    ]);
    assertEquals(apply(engine, { kind: "dead", what: "requeue all", after: 0, limit: 9 }), [
      { done: 1, full: 0, last: 3 },
    ]);
    const take = { kind: "take", mailbox: "alice" } as const;
    const taken = apply(engine, take, take) as { text: string }[];
    assertEquals(taken.map(({ text }) => text), ["hello", "dead"]);
    engine.close();
  }));

// accounts.md 3.4
Deno.test("dead letters that are set apart go for no newer one, and more than fit are refused", () => {
  using db = new DatabaseSync(":memory:");
  openDatabase(db);
  const transaction = new Transaction(db),
    open = () => new DeadLetterRows({ db, transaction, onEvent() {} }, { letters: 3, bytes: 20 });
  let dead = open();
  const message = (seq: number) => ({ seq, sender: "al", time: 0, text: `${seq}`, bytes: 1 });
  const died = (mailbox: string, seq: number) => dead.add(mailbox, message(seq), 5, "lease ran out");
  const apart = (seq: number) => dead.setApart("carol", message(seq), 0);
  const ask = (request: DeadLetters) => dead.request(request, () => {});
  const kept = () =>
    (ask({ kind: "dead", what: "list", after: 0, limit: 99 }) as DeadLetter[]).map(({ text }) =>
      Number(text)
    );
  died("carol", 1);
  died("bob", 2);
  assertEquals([dead.hasRoomApart("carol", 2, 2), dead.hasRoomApart("carol", 3, 3)], [true, false]);
  assertEquals([dead.hasRoomApart("bob", 1, 19), dead.hasRoomApart("bob", 1, 20)], [true, false]);
  assertEquals(dead.setSomeApart("carol", 6, 64), 1);
  apart(3);
  transaction.commit();
  assertEquals([dead.counts.of("carol"), dead.counts.of(), kept()], [0, 1, [1, 2, 3]]);
  for (const seq of [4, 5, 6]) died("bob", seq);
  assertEquals(kept(), [1, 3, 4, 5, 6]);
  assertEquals([dead.hasRoomApart("dora", 1, 1), dead.hasRoomApart("dora", 2, 2)], [true, false]);
  // what comes back from leases has its place all the same
  apart(7);
  apart(8);
  assertEquals(dead.hasRoomApart("dora", 0, 0), false);
  for (const id of [7, 8]) ask({ kind: "dead", what: "delete", id });
  assertEquals([dead.hasRoomApart("dora", 1, 1), kept()], [true, [1, 3, 4, 5, 6]]);
  dead = open();
  assertEquals([dead.hasRoomApart("dora", 1, 1), dead.hasRoomApart("dora", 2, 2)], [true, false]);
  assertEquals([ask({ kind: "dead", what: "delete", id: 1 }), dead.hasRoomApart("dora", 2, 2)], [1, true]);
  assertEquals([ask({ kind: "dead", what: "delete all" }), kept(), dead.hasRoomApart("dora", 3, 20)], [
    4,
    [],
    true,
  ]);
});

Deno.test("where the disk takes nothing, a mailbox stays as it was", () =>
  withEngine(({ open }) => {
    let engine = open(1024 * 1024);
    const text = "x".repeat(10_000);
    let stored = 0;
    while (apply(engine, put("carol", text))[0] === "stored") stored++;
    assertEquals(apply(engine, add("carol")), ["storage"]);
    const [stat] = apply(engine, { kind: "stat", mailbox: "carol" });
    const counts = {
      messages: stored,
      bytes: stored * 10_000,
      ready: stored,
      leased: 0,
      delayed: 0,
      dead: 0,
    };
    assertEquals(stat, counts);
    assertEquals(apply(engine, list, { ...account, what: "list", limit: 9 }), [[], []]);
    // what is there can be taken, and with more room the rest is set apart
    const [taken] = apply(engine, { kind: "take", mailbox: "carol" });
    assertEquals((taken as { text: string }).text, text);
    engine.close();
    engine = open();
    assertEquals(apply(engine, add("carol")), [{ mailbox: true, apart: stored - 1 }]);
    engine.close();
  }));

// accounts.md 3.5
Deno.test("a mailbox that holds more than can be set apart is not covered, and nothing of it is touched", () =>
  withEngine(({ open }) => {
    const engine = open(), text = "x".repeat(1000);
    for (let i = 0; i < 101; i++) {
      apply(engine, ...Array.from({ length: 1000 }, () => put("carol", "")), put("bob", text));
    }
    assertEquals(apply(engine, add("carol", "if empty"), cover("carol")), [
      { mailbox: false, apart: 0 },
      "apart full",
    ]);
    assertEquals(apply(engine, { ...account, what: "remove", name: "carol" }, add("carol")), [
      "removed",
      "apart full",
    ]);
    const [count, names] = apply(engine, { kind: "count", mailbox: "carol" }, {
      ...account,
      what: "list",
      limit: 9,
    });
    assertEquals([(count as { messages: number }).messages, names], [101_000, []]);
    assertEquals(apply(engine, add("bob")), [{ mailbox: true, apart: 101 }]);
    engine.close();
  }));
