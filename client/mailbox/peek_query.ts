import {
  encodeMailboxRequest,
  type MailboxAnswer,
  type SeenMessage,
} from "../../protocol/session/mailbox_requests.ts";
import { PageAssembly } from "../session/requests/page_assembly.ts";
import type { Query } from "../session/requests/unordered_requests.ts";
import { denied } from "./lease/lease_request.ts";

/** Most messages of a page: an answer has 64. */
const MAX_MESSAGES = 1024;

/** The messages of a page, and the ID that the next one begins behind; undefined if there is none. */
export interface SeenPage {
  messages: SeenMessage[];
  next: number | undefined;
}

/** Asks for a page of a mailbox, and assembles it (session.md 2.12). What is lost is asked for again. */
export class PeekQuery implements Query<MailboxAnswer, SeenPage> {
  readonly #mailbox: string;
  readonly #page: PageAssembly<SeenMessage>;

  constructor(mailbox: string, after: number) {
    this.#mailbox = mailbox;
    this.#page = new PageAssembly(`${after}`, "message", MAX_MESSAGES);
  }

  line(t: number): string {
    return encodeMailboxRequest({ kind: "peek", t, mailbox: this.#mailbox, after: this.#page.reached });
  }

  take(answer: MailboxAnswer): SeenPage | undefined {
    switch (answer.kind) {
      case "denied":
        throw denied(this.#mailbox);
      case "more":
        this.#page.end(`${answer.id}`, "next");
        break;
      case "last":
        this.#page.end(`${answer.id}`, "last");
        break;
      case "seen": {
        const { kind: _, t: __, behind, ...message } = answer;
        this.#page.add(`${behind}`, message);
      }
    }
    const page = this.#page.advance();
    return page && { messages: page.rows, next: page.next === undefined ? undefined : Number(page.next) };
  }
}
