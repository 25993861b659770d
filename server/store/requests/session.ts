/**
 * What a session changes, each change once.
 *
 * @module
 */

import type { TableUsage } from "../../quota/fair_table.ts";
import type { FailedAttempt, Put } from "./message.ts";
import type { ThreadChange } from "./thread.ts";

/**
 * What a session changes, once. A message whose text came in parts takes the numbers of these too, and its own is the
 * last: `numbers` in all.
 */
export type OrderedRequest =
  & { numbers?: number }
  & (
    | Put
    | ThreadChange
    | { kind: "ack"; token: string; ids: readonly number[] }
    | { kind: "back"; token: string; ids: readonly number[] }
    | ({ kind: "fail"; token: string; ids: readonly number[] } & FailedAttempt)
    | { kind: "extend"; token: string; duration: number }
    | { kind: "begin"; token: string; ids: readonly number[] }
    | { kind: "skip" }
    | { kind: "bad"; reason: string }
  );

/** Which session it is, to the store. */
interface SessionName {
  session: string;
  /** Name of the account that the session is logged in to, or `""`. */
  account?: string;
  /** When it began, in milliseconds since 1970: one that was forgotten is told by that from a new one. 0 is before all. */
  startTime?: number;
}

/** Carries out the changes whose numbers are next, in order, up to the first that is refused for the time being. */
export interface OrderedBatch extends SessionName {
  kind: "session";
  /** Number with which the first of `changes` begins; the others follow it. */
  first: number;
  /** Whether it is certain that no number of it was carried out before, nor is with the store. */
  fresh?: boolean;
  /** Where the session is, if it is to be counted for that. */
  network?: string;
  /** Outcomes of numbers below need not be remembered any more. */
  low: number;
  changes: readonly OrderedRequest[];
}

/** What is known of a session. One that is another account's is `denied`. */
export interface OpenSession extends SessionName {
  kind: "open";
}

/** The client has all outcomes below `low`, and asks for nothing more. */
export interface EndSession extends SessionName {
  kind: "end";
  low: number;
}

/** The greatest time at which a session began of which the store knows, or knew. */
export interface FindLatestStart {
  kind: "latest start";
}

/** How many sessions and leases are kept, and for whom. */
export interface ReadUsage {
  kind: "usage";
}

export interface StoreUsage {
  sessions: TableUsage;
  leases: TableUsage;
}

/** Of a number that was carried out otherwise than asked for: `bad` is one that changed nothing. */
export type RequestOutcome = { kind: "lost"; ids: number[] } | { kind: "bad"; reason: string };

export interface SessionState {
  /** The highest number carried out. */
  done: number;
  /** Numbers whose outcome is not just that they were carried out. */
  outcomes: [number, RequestOutcome][];
  /** The number that was refused for the time being, behind which nothing was carried out. */
  refused?: { n: number; limit: string } | { n: number; limit?: undefined };
}

/**
 * - `new`: no number of it was ever carried out.
 * - `unknown`: it was forgotten, or may have been.
 * - `denied`: it belongs to another account, or to none.
 */
export type SessionOutcome = SessionState | "new" | "unknown" | "busy" | "denied" | "storage";
