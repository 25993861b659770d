import { WrongAnswerError } from "../errors.ts";

/** Most rows that are kept while one before them is missing. */
const MAX_PENDING_ROWS = 1024;

/** The rows of a page, and the place behind them; undefined if nothing is behind. */
export interface Page<R> {
  rows: R[];
  next: string | undefined;
}

/**
 * Assembles a page from rows that arrive in any order. Each names the place that it stands behind: an ID, or `#` and a
 * number whose ID is not known before the first row.
 *
 * Invariant: `#rows` are the rows from the requested place up to `place`, without a gap; their IDs ascend.
 */
export class PageAssembly<R extends { id: number }> {
  /** The place behind the rows that have arrived without a gap. */
  place: string;
  readonly #what: string;
  readonly #maxRows: number;
  readonly #rows: R[] = [];
  /** Rows, and the end of the answer, by the place that they stand behind. */
  readonly #behind = new Map<string, R>();
  readonly #ends = new Map<string, "next" | "last">();

  /**
   * @param place Where the page begins.
   * @param what A row, in errors.
   * @param maxRows Most rows of a page: many more than an answer has, because what was lost is asked for again.
   */
  constructor(place: string, what: string, maxRows: number) {
    this.place = place;
    this.#what = what;
    this.#maxRows = maxRows;
  }

  /** The ID of the last row. */
  get reached(): number {
    return idOf(this.place);
  }

  /** The answer ends at this place. */
  end(place: string, kind: "next" | "last") {
    if (this.#ends.size < MAX_PENDING_ROWS) this.#ends.set(place, kind);
  }

  /** Takes a row. Returns whether it is a new one. */
  add(place: string, row: R): boolean {
    if (row.id <= idOf(place)) throw wrong(`a ${this.#what} that is not behind the one before it`);
    if (row.id <= this.reached) return false;
    // dropped rows are requested again
    if (this.#behind.size >= MAX_PENDING_ROWS) this.#behind.clear();
    this.#behind.set(place, row);
    return true;
  }

  /**
   * Follows the rows from place to place. Returns the page if it is complete. An incomplete row does not
   * hold the page up, which then ends before it: the row was not there yet, or is not there any more.
   *
   * @param whole Gives a row with all that belongs to it, or undefined if that has not arrived.
   */
  advance(whole: (row: R) => R | undefined = (row) => row): Page<R> | undefined {
    for (let row; (row = this.#behind.get(this.place)) !== undefined;) {
      const complete = whole(row);
      if (complete === undefined) break;
      this.#rows.push(complete);
      if (this.#rows.length > this.#maxRows) throw wrong("a page without an end");
      this.#behind.delete(this.place);
      this.place = `${row.id}`;
    }
    const end = this.#ends.get(this.place);
    if (end === undefined) return undefined;
    if (end === "next" && this.#rows.length === 0) throw wrong("a page with nothing in it");
    return { rows: this.#rows, next: end === "next" ? this.place : undefined };
  }
}

function idOf(place: string): number {
  return place.startsWith("#") ? 0 : Number(place);
}

/** The server violates the specification, and might never end the list. */
function wrong(what: string): WrongAnswerError {
  return new WrongAnswerError(`Cannot read on: the server sends ${what}`);
}
