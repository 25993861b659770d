/**
 * Who a session is to its server: its ID, the server's start ID, and the cookie that proves the client's address and
 * names the time at which the session began. session.md sections 4 and 8.
 *
 * @module
 */

import { type RequestHeader, STARTED_LONG_AGO, startTimeOf, unprovedCookie } from "../../protocol/session.ts";
import { toBase64url } from "../../protocol/syntax/binary_text.ts";

/** What a later session needs to go on as this one. */
export interface SessionState {
  /** The session's ID. */
  id: string;
  /** When it began, as the server has said; `""` until then, and under a seal. */
  startTime: string;
  /** The number that the next request gets. */
  next: number;
  /** The outcome of every number below is known. */
  low: number;
}

/** The same, as far as it is known: without `startTime`, a server that does not know the session has forgotten it. */
export type SessionResume = Pick<SessionState, "id" | "next"> & Partial<SessionState>;

/**
 * Time from the beginning of a session within which it sends its first number. Later the server may have to answer that
 * it has forgotten it, because it can't know that there was nothing to forget (session.md 8.11).
 */
const FIRST_NUMBER_MS = 1000;

/** Start IDs that are remembered. */
const MAX_START_IDS = 64;

/** Earlier start IDs of a server, so that a late datagram of one is not taken for a restart. */
export class EarlierStartIds {
  readonly #startIds = new Set<string>();

  add(startId: string) {
    if (startId !== "") this.#startIds.add(startId);
    if (this.#startIds.size > MAX_START_IDS) this.#startIds.delete(this.#startIds.values().next().value!);
  }

  has(startId: string): boolean {
    return this.#startIds.has(startId);
  }
}

export class SessionIdentity {
  readonly #random: (bytes: number) => Uint8Array;
  readonly #earlier = new EarlierStartIds();
  id: string;
  /** Of the server; `""` until it has answered. */
  startId = "";
  #cookie = "";
  /** The first digits of its cookies, and when they were received. */
  startTime = "";
  #startTimeAt = -Infinity;

  constructor(random: (bytes: number) => Uint8Array, resume: SessionResume | undefined) {
    this.#random = random;
    this.id = resume?.id ?? this.#newId();
    if (resume === undefined) return;
    this.startTime = resume.startTime || STARTED_LONG_AGO;
    this.#cookie = unprovedCookie(this.startTime);
  }

  /** The header of a datagram. */
  header(low: number): RequestHeader {
    return { session: this.id, startId: this.startId, cookie: this.#cookie, low };
  }

  /** Whether a datagram with this header is for this session, and not a late one from before a restart. */
  isAddressed(session: string, startId: string): boolean {
    return session === this.id && startId !== "" && !this.#earlier.has(startId);
  }

  /** Whether it is too late for the first number. */
  isTooOldToBegin(now: number): boolean {
    return this.startTime !== "" && now - this.#startTimeAt > FIRST_NUMBER_MS;
  }

  /** The session begins anew, with another ID. */
  renew() {
    this.id = this.#newId();
    this.startId = this.#cookie = this.startTime = "";
  }

  #newId(): string {
    return toBase64url(this.#random(16));
  }

  /** The server was restarted, or has answered for the first time. */
  setStartId(startId: string) {
    this.#earlier.add(this.startId);
    this.startId = startId;
    this.#cookie = "";
  }

  /**
   * Takes the cookie of a datagram; `""` for none. Two copies of the first datagram may each have begun a session on the
   * server: the beginning that comes first counts.
   *
   * @returns Whether the cookie has changed, and whether it is the first one.
   */
  setCookie(cookie: string, now: number): { isChanged: boolean; isFirst: boolean } {
    if (cookie === "") return { isChanged: false, isFirst: false };
    const isFirst = this.startTime === "";
    if (isFirst) {
      this.startTime = startTimeOf(cookie);
      this.#startTimeAt = now;
    }
    const own = this.startTime + cookie.slice(this.startTime.length), isChanged = own !== this.#cookie;
    this.#cookie = own;
    return { isChanged, isFirst };
  }
}
