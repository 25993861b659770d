/**
 * Requests of sessions: what a session asks to be changed takes effect once, in its order.
 *
 * @module
 */

import type { TableUsage } from "../../quota/fair_table.ts";
import type { FailedAttempt, Put } from "./message.ts";
import type { ThreadChange } from "./thread.ts";

/**
 * An ordered request of a session. A message whose text came in parts uses one request number for each part: `numbers`
 * in all, of which the last is its own.
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

interface SessionName {
  session: string;
  /** Name of the account that the session is logged in to, or `""`. */
  account?: string;
  /** When it began, in milliseconds since 1970: distinguishes a new session from a forgotten one. 0 is before all. */
  startTime?: number;
}

/** Carries out the requests whose numbers are next, in order, up to the first that is refused for now. */
export interface OrderedBatch extends SessionName {
  kind: "session";
  /** Request number of the first of `changes`; the others follow it. */
  first: number;
  /** Whether it is certain that none of these numbers was carried out before, or is with the store. */
  fresh?: boolean;
  /** The session's network, if it counts for that. */
  network?: string;
  /** Outcomes of lower numbers can be forgotten. */
  low: number;
  changes: readonly OrderedRequest[];
}

/** Asks how far a session has come. */
export interface OpenSession extends SessionName {
  kind: "open";
}

/** The client has received all outcomes below `low`, and will ask for nothing more. */
export interface EndSession extends SessionName {
  kind: "end";
  low: number;
}

/** Whether a request needs space, rather than freeing some. */
export function needsSpace({ kind }: OrderedRequest): boolean {
  return kind === "put" || kind === "create" || kind === "post" || kind === "edit";
}

/** What became of a request that did not just succeed. `bad` changed nothing; `lost` lists messages not leased any more. */
export type RequestOutcome = { kind: "lost"; ids: number[] } | { kind: "bad"; reason: string };

export interface SessionState {
  /** The highest request number carried out. */
  done: number;
  /** Outcomes of requests that did not just succeed, by number. */
  outcomes: [number, RequestOutcome][];
  /** The request that was refused for now; nothing after it was carried out. Without `limit` the disk refused it. */
  refused?: { n: number; limit: string } | { n: number; limit?: undefined };
}

/**
 * - `new`: none of its requests was ever carried out.
 * - `unknown`: it was forgotten, or may have been.
 * - `busy`: too many sessions are kept.
 * - `denied`: it belongs to another account, or to none.
 */
export type SessionOutcome = SessionState | "new" | "unknown" | "busy" | "denied" | "storage";

/** By kind: the request and its outcome. */
export interface SessionOperations {
  session: [OrderedBatch, SessionOutcome];
  open: [OpenSession, SessionOutcome];
  end: [EndSession, SessionOutcome];
  /** The latest start time of all sessions that the store knows or has forgotten. */
  "latest start": [{ kind: "latest start" }, number];
  /** How many sessions and leases are kept, and for whom. */
  usage: [{ kind: "usage" }, { sessions: TableUsage; leases: TableUsage }];
}
