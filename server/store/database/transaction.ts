import type { DatabaseSync, SQLInputValue, StatementResultingChanges, StatementSync } from "node:sqlite";

/** SQLite's default. */
export const PAGE_BYTES = 4096;

/** Pages that a change, and a commit, adds to the log, about: SQLite does not report it. */
const PAGES_PER_CHANGE = 0.5, PAGES_PER_COMMIT = 4;

/**
 * A transaction that begins with the first change, and that can undo changes of memory too: after `rollback`, memory
 * and the database are as they were at the last commit.
 */
export class Transaction {
  readonly #begin;
  readonly #commit;
  readonly #rollback;
  #undo: (() => void)[] = [];
  /** Whether the database has changed since the last commit. */
  isOpen = false;
  /** Whether something was stored since the last commit. */
  hasStored = false;
  /** Which transaction this is: grows with every commit and rollback. */
  number = 0;
  /** About how many pages were written to the log since it was last written back. */
  pages = 0;

  constructor(db: DatabaseSync) {
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
    this.#rollback = db.prepare("ROLLBACK");
  }

  /**
   * Must come before every change of the database.
   *
   * @param bytes Bytes of text that it stores; undefined: it stores nothing.
   * @param changes How many changes follow.
   */
  begin(bytes?: number, changes = 1) {
    this.pages += changes * PAGES_PER_CHANGE + (bytes ?? 0) / PAGE_BYTES;
    if (bytes !== undefined) this.hasStored = true;
    if (this.isOpen) return;
    this.#begin.run();
    this.isOpen = true;
  }

  /** Runs a statement that changes the database. */
  run(statement: StatementSync, ...values: SQLInputValue[]): StatementResultingChanges {
    this.begin();
    return statement.run(...values);
  }

  /** Registers what undoes a change of memory. */
  onRollback(undo: () => void) {
    this.#undo.push(undo);
  }

  /** Makes a change of numbers in memory: `change` is called with 1 now, and with -1 if it has to be undone. */
  count(change: (sign: 1 | -1) => void) {
    change(1);
    this.#undo.push(() => change(-1));
  }

  /** A record was applied: nothing of it is undone any more. */
  endRecord() {
    this.#next();
  }

  /** Returns whether something was stored. */
  commit(): boolean {
    const { hasStored } = this;
    if (this.isOpen) {
      this.#commit.run();
      this.isOpen = false;
      this.pages += PAGES_PER_COMMIT;
    }
    this.#next();
    return hasStored;
  }

  rollback() {
    if (this.isOpen) {
      this.isOpen = false;
      try {
        this.#rollback.run();
      } catch {
        // SQLite may have rolled back by itself (its "Transaction" page, "Response To Errors Within A Transaction")
      }
    }
    for (const undo of this.#undo.reverse()) undo();
    this.#next();
  }

  #next() {
    this.number++;
    this.hasStored = false;
    if (this.#undo.length > 0) this.#undo = [];
  }
}
