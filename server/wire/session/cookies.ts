import { createHmac } from "node:crypto";
import { startTimeOf } from "../../../protocol/session.ts";
import { type SessionStartTimes, startTimeDigits } from "./start_times.ts";

/** Where a client is, as the socket names it. */
export interface Address {
  hostname: string;
  port: number;
}

/** The cookies by which clients show that they receive what is sent to them; nothing is kept for any. */
export class SessionCookies {
  readonly #key: Uint8Array;
  readonly #births: SessionStartTimes;

  constructor(key: Uint8Array, births: SessionStartTimes) {
    this.#key = key;
    this.#births = births;
  }

  /** A right one for this session at this address. It began when the cookie says that was presented, or now. */
  give(session: string, address: Address, presented: string): string {
    const born = startTimeOf(presented) || startTimeDigits(this.#births.next());
    return born + this.#proof(session, address);
  }

  /** Whether this is a right one, whatever time it says: a client that lies about that harms itself alone. */
  isRight(cookie: string, session: string, address: Address): boolean {
    return cookie !== "" && cookie.slice(startTimeOf(cookie).length) === this.#proof(session, address);
  }

  #proof(session: string, { hostname, port }: Address): string {
    return createHmac("sha256", this.#key).update(`${session} ${hostname} ${port}`).digest("hex").slice(
      0,
      16,
    );
  }
}
