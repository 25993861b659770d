import type { DatabaseSync } from "node:sqlite";
import { firstRow, prepareAll } from "../database/statements.ts";

/** Up to which record something goes, and what the next record builds on. */
export interface Position {
  /** Number of the record; 0 is before the first. */
  readonly number: number;
  /** What the next record has as its chain (store 2.1). */
  readonly chain: Uint8Array;
  /** The record's clocks. */
  readonly wallClock: number;
  readonly monotonicClock: number;
}

/** The one row of `position`: of which record the state in the database is, and to which journal that belongs. */
export class PositionRow {
  /** The ID of the journal that the database belongs to. */
  readonly journalId: Uint8Array;
  readonly #sql;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, {
      get: "SELECT number, chain, wall_clock AS wallClock, monotonic_clock AS monotonicClock FROM position",
      set: "UPDATE position SET number = ?, chain = ?, wall_clock = ?, monotonic_clock = ?",
    });
    const id = db.prepare("SELECT journal FROM position");
    this.journalId = firstRow<{ journal: Uint8Array }>(id)!.journal;
  }

  get(): Position {
    return { ...firstRow<Position>(this.#sql.get)! };
  }

  /** In the transaction that is open. */
  set({ number, chain, wallClock, monotonicClock }: Position) {
    this.#sql.set.run(number, chain, wallClock, monotonicClock);
  }
}
