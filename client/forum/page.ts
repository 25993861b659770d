import {
  encodeForumRequest,
  type ForumAnswer,
  type ForumRow,
  type ForumUnorderedRequest,
} from "../../protocol/forum.ts";
import { utf8Length } from "../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import type { Query } from "../session/unordered_requests.ts";
import { WrongAnswerError } from "../session/errors.ts";

/**
 * Rows that are kept while one before them is missing, and those of a page: an answer has 128, and one that was asked
 * for again, because some were lost, has others behind them.
 */
const MAX_PENDING = 1024, MAX_ROWS = 8192;

/** Bytes of the pieces that are kept of one text: twice over, in case that it is cut in two ways. */
const MAX_KEPT = 2 * MAX_TEXT_BYTES;

/** What a page of a list came to: its rows, and the place behind them, or undefined where nothing is behind. */
export interface ForumPage {
  rows: ForumRow[];
  next: string | undefined;
}

type Line = ForumRow & { kind: "line" };

/** A message whose text has not come whole. */
interface Partial {
  /** Text by the byte at which it begins, of one version. */
  pieces: Map<number, string>;
  version: number;
  kept: number;
}

/**
 * Puts a page of `LST` or `RDT` together from lines that come in any order, each of which names the place that it stands
 * behind.
 *
 * Invariant: `#rows` are those from the place that was asked for up to `#place`, without a gap; their IDs ascend.
 */
export class PageQuery implements Query<ForumAnswer> {
  readonly promise: Promise<ForumPage>;
  readonly #page = Promise.withResolvers<ForumPage>();
  readonly #title: string | undefined;
  #place: string;
  readonly #rows: ForumRow[] = [];
  /** What has come, by the place that it stands behind. */
  readonly #behind = new Map<string, ForumRow>();
  readonly #ends = new Map<string, "next" | "end">();
  readonly #partial = new Map<number, Partial>();

  /**
   * @param title The thread; undefined for the list of threads.
   * @param place Where the page begins.
   */
  constructor(title: string | undefined, place: string) {
    this.promise = this.#page.promise;
    this.#title = title;
    this.#place = place;
  }

  line(t: number): string {
    const place = this.#place, title = this.#title;
    const question: ForumUnorderedRequest = title === undefined
      ? { kind: "LST", t, place }
      : { kind: "RDT", t, place, title };
    return encodeForumRequest(question);
  }

  take(answer: ForumAnswer): boolean {
    switch (answer.kind) {
      case "next":
      case "end":
        if (this.#ends.size < MAX_PENDING) this.#ends.set(answer.place, answer.kind);
        break;
      case "line":
      case "title":
      case "file":
        return this.#row(answer);
      case "rest":
        this.#piece(answer.id, answer.version, answer.offset, answer.text);
    }
    return this.#advance();
  }

  fail(error: Error) {
    this.#page.reject(error);
  }

  /** Takes a row. Returns whether nothing is missing any more. */
  #row(row: ForumRow): boolean {
    // the place of a message's number is not known before the first row
    const behind = row.place.startsWith("#") ? 0 : Number(row.place);
    if (row.id <= behind) return this.#wrong("a line that is not behind the one before it");
    // a late copy
    if (row.id <= this.#reached) return false;
    // what is dropped here is asked for again
    if (this.#behind.size >= MAX_PENDING) this.#behind.clear();
    if (row.kind === "line") this.#piece(row.id, row.version, 0, row.text);
    this.#behind.set(row.place, row);
    return this.#advance();
  }

  /** The server says what the specification does not allow: it would not come to an end. */
  #wrong(what: string): true {
    this.#page.reject(new WrongAnswerError(`Cannot read on: the server sends ${what}`));
    return true;
  }

  /** The ID of the last row. */
  get #reached(): number {
    return this.#place.startsWith("#") ? 0 : Number(this.#place);
  }

  #piece(id: number, version: number, offset: number, text: string) {
    if (id <= this.#reached) return;
    let partial = this.#partial.get(id);
    if (partial === undefined || partial.version < version) {
      if (this.#partial.size >= MAX_PENDING) this.#partial.clear();
      this.#partial.set(id, partial = { pieces: new Map(), version, kept: 0 });
    }
    // a piece of an earlier version came late
    if (partial.version !== version || partial.kept > MAX_KEPT) return;
    partial.kept += utf8Length(text) + 1;
    partial.pieces.set(offset, text);
  }

  /** Follows the rows from place to place. Returns whether the page is there. */
  #advance(): boolean {
    for (;;) {
      const row = this.#behind.get(this.#place), end = this.#ends.get(this.#place);
      const whole = row?.kind === "line" ? this.#whole(row) : row;
      if (whole !== undefined) {
        this.#rows.push(whole);
        if (this.#rows.length > MAX_ROWS) return this.#wrong("a page without an end");
        this.#behind.delete(this.#place);
        this.#partial.delete(whole.id);
        this.#place = `${whole.id}`;
      } else if (row === undefined && end !== undefined) {
        if (end === "next" && this.#rows.length === 0) return this.#wrong("a page with nothing in it");
        this.#page.resolve({ rows: this.#rows, next: end === "next" ? this.#place : undefined });
        return true;
      } else return false;
    }
  }

  /** The message with all of its text, if that is there. */
  #whole(line: Line): Line | undefined {
    const { pieces, version } = this.#partial.get(line.id) ?? {};
    if (pieces === undefined) return undefined;
    // it was edited between two answers, of which this is the earlier
    if (version !== line.version) return undefined;
    let text = "", at = 0;
    for (let piece; at < line.length && (piece = pieces.get(at)) !== undefined && piece !== "";) {
      text += piece;
      at += utf8Length(piece);
    }
    return at === line.length ? { ...line, text } : undefined;
  }
}
