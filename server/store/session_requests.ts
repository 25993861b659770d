/**
 * What a session changes, each change once.
 *
 * @module
 */

import type { Put } from "./message_requests.ts";
import type { ThreadChange } from "./thread_requests.ts";

/**
 * What a session changes, once. A message whose text came in parts takes the numbers of these too, and its own is the
 * last: `numbers` in all.
 */
export type Change =
  & { numbers?: number }
  & (
    | Put
    | ThreadChange
    | { kind: "ack"; token: string; ids: readonly number[] }
    | { kind: "back"; token: string; why: "failed" | "unused"; ids: readonly number[] }
    | { kind: "extend"; token: string; duration: number }
    | { kind: "begin"; token: string; ids: readonly number[] }
    | { kind: "skip" }
    | { kind: "bad"; reason: string }
  );

/** Carries out the changes whose numbers are next, in order, up to the first that is refused for the time being. */
export interface SessionChanges {
  kind: "session";
  session: string;
  /** Number with which the first of `changes` begins; the others follow it. */
  first: number;
  /** Name of the account that the session is logged in to, or `""`. */
  owner?: string;
  /** Where the session is, if it is to be counted for that. */
  network?: string;
  /** Outcomes of numbers below need not be remembered any more. */
  low: number;
  changes: readonly Change[];
}

/** What is known of a session. */
export interface OpenSession {
  kind: "open";
  session: string;
  /** Name of the account that the session is logged in to, or `""`: a session that is another's is `denied`. */
  owner?: string;
}

/** The client has all outcomes below `low`, and asks for nothing more. */
export interface EndSession {
  kind: "end";
  session: string;
  /** Name of the account that the session is logged in to, or `""`. */
  owner?: string;
  low: number;
}

/** Of a number that was carried out otherwise than asked for: `bad` is one that changed nothing. */
export type Special = { kind: "lost"; ids: number[] } | { kind: "bad"; reason: string };

export interface SessionState {
  /** The highest number carried out. */
  done: number;
  /** Numbers whose outcome is not just that they were carried out. */
  special: [number, Special][];
  /** The number that was refused for the time being, behind which nothing was carried out. */
  refused?: { n: number; limit: string } | { n: number; limit?: undefined };
}

/** `denied`: it belongs to another account, or to none. */
export type SessionOutcome = SessionState | "unknown" | "busy" | "denied" | "storage";
