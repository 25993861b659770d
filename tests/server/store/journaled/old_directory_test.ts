/** What a data directory of the version before the columns were renamed becomes: store 8.3. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";

/** The version of the schema before. */
const BEFORE = MIGRATIONS.findIndex((step) => step.includes("RENAME COLUMN body TO text"));

const DAY = 86_400_000, NOW = 1_700_000_000_000;

const ROWS = `
  INSERT INTO sequence SELECT 0 WHERE NOT EXISTS (SELECT * FROM sequence);
  UPDATE sequence SET last = 9;
  UPDATE horizon SET born = 77;
  INSERT INTO holder VALUES (1, 'ann'), (2, '[10.0.0.1]');
  INSERT INTO mailbox (id, name, messages, bytes, holder) VALUES (1, 'bob', 6, 21, 1);
  INSERT INTO mailbox_holder VALUES (1, 2, 1, 3);
  INSERT INTO message (seq, mailbox, sender, time, body, bytes, holder) VALUES
    (1, 1, 'al', 1000, 'one', 3, 1), (2, 1, 'al', 1001, 'two', 3, 2), (3, 1, 'al', 1002, 'three', 5, 1);
  INSERT INTO message (seq, mailbox, sender, time, body, bytes, holder, attempts, due) VALUES
    (4, 1, 'al', 1003, 'retry', 5, 1, 2, ${NOW + DAY});
  INSERT INTO message (seq, mailbox, sender, time, body, bytes, holder, expires) VALUES
    (5, 1, 'al', 1004, 'exp', 3, 1, ${NOW + 1});
  INSERT INTO delayed (id, due, mailbox, sender, time, body, bytes, holder) VALUES
    (6, ${NOW + 5}, 'bob', 'al', 1005, 'la', 2, 1);
  INSERT INTO lease (token, session, tag, mailbox, duration, messages, network, owner, begun) VALUES
    ('t1', 's', 7, 'bob', 30000, '1', '10.0.0.1', 'bob', NULL);
  INSERT INTO dead (id, mailbox, sender, time, body, bytes, attempts, reason) VALUES
    (7, 'bob', 'al', 999, 'dead', 4, 3, 'exit 1');
  INSERT INTO session (id, done, special, used, owner, network, born, ended) VALUES
    ('s', 3, '[[2,{"kind":"bad","reason":"exists"}]]', ${NOW}, 'bob', '10.0.0.1', 88, 0);
  INSERT INTO account (name, verifier, last) VALUES ('bob', 'v', 0), ('carol', 'w', NULL);
  INSERT INTO channel (id, name, place, first, holder) VALUES (1, 'tea', 1, 2, '[10.0.0.1]');
  INSERT INTO said VALUES (1, 1, 10, 'al', 'old'), (1, 2, 11, 'al', 'new');
  INSERT INTO thread (id, title, creator, last, entries, bytes) VALUES (1, 'plans', 'ann', 2, 2, 8);
  INSERT INTO entry (thread, id, file, version, time, bytes, user, body) VALUES
    (1, 1, 0, 0, 12, 2, 'ben', 'hi'), (1, 2, 1, 0, 13, 6, 'ann', 'a.text');
  INSERT INTO rank VALUES (1, 0, 0, 1), (1, 1, 0, 1);
  INSERT INTO content VALUES (1, 'a.text', 'ann', 5, 'h', 'c1');
  INSERT INTO thread_holder VALUES (1, 'ben', 1, 2);
  INSERT INTO unused VALUES ('c0');
`;

