/** The database file gets smaller when much of it is free. */

import { assert, assertEquals, assertLess } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE } from "../../../../server/store/database/database.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Put } from "../../../../server/store/requests/message.ts";
import { temporaryDirectory } from "../../../program.ts";

const MIB = 1024 ** 2;

function openEngine(directory: string): BatchEngine {
  return new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
}

const sizeOf = (directory: string) => Deno.statSync(`${directory}/${DATABASE_FILE}`).size;

function fill(engine: BatchEngine, mailbox: string, messages: number) {
  const text = "x".repeat(1000);
  const put: Put = { kind: "put", mailbox, sender: "s", time: 1, text, bytes: text.length };
  for (let left = messages; left > 0; left -= 1000) engine.apply(Array(Math.min(left, 1000)).fill(put));
}

/** Does all that is left for the background, as the Worker does. Returns how many pieces the file was shrunk in. */
function finish(engine: BatchEngine): number {
  while (engine.hasCleared) engine.sweep();
  let pieces = 0;
  while (engine.hasFreePages) {
    engine.shrink();
    pieces++;
  }
  return pieces;
}

Deno.test("after a clear the file shrinks in pieces, and what others hold is still there", async () => {
  await using directory = await temporaryDirectory();
  let engine = openEngine(directory.path);
  fill(engine, "bob", 8000);
  fill(engine, "carol", 1000);
  fill(engine, "bob", 8000);
  // carol's stand in the middle of the file
  assertEquals(engine.apply([{ kind: "clear", mailbox: "bob" }]).outcomes as unknown[], [16_000]);
  assert(finish(engine) > 10);
  engine.close();
  assertLess(sizeOf(directory.path), 8 * MIB);
  engine = openEngine(directory.path);
  assertEquals(engine.counts, { messages: 1000, bytes: 1_000_000, mailboxes: 1 });
  const [taken] = engine.apply([{ kind: "take", mailbox: "carol" }]).outcomes as { text: string }[];
  assertEquals(taken!.text.length, 1000);
  engine.close();
});

Deno.test("a file with little free space stays as it is", async () => {
  await using directory = await temporaryDirectory();
  const engine = openEngine(directory.path);
  fill(engine, "bob", 4000);
  fill(engine, "carol", 12_000);
  engine.apply([{ kind: "clear", mailbox: "bob" }]);
  assertEquals(finish(engine), 0);
  engine.close();
});

Deno.test("the file of an older version stays as large as it is, and works on", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/${DATABASE_FILE}`, last = MIGRATIONS.length - 1;
  const old = new DatabaseSync(path);
  for (const step of MIGRATIONS.slice(0, last)) old.exec(step);
  old.exec(`PRAGMA application_id = ${0x50726c79}; PRAGMA user_version = ${last}`);
  old.exec(`INSERT INTO mailbox (id, name, messages, bytes) VALUES (1, 'bob', 9000, 9000000);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
    INSERT INTO message (seq, mailbox, sender, time, text, bytes)
      SELECT i, 1, 's', 1, printf('%01000d', i), 1000 FROM n;
    UPDATE sequence SET last = 9000`);
  old.close();
  const engine = openEngine(directory.path);
  const [first] = engine.apply([{ kind: "take", mailbox: "bob" }]).outcomes as { text: string }[];
  assertEquals(Number(first!.text), 1);
  engine.apply([{ kind: "clear", mailbox: "bob" }]);
  assertEquals(finish(engine), 0);
  fill(engine, "carol", 1);
  assertEquals(engine.counts.messages, 1);
  engine.close();
});
