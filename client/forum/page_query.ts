import {
  encodeForumRequest,
  type ForumAnswer,
  type ForumRow,
  type ForumUnorderedRequest,
} from "../../protocol/forum.ts";
import type { Query } from "../session/unordered_requests.ts";
import { TextPieces } from "../session/text_pieces.ts";
import { WrongAnswerError } from "../session/errors.ts";

/**
 * Most rows that are kept while one before them is missing, and of a page. An answer has 128 rows; a repeated request, for
 * rows that were lost, brings more.
 */
const MAX_PENDING = 1024, MAX_ROWS = 8192;

/** The rows of a page, and the place behind them; undefined if nothing is behind. */
export interface ForumPage {
  rows: ForumRow[];
  next: string | undefined;
}

type Line = ForumRow & { kind: "line" };

/**
 * Assembles a page of `LST` or `RDT` from lines that arrive in any order. Each names the place that it stands behind.
 *
 * Invariant: `#rows` are the rows from the requested place up to `#place`, without a gap; their IDs ascend.
 */
export class PageQuery implements Query<ForumAnswer, ForumPage> {
  readonly #title: string | undefined;
  #place: string;
  readonly #rows: ForumRow[] = [];
  /** Rows, and the end of the answer, by the place that they stand behind. */
  readonly #behind = new Map<string, ForumRow>();
  readonly #ends = new Map<string, "next" | "end">();
  /** Texts that have arrived in part, by the IDs of their messages. */
  readonly #texts = new Map<number, { version: number; pieces: TextPieces }>();

  /**
   * @param title The thread; undefined for the list of threads.
   * @param place Where the page begins.
   */
  constructor(title: string | undefined, place: string) {
    this.#title = title;
    this.#place = place;
  }

  line(t: number): string {
    const place = this.#place, title = this.#title;
    const request: ForumUnorderedRequest = title === undefined
      ? { kind: "LST", t, place }
      : { kind: "RDT", t, place, title };
    return encodeForumRequest(request);
  }

  take(answer: ForumAnswer): ForumPage | undefined {
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

  #row(row: ForumRow): ForumPage | undefined {
    // which ID a message's number stands for is not known before the first row
    const behind = row.place.startsWith("#") ? 0 : Number(row.place);
    if (row.id <= behind) throw wrong("a line that is not behind the one before it");
    // a repeated row
    if (row.id <= this.#reached) return undefined;
    // dropped rows are requested again
    if (this.#behind.size >= MAX_PENDING) this.#behind.clear();
    if (row.kind === "line") this.#piece(row.id, row.version, 0, row.text);
    this.#behind.set(row.place, row);
    return this.#advance();
  }

  /** The ID of the last row. */
  get #reached(): number {
    return this.#place.startsWith("#") ? 0 : Number(this.#place);
  }

  #piece(id: number, version: number, offset: number, text: string) {
    if (id <= this.#reached) return;
    let partial = this.#texts.get(id);
    if (partial === undefined || partial.version < version) {
      if (this.#texts.size >= MAX_PENDING) this.#texts.clear();
      this.#texts.set(id, partial = { version, pieces: new TextPieces() });
    }
    // a piece of an earlier version
    if (partial.version === version) partial.pieces.add(offset, text);
  }

  /** Follows the rows from place to place. Returns the page if it is complete. */
  #advance(): ForumPage | undefined {
    for (;;) {
      const row = this.#behind.get(this.#place), end = this.#ends.get(this.#place);
      const whole = row?.kind === "line" ? this.#whole(row) : row;
      if (whole !== undefined) {
        this.#rows.push(whole);
        if (this.#rows.length > MAX_ROWS) throw wrong("a page without an end");
        this.#behind.delete(this.#place);
        this.#texts.delete(whole.id);
        this.#place = `${whole.id}`;
      } else if (row === undefined && end !== undefined) {
        if (end === "next" && this.#rows.length === 0) throw wrong("a page with nothing in it");
        return { rows: this.#rows, next: end === "next" ? this.#place : undefined };
      } else return undefined;
    }
  }

  /** The message with its whole text, if that has arrived. */
  #whole(line: Line): Line | undefined {
    const { pieces, version } = this.#texts.get(line.id) ?? {};
    // another version: the message was edited after this line was sent
    const text = version === line.version ? pieces?.join(line.length) : undefined;
    return text === undefined ? undefined : { ...line, text };
  }
}

/** The server violates the specification, and might never end the list. */
function wrong(what: string): WrongAnswerError {
  return new WrongAnswerError(`Cannot read on: the server sends ${what}`);
}
