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
 * Assembles a page of a mailbox from lines that arrive in any order (session.md 2.12). What is lost is asked for again.
 *
 * Invariant: `#messages` are those from `after` to `#reached`, without a gap; their IDs ascend.
 */
export class PeekQuery implements Query<MailboxAnswer, SeenPage> {
  readonly #mailbox: string;
  #reached: number;
  readonly #messages: SeenMessage[] = [];
  /** Messages, and the end of the page, by the ID that they stand behind. */
  readonly #behind = new Map<number, SeenMessage>();
  #end: { id: number; kind: "more" | "last" } | undefined;

  constructor(mailbox: string, after: number) {
    this.#mailbox = mailbox;
    this.#reached = after;
  }

  line(t: number): string {
    return encodeMailboxRequest({ kind: "peek", t, mailbox: this.#mailbox, after: this.#reached });
  }

  take(answer: MailboxAnswer): SeenPage | undefined {
    switch (answer.kind) {
      case "denied":
        throw denied(this.#mailbox);
      case "more":
      case "last":
        this.#end = { id: answer.id, kind: answer.kind };
        return this.#advance();
      case "seen":
        return this.#seen(answer);
      default:
        return undefined;
    }
  }

  #seen({ kind: _, t: __, behind, ...message }: MailboxAnswer & { kind: "seen" }): SeenPage | undefined {
    if (message.id <= behind) throw wrong("a message that is not behind the one before it");
    // a repeated one
    if (message.id <= this.#reached) return undefined;
    // dropped ones are requested again
    if (this.#behind.size >= MAX_PENDING) this.#behind.clear();
    this.#behind.set(behind, message);
    return this.#advance();
  }

  /** Follows the messages from one to the next. Returns the page if it is complete. */
  #advance(): SeenPage | undefined {
    for (let next; (next = this.#behind.get(this.#reached)) !== undefined;) {
      this.#behind.delete(this.#reached);
      this.#messages.push(next);
      if (this.#messages.length > MAX_MESSAGES) throw wrong("a page without an end");
      this.#reached = next.id;
    }
    if (this.#end?.id !== this.#reached) return undefined;
    const isMore = this.#end.kind === "more";
    if (isMore && this.#messages.length === 0) throw wrong("a page with nothing in it");
    return { messages: this.#messages, next: isMore ? this.#reached : undefined };
  }
}

/** The server violates the specification, and might never end. */
function wrong(what: string): WrongAnswerError {
  return new WrongAnswerError(`Cannot read on: the server sends ${what}`);
}
