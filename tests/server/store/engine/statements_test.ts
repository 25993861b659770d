/** What the store's SQL statements cost beside what they do. */

import { assertEquals, assertGreater } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { BatchEngine } from "../../../batch_engine.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";

/** SQLite, "Result and Error Codes". */
const SQLITE_OK = 0;

/** What the types of this version of Deno lack. */
interface Authorized {
  setAuthorizer(callback: () => number): void;
}

/** Opens an engine in memory; gives its database too. */
function openEngine(): { engine: BatchEngine; db: Authorized } {
  const { prepare } = DatabaseSync.prototype;
  let db: DatabaseSync | undefined;
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, ...values) {
    db = this;
    return Reflect.apply(prepare, this, values);
  };
  try {
    const engine = new BatchEngine({
      directory: undefined,
      limits: DEFAULT_LIMITS,
      takeBytesMax: 15,
      onEvent() {},
    });
    return { engine, db: db as unknown as Authorized };
  } finally {
    DatabaseSync.prototype.prepare = prepare;
  }
}

/** Carries out, one by one, some of everything that a client asks of mailboxes; `round` counts from 1. */
function askAll(engine: BatchEngine, round: number) {
  const apply = (request: StoreRequest) => engine.apply([request]).outcomes[0];
  const put = (text: string, owner: string, more = {}) =>
    apply({
      kind: "put",
      mailbox: "bob",
      sender: "al",
      time: 0,
      text,
      bytes: text.length,
      owner,
      ...more,
    });
  let n = 3 * round - 2;
  for (let i = 0; i < 16; i++) put(`${i}`, i % 2 === 0 ? "al" : "[10.0.0.1]");
  put("x".repeat(20), "al");
  put("delayed", "al", { delay: 1 });
  put("expires", "al", { expires: Number.MAX_SAFE_INTEGER });
  for (let i = 0; i < 2; i++) apply({ kind: "take", mailbox: "bob" });
  for (const what of ["ack", "back", "fail"] as const) {
    const max = round + 1, duration = 60_000;
    const lease = {
      kind: "lease",
      session: "s",
      tag: n,
      mailbox: "bob",
      max,
      maxBytes: 8192,
      duration,
    } as const;
    const leased = apply({ ...lease, subscribe: false }) as { token: string; messages: { id: number }[] };
    assertEquals(leased.messages.length, max);
    const all = { token: leased.token, ids: leased.messages.map(({ id }) => id) };
    const change = what === "fail"
      ? { kind: what, ...all, delay: 60_000, attempts: 5, reason: "" }
      : { kind: what, ...all };
    apply({ kind: "session", session: "s", first: n, low: n, changes: [change] });
    n++;
  }
  apply({ kind: "stat", mailbox: "bob" });
  apply({ kind: "list", limit: round });
  apply({ kind: "dead", what: "list", after: 0, limit: round });
  apply({ kind: "clear", mailbox: "bob" });
  while (engine.hasCleared) engine.sweep();
  engine.tick();
  engine.forgetSessions();
}

Deno.test("what clients ask of mailboxes again and again is prepared once", () => {
  const { engine, db } = openEngine();
  // SQLite asks it about what a statement does whenever it prepares one, as it does once more with all after this
  let asked = 0;
  db.setAuthorizer(() => {
    asked++;
    return SQLITE_OK;
  });
  for (let round = 1; round <= 2; round++) askAll(engine, round);
  assertGreater(asked, 0);
  asked = 0;
  for (let round = 3; round <= 4; round++) askAll(engine, round);
  assertEquals(asked, 0);
  engine.close();
});
