/**
 * Reads what was copied of database and journal: which state it is, what files it needs, and whether it is whole.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { CHECKED_COLUMNS, checkedColumns, type CheckedTable, isWhole } from "../database/checksum.ts";
import { DATABASE_FILE, isOfThisVersion } from "../database/database.ts";
import { Engine } from "../engine/engine.ts";
import { type Position, PositionRow } from "../engine/position.ts";
import { DiskFolder } from "../journal/folder.ts";
import type { JournalRecord } from "../journal/journal.ts";
import { readRecord } from "../journal/record.ts";
import { recoverJournal } from "../journal/recovery.ts";
import { JOURNAL_FOLDER } from "../journaled/open_journal.ts";
import { replay } from "../journaled/replay.ts";

export interface CopiedDatabase {
  position: Position;
  journalId: Uint8Array;
  /** The hash of each content that a file has, by its name. */
  contents: Map<string, string>;
}

/**
 * Reads a copied database. SQLite's log, if it was copied too, is written into it.
 *
 * @throws {Error} It is damaged, or of another version.
 */
export function readDatabase(directory: string): CopiedDatabase {
  const path = `${directory}/${DATABASE_FILE}`, db = new DatabaseSync(path);
  try {
    if (!isOfThisVersion(db)) {
      throw new Error("its schema is of another version: start the server of this version there once");
    }
    const [found] = db.prepare("PRAGMA integrity_check(1)").all();
    if (found?.integrity_check !== "ok") throw new Error(`it is damaged: ${found?.integrity_check}`);
    for (const table of Object.keys(CHECKED_COLUMNS) as CheckedTable[]) {
      for (const row of db.prepare(`SELECT ${checkedColumns(table)} FROM ${table}`).iterate()) {
        if (!isWhole(table, row)) throw new Error(`it is damaged: a row of ${table} has a wrong checksum`);
      }
    }
    const row = new PositionRow(db), contents = new Map<string, string>();
    for (const { content, hash } of db.prepare("SELECT content, hash FROM content").iterate()) {
      contents.set(content as string, hash as string);
    }
    return { position: row.position, journalId: row.journalId, contents };
  } catch (error) {
    throw new Error(`Cannot use the copy of ${DATABASE_FILE}: ${(error as Error).message}`);
  } finally {
    db.close();
  }
}

/**
 * Reads a copied journal: the records after the database's position.
 *
 * @throws {Error} It is damaged, or does not end with record `last`.
 */
export function readJournal(
  directory: string,
  { position, journalId }: CopiedDatabase,
  last?: number,
): JournalRecord[] {
  const folder = new DiskFolder(`${directory}/${JOURNAL_FOLDER}`);
  const { end, replay } = recoverJournal(folder, journalId, position, false);
  if (last !== undefined && end.number !== last) {
    throw new Error(
      `Cannot use the copy of the journal: it ends with record ${end.number}, and not with ${last}`,
    );
  }
  return replay.map(({ info, bytes }) => readRecord(bytes, { ...info, start: 0, end: bytes.length }));
}

/** Messages of the state, with these records applied. The database stays as it is. */
export function countMessages(directory: string, records: readonly JournalRecord[]): number {
  const engine = new Engine({ directory });
  try {
    replay(engine, { read: () => records }, directory);
    return engine.counts.messages;
  } finally {
    engine.close();
  }
}

/** The hash of each content that the state may have, by its name. */
export function contentsOf(
  { contents }: CopiedDatabase,
  records: readonly JournalRecord[],
): Map<string, string> {
  const all = new Map(contents);
  for (const { requests } of records) {
    for (const request of requests) if (request.kind === "attach") all.set(request.content, request.hash);
  }
  return all;
}
