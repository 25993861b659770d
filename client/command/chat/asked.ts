import {
  type Announced,
  ANNOUNCEMENT,
  MAX_MEMBER_NAMES,
  MAX_PAGE_MESSAGES,
} from "../../../protocol/channels/announced.ts";
import { CHANNELS_TEXTS } from "../../../protocol/channels.ts";

/** Entries of a page, whose every message may have a gap before it; what promises more is no page (channels.md 8.15). */
const MAX_PAGE_ENTRIES = 2 * MAX_PAGE_MESSAGES + 1;

/** Longest page, in UTF-16 code units: many times what a server sends. */
const MAX_PAGE_UNITS = 4 * 1024 * 1024;

/** Requests that may wait for their answers: a server that answers none is asked no more. */
const MAX_ASKED = 1000;

/** A message or a gap of a history. */
export type Entry =
  | { kind: "message"; number: number; time: number; name: string; text: string }
  | { kind: "gap"; count?: number };

/** A page of a history that has arrived whole. */
export interface Page {
  history: string;
  entries: Entry[];
  last: number;
}

/** What becomes of an answer. All of this is called in the order in which the answers come, one at a time. */
export interface Asked {
  /** A text. Returns whether it is an answer to this. */
  text?(text: string): boolean;
  page?(page: Page): Promise<void>;
  members?(count: number, names: readonly string[]): Promise<void>;
}

const NOT_ANNOUNCED = CHANNELS_TEXTS.unknownCommand(ANNOUNCEMENT);

/**
 * What was asked of a server of the channels, whose answers do not say what they answer. An announcement follows each
 * request: every server answers it, one way or the other, behind the answers to what was asked before (channels.md 8.1).
 */
export class AskedRequests {
  /** The oldest first: what comes is an answer to that one. */
  readonly #asked: (Asked & { end(): void })[] = [];
  /** The answer that is not whole yet. */
  #page: { page: Page; missing: number; units: number } | undefined;
  #members: { count: number; missing: number; names: string[] } | undefined;

  /** Whether so many requests wait for their answers that no further one is sent. */
  get isFull(): boolean {
    return this.#asked.length >= MAX_ASKED;
  }

  /** Notes a request that is being sent. Resolves when it has its answers; also if it gets none any more. */
  add(asked: Asked): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asked.push({ ...asked, end: resolve });
    return promise;
  }

  /** The connection has ended: nothing more is answered. */
  end() {
    for (const { end } of this.#asked.splice(0)) end();
    this.#page = this.#members = undefined;
  }

  /** Takes a text of the server; returns whether it was an answer. */
  text(text: string): boolean {
    if (text !== NOT_ANNOUNCED) return this.#asked[0]?.text?.(text) ?? false;
    this.#next();
    return true;
  }

  /** Takes what only an announced client is sent; returns whether it was an answer. A message may be one of a page. */
  async announced(event: Announced): Promise<boolean> {
    switch (event.kind) {
      case "announced":
        this.#next();
        return true;
      case "history":
        this.#page = event.entries > MAX_PAGE_ENTRIES ? undefined : {
          page: { history: event.history, entries: [], last: event.last },
          missing: event.entries,
          units: 0,
        };
        await this.#endPage();
        return true;
      case "message":
      case "gap":
        if (this.#page === undefined) return false;
        if (event.kind === "message") this.#page.units += event.text.length;
        if (this.#page.units <= MAX_PAGE_UNITS) this.#page.page.entries.push(event as Entry);
        this.#page.missing--;
        await this.#endPage();
        return true;
      case "members":
        this.#members = { count: event.count, missing: Math.min(event.count, MAX_MEMBER_NAMES), names: [] };
        await this.#endMembers();
        return true;
      case "member":
        if (this.#members === undefined) return false;
        this.#members.names.push(event.name);
        this.#members.missing--;
        await this.#endMembers();
        return true;
      default:
        return false;
    }
  }

  #next() {
    this.#page = this.#members = undefined;
    this.#asked.shift()?.end();
  }

  async #endPage() {
    if (this.#page === undefined || this.#page.missing > 0) return;
    const { page } = this.#page;
    this.#page = undefined;
    await this.#asked[0]?.page?.(page);
  }

  async #endMembers() {
    if (this.#members === undefined || this.#members.missing > 0) return;
    const { count, names } = this.#members;
    this.#members = undefined;
    await this.#asked[0]?.members?.(count, names);
  }
}
