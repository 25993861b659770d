import type { DatabaseSync } from "node:sqlite";

/** SQLite's default. */
export const PAGE_BYTES = 4096;

/** What a change, and what a commit, adds to the log, about: SQLite does not tell. */
const PAGES_A_CHANGE = 0.5, PAGES_A_COMMIT = 4;

/** A transaction that begins with the first change, and takes memory back with the database. */
export class Transaction {
  readonly #begin;
  readonly #commit;
  readonly #rollback;
  readonly #delay: number;
  #undo: (() => void)[] = [];
  #open = false;
  /** About how many pages were written to the log since {@linkcode checkpointed}. */
  #pages = 0;

  /** @param delay Milliseconds that every commit takes longer. */
  constructor(db: DatabaseSync, delay: number) {
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
    this.#delay = delay;
  }

  /** About how many pages the log has grown by. */
  get pages(): number {
    return this.#pages;
  }

  /** Whether something has changed since the last commit. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** The log begins again. */
  checkpointed() {
    this.#pages = 0;
  }

  /**
   * Comes before every change of the database.
   *
   * @param bytes Bytes of text that it stores.
   * @param changes How many there are.
   */
  begin(bytes = 0, changes = 1) {
    this.#pages += changes * PAGES_A_CHANGE + bytes / PAGE_BYTES;
    if (this.#open) return;
    this.#begin.run();
    this.#open = true;
  }

  /** What has to be done to take a change of memory back. */
  onRollback(undo: () => void) {
    this.#undo.push(undo);
  }

  commit() {
    if (this.#open) {
      if (this.#delay > 0) sleep(this.#delay);
      this.#commit.run();
      this.#open = false;
      this.#pages += PAGES_A_COMMIT;
    }
    if (this.#undo.length > 0) this.#undo = [];
  }

  /** Brings the database, and then memory, back to the last commit. */
  rollback() {
    if (this.#open) {
      this.#open = false;
      try {
        this.#rollback.run();
      } catch {
        // SQLite may have rolled back by itself (its "Transaction" page, "Response To Errors Within A Transaction")
      }
    }
    for (const undo of this.#undo.reverse()) undo();
    this.#undo = [];
  }
}

function sleep(ms: number) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
