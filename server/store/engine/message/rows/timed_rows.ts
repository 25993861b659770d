import type { DatabaseSync } from "node:sqlite";
import { allRows, firstRow, LIMIT, prepareAll } from "../../../database/statements.ts";

/** A row of `message` with one of its times. */
export interface TimedRow {
  seq: number;
  bytes: number;
  time: number;
  /** Whether it waits for its next attempt: 0 or 1. */
  waits: number;
  /** The name of its mailbox; null if that was cleared. */
  name: string | null;
}

/** Rows that are read at a time. */
const PAGE_ROWS = 256;

/**
 * The rows of `message` that have a time, in the order of that and of their numbers: each is passed once, so that those
 * that stay (they are leased, or their mailbox was cleared) are not read again and again.
 */
export class TimedRows {
  readonly #sql;
  /** No row up to this one is left. */
  #passed = { time: -1, seq: 0 };
  /** No row has an earlier time, of those that are left; undefined: there is none, NaN: not known. */
  #next: number | undefined = NaN;

  constructor(db: DatabaseSync, column: "due" | "expires") {
    const after = `(message.${column}, seq) > (?, ?)`;
    this.#sql = prepareAll(db, {
      page: `SELECT seq, message.bytes, message.${column} AS time, due IS NOT NULL AS waits, name
        FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
        WHERE ${after} AND message.${column} <= ? ORDER BY message.${column}, seq ${LIMIT}`,
      // with a condition of the index, which it is not used without
      next: `SELECT ${column} AS time FROM message
        WHERE ${after} AND ${column} IS NOT NULL ORDER BY ${column}, seq LIMIT 1`,
    });
  }

  /** The time of the first, or an earlier one. */
  get next(): number | undefined {
    if (Number.isNaN(this.#next)) {
      const { time, seq } = this.#passed;
      this.#next = firstRow<{ time: number }>(this.#sql.next, time, seq)?.time;
    }
    return this.#next;
  }

  /** Those whose time has come. */
  *due(now: number): Generator<TimedRow, undefined> {
    if ((this.next ?? Infinity) > now) return;
    this.#next = NaN;
    for (let isMore = true; isMore;) {
      const page = allRows<TimedRow>(this.#sql.page, this.#passed.time, this.#passed.seq, now, PAGE_ROWS);
      for (const row of page) {
        yield row;
        // not if the caller goes no further: then this one is the first again
        this.#passed = row;
      }
      isMore = page.length === PAGE_ROWS;
    }
  }

  /** A row has this time from now on. */
  add(time: number) {
    if (time <= this.#passed.time) this.#passed = { time, seq: 0 };
    if (this.#next === undefined || time < this.#next) this.#next = time;
  }
}