function withOldDirectory(use: (open: (share?: number) => BatchEngine, events: StoreEvent[]) => void) {
  const directory = Deno.makeTempDirSync({ prefix: "wirepost-old-" });
  const db = new DatabaseSync(`${directory}/messages.db`);
  for (const step of MIGRATIONS.slice(0, BEFORE)) db.exec(step);
  db.exec(`${ROWS} PRAGMA application_id = ${0x50726c79}; PRAGMA user_version = ${BEFORE}`);
  db.close();
  const events: StoreEvent[] = [];
  const open = (share = 100) =>
    new BatchEngine({
      directory,
      limits: { ...DEFAULT_LIMITS, messages: 12, share },
      onEvent: (event) => events.push(event),
      wallClock: () => NOW,
      monotonicClock: () => NOW,
    });
  try {
    use(open, events);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const ask = (engine: BatchEngine, ...requests: StoreRequest[]): Outcome[] => engine.apply(requests).outcomes;

Deno.test("a data directory of before the columns were renamed opens and keeps everything", () =>
  withOldDirectory((open) => {
    let engine = open();
    for (let start = 1; start <= 2; start++) {
      assertEquals(engine.counts, { messages: 6, bytes: 21, mailboxes: 1 });
      assertEquals(
        ask(
          engine,
          { kind: "stat", mailbox: "bob" },
          { kind: "dead", what: "list", after: 0, limit: 9 },
          { kind: "open", session: "s", account: "bob", startTime: 88 },
          { kind: "open", session: "s", account: "ann", startTime: 88 },
          { kind: "open", session: "forgotten", startTime: 77 },
          { kind: "latest start" },
          { kind: "account", what: "list", limit: 9 },
          { kind: "channels" },
          { kind: "threads", after: 0, limit: 9, maxBytes: 99 },
          { kind: "read", thread: "plans", from: { number: 1 }, limit: 9, maxBytes: 99 },
          { kind: "file", thread: "plans", name: "a.text", user: "ann" },
          { kind: "contents", contents: ["c0", "c1", "c2"] },
        ).map((outcome) => Array.isArray(outcome) ? outcome.map((row) => ({ ...row as object })) : outcome),
        [
          { messages: 6, bytes: 21, ready: 3, leased: 1, delayed: 2, dead: 1 },
          [{
            id: 7,
            mailbox: "bob",
            sender: "al",
            time: 999,
            attempts: 3,
            reason: "exit 1",
            bytes: 4,
            text: "dead",
          }],
          { done: 3, outcomes: [[2, { kind: "bad", reason: "exists" }]] },
          "denied",
          "unknown",
          88,
          [{ name: "bob", verifier: "v", mailbox: true, role: "user", tokens: [], network: "" }, {
            name: "carol",
            verifier: "w",
            mailbox: false,
            role: "user",
            tokens: [],
            network: "",
          }],
          [{
            name: "tea",
            owner: "[10.0.0.1]",
            place: 1,
            history: "",
            first: 2,
            messages: [{ sender: "al", time: 11, text: "new", bytes: 5 }],
          }],
          { threads: [{ id: 1, title: "plans", creator: "ann", entries: 2 }], more: false },
          {
            entries: [
              { id: 1, user: "ben", time: 12, number: 1, text: "hi", bytes: 2, version: 0 },
              { id: 2, user: "ann", time: 13, file: "a.text", size: 5 },
            ],
            more: false,
          },
          { thread: 1, file: { user: "ann", size: 5, hash: "h", content: "c1" } },
          [{ content: "c0", user: "" }, { content: "c1", user: "ann" }],
        ],
      );
      engine.close();
      engine = open();
    }
    engine.close();
  }));

Deno.test("messages, leases and shares of an old data directory go on as before", () =>
  withOldDirectory((open, events) => {
    const engine = open(50), take = { kind: "take", mailbox: "bob" } as const;
    const put = (owner: string): StoreRequest => (
      { kind: "put", mailbox: "x", sender: "s", time: NOW, text: "y", bytes: 1, owner }
    );
    // of six for each owner, ann has five and the network one
    assertEquals(ask(engine, put("ann"), put("ann"), put("[10.0.0.1]")), ["stored", "full share", "stored"]);
    assertEquals(events, [{ kind: "full", owner: "ann", limit: "6 messages of one user" }]);
    const changes = [{ kind: "ack", token: "t1", ids: [1] }] as const;
    assertEquals(
      ask(
        engine,
        take,
        { kind: "session", session: "s", account: "bob", first: 4, low: 4, changes },
        take,
        take,
        take,
      ) as unknown[],
      [
        { sender: "al", time: 1001, text: "two" },
        { done: 4, outcomes: [] },
        { sender: "al", time: 1002, text: "three" },
        { sender: "al", time: 1004, text: "exp" },
        "empty",
      ],
    );
    assertEquals(ask(engine, { kind: "stat", mailbox: "bob" }) as unknown[], [
      { messages: 2, bytes: 7, ready: 0, leased: 0, delayed: 2, dead: 1 },
    ]);
    engine.close();
  }));
