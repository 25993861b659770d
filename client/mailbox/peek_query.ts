import {
  encodeMailboxRequest,
  type MailboxAnswer,
  type SeenMessage,
} from "../../protocol/mailbox_requests.ts";
import { WrongAnswerError } from "../session/errors.ts";
import type { Query } from "../session/unordered_requests.ts";
import { denied } from "./lease_request.ts";

/** Most messages that are kept while one before them is missing, and of a page: an answer has 64. */
const MAX_PENDING = 256, MAX_MESSAGES = 1024;

/** The messages of a page, and the ID that the next one begins behind; undefined if there is none. */
export interface SeenPage {
  messages: SeenMessage[];
  next: number | undefined;
}

/**
 * Assembles a page of a mailbox from lines that arrive in any order (session.md 2.11). What is lost is asked for again.
 *
 * Invariant: `#messages` are those from `after` to `#reached`, without a gap; their IDs ascend.
 */
export class PeekQuery implements Query<MailboxAnswer> {
  readonly promise: Promise<SeenPage>;
  readonly #page = Promise.withResolvers<SeenPage>();
  readonly #mailbox: string;
  #reached: number;
  readonly #messages: SeenMessage[] = [];
  /** Messages, and the end of the page, by the ID that they stand behind. */
  readonly #behind = new Map<number, SeenMessage>();
  #end: { id: number; kind: "more" | "last" } | undefined;

  constructor(mailbox: string, after: number) {
    this.promise = this.#page.promise;
    this.#mailbox = mailbox;
    this.#reached = after;
  }

  line(t: number): string {
    return encodeMailboxRequest({ kind: "peek", t, mailbox: this.#mailbox, after: this.#reached });
  }

  take(answer: MailboxAnswer): boolean {
    switch (answer.kind) {
      case "denied":
        this.#page.reject(denied(this.#mailbox));
        return true;
      case "more":
      case "last":
        this.#end = { id: answer.id, kind: answer.kind };
        return this.#advance();
      case "seen":
        return this.#seen(answer.behind, answer.message);
      default:
        return false;
    }
  }

  fail(error: Error) {
    this.#page.reject(error);
  }

  #seen(behind: number, message: SeenMessage): boolean {
    if (message.id <= behind) return this.#wrong("a message that is not behind the one before it");
    // a repeated one
    if (message.id <= this.#reached) return false;
    // dropped ones are requested again
    if (this.#behind.size >= MAX_PENDING) this.#behind.clear();
    this.#behind.set(behind, message);
    return this.#advance();
  }

  /** Fails: the server violates the specification, and might never end. */
  #wrong(what: string): true {
    this.#page.reject(new WrongAnswerError(`Cannot read on: the server sends ${what}`));
    return true;
  }

  /** Follows the messages from one to the next. Returns whether the page is complete. */
  #advance(): boolean {
    for (let next; (next = this.#behind.get(this.#reached)) !== undefined;) {
      this.#behind.delete(this.#reached);
      this.#messages.push(next);
      if (this.#messages.length > MAX_MESSAGES) return this.#wrong("a page without an end");
      this.#reached = next.id;
    }
    if (this.#end?.id !== this.#reached) return false;
    const isMore = this.#end.kind === "more";
    if (isMore && this.#messages.length === 0) return this.#wrong("a page with nothing in it");
    this.#page.resolve({ messages: this.#messages, next: isMore ? this.#reached : undefined });
    return true;
  }
}
