/**
 * A database that is read and not changed.
 *
 * SQLite needs an index of its log beside the database, and makes an empty log where there is none: both are put back as
 * they were. A program that ends in between leaves an index, which SQLite makes anew whenever it opens the database.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE, errcode, LOG_SUFFIX } from "./database.ts";

/** What the name of the index of the log has behind that of the database. */
const INDEX_SUFFIX = "-shm";

/** SQLITE_READONLY, SQLITE_CANTOPEN: nothing can be put beside it. */
const NOTHING_BESIDE = new Set([8, 14]);

/** A database that nobody writes to meanwhile, with what is in its log. */
export class ReadOnlyDatabase implements Disposable {
  readonly db: DatabaseSync;
  readonly #stack: DisposableStack;

  /** @throws {Error} With SQLite's `errcode`: it cannot be opened. */
  constructor(path: string) {
    using stack = new DisposableStack();
    try {
      this.db = open(path, stack);
    } catch (error) {
      if (!NOTHING_BESIDE.has((errcode(error) ?? 0) & 0xff)) throw error;
      this.db = open(copy(path, stack), stack);
    }
    this.#stack = stack.move();
  }

  [Symbol.dispose]() {
    this.#stack.dispose();
  }
}

function open(path: string, stack: DisposableStack): DatabaseSync {
  using opening = new DisposableStack();
  opening.defer(timesOf(path.slice(0, -DATABASE_FILE.length)));
  for (const suffix of [LOG_SUFFIX, INDEX_SUFFIX]) opening.defer(restorer(`${path}${suffix}`, suffix));
  const db = new DatabaseSync(path, { readOnly: true });
  opening.defer(() => db.close());
  db.prepare("SELECT count(*) FROM sqlite_schema").get();
  stack.use(opening.move());
  return db;
}

/** Puts a file back as it is now: SQLite never changes a log that it only reads. */
function restorer(path: string, suffix: string): () => void {
  let bytes: Uint8Array, info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
    if (suffix === LOG_SUFFIX) return () => {};
    bytes = Deno.readFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return () => removeIfThere(path);
  }
  return () => {
    // where nothing can be written it is as it was
    if (!isSame(Deno.readFileSync(path), bytes)) Deno.writeFileSync(path, bytes);
    setTimes(path, info);
  };
}

/** Gives a directory its times back. */
function timesOf(directory: string): () => void {
  const info = Deno.statSync(directory);
  return () => setTimes(directory, info);
}

function setTimes(path: string, { atime, mtime }: Deno.FileInfo) {
  if (atime === null || Deno.statSync(path).mtime?.getTime() === mtime?.getTime()) return;
  try {
    Deno.utimeSync(path, atime, mtime!);
  } catch (error) {
    // Deno lets nobody do this in /dev
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function removeIfThere(path: string) {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Copies a database with its log into a directory of its own, and returns its path there. */
function copy(path: string, stack: DisposableStack): string {
  const directory = Deno.makeTempDirSync({ prefix: "wirepost-check-" });
  stack.defer(() => Deno.removeSync(directory, { recursive: true }));
  for (const suffix of ["", LOG_SUFFIX]) {
    try {
      Deno.copyFileSync(`${path}${suffix}`, `${directory}/${DATABASE_FILE}${suffix}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return `${directory}/${DATABASE_FILE}`;
}
