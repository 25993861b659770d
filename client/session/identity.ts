/**
 * Who a session is to its server: its ID, the startId of the server, and the cookie that proves the client's address and
 * names the time at which the session began. `protocol/README.md`, "Address" and "Forgetting".
 *
 * @module
 */

import { type RequestHeader, STARTED_LONG_AGO, startTimeOf, unprovedCookie } from "../../protocol/session.ts";

/** What a later session needs to go on as this one. */
export interface SessionState {
  /** The session's ID. */
  id: string;
  /** When it began, as the server has said; `""` until then, and under a seal. */
  born: string;
  /** The number that the next request gets. */
  next: number;
  /** The outcome of every number below is known. */
  low: number;
}

/** The same, as far as it is known: without `born`, a server that does not know the session has forgotten it. */
export type SessionResume = Pick<SessionState, "id" | "next"> & Partial<SessionState>;

/** Epochs that are remembered. */
const MAX_EPOCHS = 64;

/** Earlier epochs of a server, so that a late datagram of one is not taken for a restart. */
export class EarlierEpochs {
  readonly #epochs = new Set<string>();

  add(startId: string) {
    if (startId !== "") this.#epochs.add(startId);
    if (this.#epochs.size > MAX_EPOCHS) this.#epochs.delete(this.#epochs.values().next().value!);
  }

  has(startId: string): boolean {
    return this.#epochs.has(startId);
  }
}

export class SessionIdentity {
  readonly #random: (bytes: number) => Uint8Array;
  readonly #earlier = new EarlierEpochs();
  id: string;
  /** Of the server; `""` until it has answered. */
  startId = "";
  #cookie = "";
  /** The first digits of its cookies, and when they were received. */
  born = "";
  #bornAt = -Infinity;

  constructor(random: (bytes: number) => Uint8Array, resume: SessionResume | undefined) {
    this.#random = random;
    this.id = resume?.id ?? this.#newId();
    if (resume === undefined) return;
    this.born = resume.born || STARTED_LONG_AGO;
    this.#cookie = unprovedCookie(this.born);
  }

  /** The header of a datagram. */
  header(low: number): RequestHeader {
    return { session: this.id, startId: this.startId, cookie: this.#cookie, low };
  }

  /** Whether a datagram with this header is for this session, and not a late one from before a restart. */
  isAddressed(session: string, startId: string): boolean {
    return session === this.id && startId !== "" && !this.#earlier.has(startId);
  }

  /** Whether the session began more than so many milliseconds ago. */
  isOlder(ms: number, now: number): boolean {
    return this.born !== "" && now - this.#bornAt > ms;
  }

  /** The session begins anew, with another ID. */
  renew() {
    this.id = this.#newId();
    this.startId = this.#cookie = this.born = "";
  }

  #newId(): string {
    return this.#random(16).toBase64({ alphabet: "base64url", omitPadding: true });
  }

  /** The server was restarted, or has answered for the first time. */
  setEpoch(startId: string) {
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
    const isFirst = this.born === "";
    if (isFirst) {
      this.born = startTimeOf(cookie);
      this.#bornAt = now;
    }
    const own = this.born + cookie.slice(this.born.length), isChanged = own !== this.#cookie;
    this.#cookie = own;
    return { isChanged, isFirst };
  }
}
