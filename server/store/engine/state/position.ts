import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checksumOf, singleRow } from "../../database/checksum.ts";

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
  /** As it was when the database was opened. */
  readonly position: Position;
  readonly #set: StatementSync;

  /** @throws {DamagedRow} It is damaged. */
  constructor(db: DatabaseSync) {
    const row = singleRow(db, "position")!;
    this.journalId = row.journal as Uint8Array;
    this.position = {
      number: row.number as number,
      chain: row.chain as Uint8Array,
      wallClock: row.wall_clock as number,
      monotonicClock: row.monotonic_clock as number,
    };
    this.#set = db.prepare(
      "UPDATE position SET number = ?, chain = ?, wall_clock = ?, monotonic_clock = ?, checksum = ?",
    );
  }

  /** In the transaction that is open. */
  set({ number, chain, wallClock, monotonicClock }: Position) {
    const values = [number, chain, wallClock, monotonicClock] as const;
    this.#set.run(...values, checksumOf(...values, this.journalId));
  }
}
