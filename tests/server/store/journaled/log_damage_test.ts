/** Damage of SQLite's log that SQLite itself passes over: store 7.5. */

import { assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openDatabase } from "../../../../server/store/database/database.ts";
import { PAGE_BYTES } from "../../../../server/store/database/transaction.ts";
import { PositionRow } from "../../../../server/store/engine/state/position.ts";
import { logDamage } from "../../../../server/store/database/log_damage.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { temporaryDirectory } from "../../../program.ts";

/** Bytes of SQLite's log: its head, the head of a frame, and a page. */
const HEAD_BYTES = 32, FRAME_BYTES = 24 + 4096;

/** A database at record 5 as a kill leaves it, with a commit for each record in its log; written back up to `writtenBack`. */
async function killed(directory: string, writtenBack: number): Promise<string> {
  const live = `${directory}/live.db`, path = `${directory}/messages.db`;
  using db = new DatabaseSync(live);
  openDatabase(db);
  db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  for (let number = 1; number <= 5; number++) {
    db.exec(`UPDATE position SET number = ${number}`);
    db.exec(`INSERT INTO epoch (id) VALUES ('${number}')`);
    if (number === writtenBack) db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }
  for (const suffix of ["", "-wal"]) await Deno.copyFile(`${live}${suffix}`, `${path}${suffix}`);
  return path;
}

async function flip(path: string, at: number) {
  const bytes = await Deno.readFile(path);
  bytes[at]! ^= 4;
  await Deno.writeFile(path, bytes);
}

Deno.test("a log that lost what was written back from it is not used, and the file is named", async () => {
  await using directory = await temporaryDirectory();
  const path = await killed(directory.path, 5), log = `${path}-wal`;
  assertEquals(logDamage(path), undefined);
  const whole = await Deno.readFile(log);
  // in the third commit
  await flip(log, HEAD_BYTES + 4 * FRAME_BYTES + 100);
  assertMatch(
    logDamage(path)!,
    /^it goes to record [23] only, and what was written back from it to record 5: /,
  );
  const before = await Deno.readFile(path);
  const open = openJournaledStore({ directory: directory.path, limits: DEFAULT_LIMITS, onEvent() {} });
  const error = await open.then(() => undefined, (error) => error.message);
  assertMatch(error, /^Cannot use \S+\/messages\.db-wal: it goes to record [23] only/);
  assertEquals(await Deno.readFile(path), before);

  await Deno.writeFile(log, whole);
  await flip(log, 9);
  assertEquals(logDamage(path), "the checksum of its head is wrong");
});

Deno.test("a log that lost what was not written back yet is used as far as it goes: the journal has the rest", async () => {
  await using directory = await temporaryDirectory();
  const path = await killed(directory.path, 0);
  await flip(`${path}-wal`, HEAD_BYTES + 4 * FRAME_BYTES + 100);
  assertEquals(logDamage(path), undefined);
});

Deno.test("a page that a power cut tore while it was written back is no damage of the log, which is whole", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/messages.db`, live = `${directory.path}/live.db`, sector = 512;
  using db = new DatabaseSync(live);
  openDatabase(db);
  const row = new PositionRow(db), chain = new Uint8Array(16).fill(5);
  const { page } = db.prepare("SELECT rootpage AS page FROM sqlite_schema WHERE name = 'position'").get() as {
    page: number;
  };
  const first = (page - 1) * PAGE_BYTES;
  // numbers and clocks that take more bytes than those before: where the row began its chain stands now, which looks like a
  // row, too
  for (
    const [number, wallClock] of [[100, 1], [200, 1.5], [40_000, 2], [9_000_000, 3.5], [
      9_000_001,
      4,
    ]] as const
  ) {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    const before = await Deno.readFile(live);
    row.set({ number, chain, wallClock, monotonicClock: wallClock });
    db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    const after = await Deno.readFile(live);
    await Deno.copyFile(`${live}-wal`, `${path}-wal`);
    for (const [begins, ends] of [[before, after], [after, before]] as const) {
      const torn = ends.slice();
      torn.set(begins.subarray(first, first + sector), first);
      await Deno.writeFile(path, torn);
      assertEquals(logDamage(path), undefined);
    }
  }
});
