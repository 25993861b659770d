/** A number of a row that a disk has made larger than any is: the row is damaged, and the server goes on. */

import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE } from "../../../server/store/database/database.ts";
import { allRows, firstRow } from "../../../server/store/database/statements.ts";
import { DatabaseUnusable } from "../../../server/store/errors.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import { BatchEngine } from "../../batch_engine.ts";
import { temporaryDirectory } from "../../program.ts";

Deno.test("a number above 2 ** 53 is read as none, and the others of its row as they are", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a, b, c)");
  db.prepare("INSERT INTO t VALUES (?, 2, 'x'), (3, 4.5, NULL)").run(2n ** 53n + 1n);
  const statement = db.prepare("SELECT * FROM t");
  assertEquals(allRows(statement).map((row) => ({ ...row as object })), [
    { a: NaN, b: 2, c: "x" },
    { a: 3, b: 4.5, c: null },
  ]);
  assertEquals({ ...firstRow<object>(statement) }, { a: NaN, b: 2, c: "x" });
  assertEquals(allRows(db.prepare("SELECT a FROM t WHERE a = 3")).map((row) => ({ ...row as object })), [{
    a: 3,
  }]);
  db.close();
});

// store 7.1
Deno.test("a thread whose number of entries is too large is not shown, and all else is", async () => {
  await using directory = await temporaryDirectory();
  const open = () => new BatchEngine({ directory: directory.path, limits: DEFAULT_LIMITS, onEvent() {} });
  const engine = open();
  engine.apply([{
    ...{ kind: "session", session: "A".repeat(22), first: 1, low: 1 },
    changes: ["news", "other"].map((thread) => ({ kind: "create", thread, user: "al" })),
  }]);
  engine.close();
  const db = new DatabaseSync(`${directory.path}/${DATABASE_FILE}`);
  db.exec("UPDATE thread SET entries = 9007199254740993 WHERE title = 'news'");
  db.close();
  const again = open();
  const { outcomes: [page] } = again.apply([{ kind: "threads", after: 0, limit: 9, maxBytes: 999 }]);
  assertEquals((page as { threads: { title: string }[] }).threads.map(({ title }) => title), ["other"]);
  again.close();
});

// store 7.6
Deno.test("a mailbox whose number is too large is damage, with which no server starts", async () => {
  await using directory = await temporaryDirectory();
  const open = () => new BatchEngine({ directory: directory.path, limits: DEFAULT_LIMITS, onEvent() {} });
  const engine = open();
  engine.apply([{ kind: "put", mailbox: "bob", sender: "alice", time: 0, text: "hi", bytes: 2 }]);
  engine.close();
  const db = new DatabaseSync(`${directory.path}/${DATABASE_FILE}`);
  db.exec("UPDATE mailbox SET id = 9007199254740993");
  db.close();
  assertThrows(open, DatabaseUnusable, "a row of mailbox is damaged");
});
