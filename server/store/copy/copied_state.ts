/**
 * Reads what was copied of database and journal: which state it is, and what files it needs.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE, isOfThisVersion } from "../database/database.ts";
import { Engine } from "../engine/engine.ts";
import { type Position, PositionRow } from "../engine/state/position.ts";
import { readRecord } from "../journal/codec/record.ts";
import { DiskFolder } from "../journal/folder.ts";
import type { JournalRecord } from "../journal/journal.ts";
import { recoverJournal } from "../journal/recovery.ts";
import { JOURNAL_FOLDER } from "../journaled/open_journal.ts";
import { replay } from "../journaled/replay.ts";

export interface CopiedDatabase {
  position: Position;
  journalId: Uint8Array;
  /** Names of the contents that files have. */
  contents: string[];
}

/**
 * Reads a copied database. SQLite's log, if it was copied too, is written into it.
 *
 * @throws {Error} It can't be read, or is of another version.
 */
export function readDatabase(directory: string): CopiedDatabase {
  const path = `${directory}/${DATABASE_FILE}`, db = new DatabaseSync(path);
  try {
    if (!isOfThisVersion(db)) {
      throw new Error("its schema is of another version: start the server of this version there once");
    }
    const row = new PositionRow(db);
    const contents = db.prepare("SELECT content FROM content").all().map(({ content }) => content as string);
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

/** Names of the contents that the state may have. */
export function contentsOf({ contents }: CopiedDatabase, records: readonly JournalRecord[]): Set<string> {
  const all = new Set(contents);
  for (const { requests } of records) {
    for (const request of requests) if (request.kind === "attach") all.add(request.content);
  }
  return all;
}
