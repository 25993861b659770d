/**
 * The files of a real SQLite database, and what of them is on a disk that is only simulated.
 *
 * What the process sees is in files of a directory that nothing syncs. What is durable is kept beside it, as copies from
 * the moments at which SQLite syncs: the log before it is written back and when it begins anew, the database after. A
 * power cut leaves of what was written since then any of its sectors, so that every order in which a disk may write, and
 * every tear, can come up. This costs a copy of two small files for each checkpoint.
 *
 * @module
 */

import { DATABASE_FILE, LOG_FILE } from "../../../server/store/database/database.ts";
import type { Random } from "../random.ts";

/** What a disk writes whole or not at all. */
const SECTOR = 512;

/** Bytes of the log's head, which SQLite syncs by itself when the log begins anew. */
const LOG_HEAD_BYTES = 32;

type Bytes = Uint8Array<ArrayBuffer>;

/** What is in the two files. */
export interface DatabaseState {
  database: Bytes;
  log: Bytes;
}

function readAll(path: string): Bytes {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
}

function isSame(a: Bytes, b: Bytes, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Of what was written over `durable`, each sector with this probability. */
function torn(durable: Bytes, written: Bytes, random: Random, probability: number): Bytes {
  const result = new Uint8Array(random.chance(probability) ? written.length : durable.length);
  result.set(durable.subarray(0, result.length));
  for (let at = 0; at < result.length; at += SECTOR) {
    const end = Math.min(at + SECTOR, result.length);
    if (at < durable.length && isSame(durable, written, at, end)) continue;
    if (random.chance(probability)) result.set(written.subarray(at, end), at);
  }
  return result;
}

/** What a process that was stopped had written over `before`, from the first byte on. */
function partly(before: Bytes, after: Bytes, random: Random): Bytes {
  let cut = random.between(0, after.length);
  // it is one write
  if (cut < LOG_HEAD_BYTES) cut = 0;
  const rest = before.subarray(Math.min(cut, before.length));
  const result = new Uint8Array(cut + rest.length);
  result.set(after.subarray(0, cut));
  result.set(rest, cut);
  return result;
}

export class DatabaseFiles {
  readonly #directory: string;
  #durable: DatabaseState = { database: new Uint8Array(), log: new Uint8Array() };
  /** What was in the log when a sync failed: as far as it is not written again, no sync makes it durable. */
  #forgotten: Bytes = new Uint8Array();

  constructor(directory: string) {
    this.#directory = directory;
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  /** What the process sees. */
  read(): DatabaseState {
    return { database: readAll(this.#path(DATABASE_FILE)), log: readAll(this.#path(LOG_FILE)) };
  }

  readLog(): Bytes {
    return readAll(this.#path(LOG_FILE));
  }

  /**
   * Puts files there that nobody has open.
   *
   * @param isDurable Whether all of it is; otherwise what was durable stays as it was.
   */
  write({ database, log }: DatabaseState, isDurable: boolean) {
    for (const name of [LOG_FILE, `${DATABASE_FILE}-shm`]) {
      try {
        Deno.removeSync(this.#path(name));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    Deno.writeFileSync(this.#path(DATABASE_FILE), database);
    if (log.length > 0) Deno.writeFileSync(this.#path(LOG_FILE), log);
    if (!isDurable) return;
    this.#durable = { database, log };
    this.#forgotten = new Uint8Array();
  }

  /** All of it is synced. */
  sync() {
    this.syncDatabase();
    this.syncLog();
  }

  syncDatabase() {
    this.#durable = { ...this.#durable, database: readAll(this.#path(DATABASE_FILE)) };
  }

  syncLog() {
    const log = this.readLog(), forgotten = this.#forgotten, { log: before } = this.#durable;
    for (let at = 0; at < Math.min(forgotten.length, log.length); at += SECTOR) {
      const end = Math.min(at + SECTOR, log.length);
      if (!isSame(log, forgotten, at, end)) continue;
      log.fill(0, at, end);
      log.set(before.subarray(at, end), at);
    }
    this.#durable = { ...this.#durable, log };
  }

  /** A sync of the log has failed: the system takes for written what it has not written. */
  forgetLog() {
    this.#forgotten = this.readLog();
  }

  /** A process has written the log as it is once more: then it can be synced. */
  noteRenewed() {
    this.#forgotten = new Uint8Array();
  }

  /** What a transaction has written to the log: if that begins anew, its head is synced before the rest is written. */
  noteCommit() {
    const head = new Uint8Array(LOG_HEAD_BYTES), { log: before } = this.#durable;
    using file = Deno.openSync(this.#path(LOG_FILE));
    file.readSync(head);
    if (isSame(before, head, 0, LOG_HEAD_BYTES)) return;
    const durable = before.length >= LOG_HEAD_BYTES ? before.slice() : new Uint8Array(LOG_HEAD_BYTES);
    durable.set(head);
    this.#durable = { ...this.#durable, log: durable };
  }

  /**
   * What a start finds after the process was stopped.
   *
   * @param before What the log was before the transaction that was just being committed.
   */
  afterKill(random: Random, before?: Bytes): DatabaseState {
    const state = this.read();
    return before === undefined ? state : { ...state, log: partly(before, state.log, random) };
  }

  /** What a start finds after the power was cut. */
  afterPowerCut(random: Random, probability = [0, 0.1, 0.5, 0.9, 1][random.between(0, 4)]!): DatabaseState {
    const { database, log } = this.read(), durable = this.#durable;
    return {
      database: torn(durable.database, database, random, probability),
      log: torn(durable.log, log, random, probability),
    };
  }
}
