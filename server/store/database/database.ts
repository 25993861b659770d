/**
 * How the database is opened, and what its errors mean.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { DamagedRow } from "./checksum.ts";
import { MIGRATIONS } from "./migrations.ts";
import { DatabaseUnusable, FileFailed, reasonOf } from "../errors.ts";
import { PAGE_BYTES } from "./transaction.ts";

/** The database's file in its directory. */
export const DATABASE_FILE = "messages.db";

/** What the name of SQLite's log has behind that of its database. */
export const LOG_SUFFIX = "-wal";

/** SQLite's log: what is not in the database yet. SQLite would remove it beside an empty database. */
export const LOG_FILE = `${DATABASE_FILE}${LOG_SUFFIX}`;

/** What the log keeps of its file when it begins anew: twice what it usually holds. */
const LOG_BYTES = 8 * 1024 * 1024;

/** The mode of the file. */
const DATABASE_MODE = 0o600;

/** "Prly" in ASCII, after the program's first name: shows `file` and other programs whose database this is. */
const APPLICATION_ID = 0x50726c79;

// SQLite, "Result and Error Codes"; the low byte of an extended code is the code that it extends
const SQLITE_BUSY = 5;

/** The file is damaged, or no database: SQLITE_CORRUPT, SQLITE_NOTADB. */
const UNREADABLE = new Set([11, 26]);

/** There is no room: SQLITE_FULL. */
const FULL = 13;

/**
 * Errors that SQLite also gives for want of space: SQLITE_IOERR_WRITE when a quota is used up, SQLITE_IOERR_SHMSIZE when
 * its shared memory cannot grow.
 */
const MAYBE_FULL = new Set([778, 4874]);

/** `takeBytesMax` of a store whose takes give messages of any length. */
export const ANY_LENGTH = Number.MAX_SAFE_INTEGER;

/** The path of a data directory's database; in memory without one. The file is made if there is none. */
export function databasePath(directory: string | undefined): string {
  if (directory === undefined) return ":memory:";
  const path = `${directory}/${DATABASE_FILE}`;
  // for its user alone; SQLite gives its log the same mode
  try {
    Deno.openSync(path, { append: true, create: true, mode: DATABASE_MODE }).close();
  } catch (error) {
    throw new FileFailed(`open ${path}`, error);
  }
  return path;
}

/**
 * Sets the database up for this process, and brings its schema up to date. What keeps other processes out is the lock of
 * the data directory (store 1.1).
 *
 * @param beforeChange Is called before anything of it is changed, and may throw.
 * @throws {Error} A program of the version before has it open (see {@linkcode isBusy}), or it was made by another program or a newer version: see
 * {@linkcode openError}.
 */
export function openDatabase(db: DatabaseSync, beforeChange: () => void = () => {}) {
  // prepared, because an error of exec() has no result code
  const all = (sql: string) => db.prepare(sql).all() as Record<string, number>[];
  const pragma = (name: string) => all(`PRAGMA ${name}`)[0]![name]!;
  for (const setting of ["busy_timeout = 500", `page_size = ${PAGE_BYTES}`]) all(`PRAGMA ${setting}`);
  const id = pragma("application_id"), version = pragma("user_version");
  const isNew = id === 0 && version === 0 && all("SELECT name FROM sqlite_schema").length === 0;
  if (!isApplication(id) && !isNew) {
    throw new Error("another program made it");
  }
  if (version > MIGRATIONS.length) {
    throw new Error(
      `its schema is version ${version}, this program knows up to ${MIGRATIONS.length}: use a newer program`,
    );
  }
  beforeChange();
  // before anything is written: then pages that are free can be given back later, a piece at a time (see `free_pages.ts`)
  if (isNew) all("PRAGMA auto_vacuum = INCREMENTAL");
  const settings = [
    "journal_mode = WAL",
    // a checkpoint's commit needs no sync: the journal has all of it, until SQLite's log is written back
    "synchronous = NORMAL",
    "cache_spill = OFF",
    // a directory for temporary files may be on another disk, and that may be full
    "temp_store = MEMORY",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "wal_autocheckpoint = 0",
    // a log that grew by much is cut after it was written back
    `journal_size_limit = ${LOG_BYTES}`,
    "cache_size = -49152",
  ];
  for (const setting of settings) all(`PRAGMA ${setting}`);
  // writes nothing if nothing changes, so that it works on a full disk
  all("BEGIN IMMEDIATE");
  if (version < MIGRATIONS.length) {
    for (const step of MIGRATIONS.slice(version)) db.exec(step);
    all(`PRAGMA application_id = ${APPLICATION_ID}`);
    all(`PRAGMA user_version = ${MIGRATIONS.length}`);
  }
  all("COMMIT");
}

/** Whether this version of the program, or a start of it, made the database. */
export function isOfThisVersion(db: DatabaseSync): boolean {
  const value = (name: string) => db.prepare(`PRAGMA ${name}`).get()![name];
  return value("application_id") === APPLICATION_ID && value("user_version") === MIGRATIONS.length;
}

/** Whether `long` of every message is set for this limit. */
export function isMarkedFor(db: DatabaseSync, takeBytesMax: number): boolean {
  return db.prepare("SELECT bytes FROM taken").get()!.bytes === takeBytesMax;
}

/**
 * Sets `long` of every message: the index `message_order` has the long and the other messages of a mailbox apart, so that
 * neither is looked for among the others.
 */
export function markLongMessages(db: DatabaseSync, takeBytesMax: number) {
  // both lengths are read from the head of a row: a long one costs no more than a short one
  const isLong = "octet_length(sender) + octet_length(text) > ?1";
  db.prepare(`UPDATE message SET long = ${isLong} WHERE long <> (${isLong})`).run(takeBytesMax);
  db.prepare("UPDATE taken SET bytes = ?").run(takeBytesMax);
}

/** Whether a database with this `application_id` is one of this program. */
export function isApplication(id: number): boolean {
  return id === APPLICATION_ID;
}

/** Whether another process has the database open. */
export function isBusy(error: unknown): boolean {
  return ((errcode(error) ?? 0) & 0xff) === SQLITE_BUSY;
}

/** The error of a database at `path` that cannot be opened, with what can be done. */
export function openError(path: string, error: unknown): DatabaseUnusable {
  const isUnreadable = error instanceof DamagedRow || UNREADABLE.has((errcode(error) ?? 0) & 0xff);
  const todo = isUnreadable ? "; put a copy back, or move it away and start with --new" : "";
  return new DatabaseUnusable(`Cannot open ${path}: ${reasonOf(error)}${todo}`);
}

/** Whether SQLite gave this error. */
export function isDatabaseError(error: unknown): boolean {
  return errcode(error) !== undefined;
}

/** SQLite's extended code of an error; undefined if it is another error. */
export function errcode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code : undefined;
}

/** Whether an error of SQLite means that there is no room (store 6.6): `maybe` has to be found out. */
export function isDatabaseFull(error: unknown): boolean | "maybe" {
  const code = errcode(error) ?? 0;
  return MAYBE_FULL.has(code) ? "maybe" : (code & 0xff) === FULL;
}
