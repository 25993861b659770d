import type { DatabaseSync } from "node:sqlite";
import { firstRow, prepareAll } from "./statements.ts";
import type { Transaction } from "./transaction.ts";

/** Free pages that stay in the file: puts need them soon again. */
const KEPT_PAGES = 1024;

/** The file is made smaller if more than this part of it is free. */
const FREE_PART = 1 / 4;

/** Pages that are given back at a time: some milliseconds' work. */
const PIECE_PAGES = 128;

/**
 * The pages of the database that are free, and how they are given back to the disk: piece by piece, so that no commit
 * waits long. In between it stops only for work of clients; once it has begun it goes on until little is free.
 */
export class FreePages {
  readonly #transaction: Transaction;
  readonly #sql;
  readonly #canShrink: boolean;
  #isShrinking = false;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      free: "PRAGMA freelist_count",
      all: "PRAGMA page_count",
      shrink: `PRAGMA incremental_vacuum(${PIECE_PAGES})`,
    });
    // a database that an older version made has no map of its pages; VACUUM, which adds one, is not allowed in Deno
    this.#canShrink = firstRow<{ auto_vacuum: number }>(db.prepare("PRAGMA auto_vacuum"))!.auto_vacuum !== 0;
  }

  /** How many are free. */
  get count(): number {
    return firstRow<{ freelist_count: number }>(this.#sql.free)!.freelist_count;
  }

  /** How many there are, with these. */
  get all(): number {
    return firstRow<{ page_count: number }>(this.#sql.all)!.page_count;
  }

  /** Whether {@linkcode shrink} has something to do. */
  get isTooMany(): boolean {
    if (!this.#canShrink) return false;
    const free = this.count;
    if (free <= KEPT_PAGES) this.#isShrinking = false;
    else if (free > 2 * KEPT_PAGES) {
      if (free > this.all * FREE_PART) this.#isShrinking = true;
    }
    return this.#isShrinking;
  }

  /** Gives some of them back, in the transaction. */
  shrink() {
    this.#transaction.begin();
    // a row for each step: all of them have to be read
    this.#sql.shrink.all();
  }
}
