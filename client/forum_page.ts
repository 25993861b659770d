import { encodeForumRequest, type ForumQuestion, type ForumRow } from "../protocol/forum.ts";
import { utf8Length } from "../protocol/mailbox.ts";
import type { SessionAnswer } from "../protocol/session.ts";
import type { Inquiry } from "./questions.ts";
import { RefusedError } from "./session_errors.ts";

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
}

/**
 * Puts a page of `LST` or `RDT` together from lines that come in any order, each of which names the place that it stands
 * behind.
 *
 * Invariant: `#rows` are those from the place that was asked for up to `#place`, without a gap.
 */
export class PageInquiry implements Inquiry {
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
    const question: ForumQuestion = title === undefined
      ? { kind: "LST", t, place }
      : { kind: "RDT", t, place, title };
    return encodeForumRequest(question);
  }

  take(answer: SessionAnswer): boolean {
    switch (answer.kind) {
      case "no":
        this.#page.reject(new RefusedError(answer.reason));
        return true;
      case "next":
      case "end":
        this.#ends.set(answer.place, answer.kind);
        break;
      case "line":
        this.#piece(answer.id, answer.version, 0, answer.text);
        this.#behind.set(answer.place, answer);
        break;
      case "title":
      case "file":
        this.#behind.set(answer.place, answer);
        break;
      case "rest":
        this.#piece(answer.id, answer.version, answer.offset, answer.text);
    }
    return this.#advance();
  }

  fail(error: Error) {
    this.#page.reject(error);
  }

  #piece(id: number, version: number, offset: number, text: string) {
    let partial = this.#partial.get(id);
    if (partial === undefined || partial.version < version) {
      this.#partial.set(id, partial = { pieces: new Map(), version });
    }
    // a piece of an earlier version came late
    if (partial.version === version) partial.pieces.set(offset, text);
  }

  /** Follows the rows from place to place. Returns whether the page is there. */
  #advance(): boolean {
    for (;;) {
      const row = this.#behind.get(this.#place), end = this.#ends.get(this.#place);
      const whole = row?.kind === "line" ? this.#whole(row) : row;
      if (whole !== undefined) {
        this.#rows.push(whole);
        this.#place = `${whole.id}`;
      } else if (row === undefined && end !== undefined) {
        this.#page.resolve({ rows: this.#rows, next: end === "next" ? this.#place : undefined });
        return true;
      } else return false;
    }
  }

  /** The message with all of its text, if that is there. */
  #whole(line: Line): Line | undefined {
    const { pieces, version } = this.#partial.get(line.id)!;
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
