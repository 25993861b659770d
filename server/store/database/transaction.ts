import type { DatabaseSync, SQLInputValue, StatementResultingChanges, StatementSync } from "node:sqlite";

/** SQLite's default. */
export const PAGE_BYTES = 4096;

/**
 * The one transaction that is open from the first change after a checkpoint to the next checkpoint (store 5.1). Nothing in
 * it is undone: what fails ends the process, and a start applies the records once more.
 */
export class Transaction {
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #isOpen = false;

  constructor(db: DatabaseSync) {
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
  }

  /** Must come before every change of the database. */
  begin() {
    if (this.#isOpen) return;
    this.#begin.run();
    this.#isOpen = true;
  }

  /** Runs a statement that changes the database. */
  run(statement: StatementSync, ...values: SQLInputValue[]): StatementResultingChanges {
    this.begin();
    return statement.run(...values);
  }

  commit() {
    if (!this.#isOpen) return;
    this.#commit.run();
    this.#isOpen = false;
  }
}
