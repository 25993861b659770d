import { createHmac } from "node:crypto";
import { startTimeOf } from "../../../protocol/session.ts";
import type { Address } from "../../../protocol/syntax/address.ts";
import { type SessionStartTimes, startTimeDigits } from "./start_times.ts";

/**
 * The cookies by which clients prove their address. The server keeps nothing for a cookie that it gave
 * (session.md 4.7, 4.8).
 */
export class SessionCookies {
  readonly #key: Uint8Array;
  readonly #startTimes: SessionStartTimes;

  constructor(key: Uint8Array, startTimes: SessionStartTimes) {
    this.#key = key;
    this.#startTimes = startTimes;
  }

  /** The cookie for a session at an address. Its start time is that of the cookie that was presented, or now. */
  give(session: string, address: Address, presented: string): string {
    const started = startTimeOf(presented) || startTimeDigits(this.#startTimes.next());
    return started + this.#proof(session, address);
  }

  /** Whether a cookie proves the address. Its start time is not proved: a client that changes it harms only itself. */
  isValid(cookie: string, session: string, address: Address): boolean {
    return cookie !== "" && cookie.slice(startTimeOf(cookie).length) === this.#proof(session, address);
  }

  #proof(session: string, { hostname, port }: Address): string {
    const text = `${session} ${hostname} ${port}`;
    return createHmac("sha256", this.#key).update(text).digest("hex").slice(0, 16);
  }
}
