import type { DatabaseSync } from "node:sqlite";
import { allRows, LIMIT, prepareAll } from "../../../database/statements.ts";

/** A row of `message` with one of its times. */
export interface TimedRow {
  seq: number;
  /** The number of its mailbox. */
  mailbox: number;
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
    const columns = `seq, message.mailbox AS mailbox, message.bytes, message.${column} AS time,
        due IS NOT NULL AS waits, name FROM message LEFT JOIN mailbox ON mailbox.id = message.mailbox`;
    // in two pieces: an index is searched by a time, or by a number behind a time, and not by both being after others
    this.#sql = prepareAll(db, {
      same: `SELECT ${columns} WHERE message.${column} = ? AND seq > ? ORDER BY seq ${LIMIT}`,
      later: `SELECT ${columns} WHERE message.${column} > ? AND message.${column} <= ?
        ORDER BY message.${column}, seq ${LIMIT}`,
    });
  }

  /** The time of the first, or an earlier one. */
  get next(): number | undefined {
    if (Number.isNaN(this.#next)) this.#next = this.#page(Number.MAX_SAFE_INTEGER, 1)[0]?.time;
    return this.#next;
  }

  /** Up to so many of those that are left and whose time has come. */
  #page(now: number, rows: number): TimedRow[] {
    const { time, seq } = this.#passed, page = allRows<TimedRow>(this.#sql.same, time, seq, rows);
    if (page.length === rows) return page;
    return [...page, ...allRows<TimedRow>(this.#sql.later, time, now, rows - page.length)];
  }

  /** Those whose time has come. */
  *due(now: number): Generator<TimedRow, undefined> {
    if ((this.next ?? Infinity) > now) return;
    this.#next = NaN;
    for (let isMore = true; isMore;) {
      const page = this.#page(now, PAGE_ROWS);
      for (const row of page) {
        yield row;
        // not if the caller goes no further: then this one is the first again
        this.#passed = row;
      }
      isMore = page.length === PAGE_ROWS;
    }
  }

  /**
   * Passes those at the front that stay, and looks no further than one page: so that nobody has to pass many at once.
   * Returns how many of this page do not stay; undefined if it is the last one.
   */
  passStaying(now: number, stays: (row: TimedRow) => boolean): number | undefined {
    if ((this.next ?? Infinity) > now) return undefined;
    const page = this.#page(now, PAGE_ROWS), first = page.findIndex((row) => !stays(row));
    const passed = first < 0 ? page.at(-1) : page[first - 1];
    if (passed !== undefined) {
      this.#passed = passed;
      this.#next = NaN;
    }
    return page.length < PAGE_ROWS ? undefined : page.filter((row) => !stays(row)).length;
  }

  /** A row has this time from now on. */
  add(time: number) {
    if (time <= this.#passed.time) this.#passed = { time, seq: 0 };
    if (this.#next === undefined || time < this.#next) this.#next = time;
  }
}
