/**
 * Requests about leases: messages are with a session until it acknowledges or releases them, or the lease ends.
 *
 * @module
 */

import type { Again } from "./again.ts";

/**
 * Milliseconds after which messages are released if their client has not confirmed that it received them (session.md 6.4).
 */
export const UNCONFIRMED_LEASE_MS = 5000;

/** Leases the oldest ready messages to a session. The same session and tag again give the same messages. */
export interface LeaseRequest {
  kind: "lease";
  session: string;
  /** The session's network, if the lease counts for that. */
  network?: string;
  /** Name of the account that the session is logged in to, or `""`. */
  account?: string;
  tag: number;
  mailbox: string;
  /** Most messages. */
  max: number;
  /** Most bytes of message text; one message is given even if it is longer. */
  maxBytes: number;
  /** Milliseconds. */
  duration: number;
  /** Messages are fetched ahead: an attempt counts only for those that a `begin` names. */
  ahead?: boolean;
  /**
   * The messages are taken: when the lease ends by itself they are removed, and only a `release` gives them out again. So
   * what could not be sent is not lost, and nothing is given out twice.
   */
  taken?: boolean;
  /** If the mailbox is empty: whether to raise the event `ready`, once, when it has a message. */
  subscribe: boolean;
}

/** A message that is leased. `attempt` counts from 1. */
export interface LeasedMessage {
  id: number;
  attempt: number;
  sender: string;
  time: number;
  text: string;
}

export interface Leased {
  token: string;
  messages: LeasedMessage[];
}

/** `busy`: too many leases run for this network or account. `Again`: as for a take. */
export type LeaseOutcome = Leased | "empty" | "busy" | "storage" | Again;

/** By kind: the request and its outcome. */
export interface LeaseOperations {
  lease: [LeaseRequest, LeaseOutcome];
  /** Withdraws what `subscribe` of a lease asked for. */
  unsubscribe: [{ kind: "unsubscribe"; mailbox: string }, "set"];
  /** The client has received the messages of a lease: it runs for all of its duration. */
  confirm: [{ kind: "confirm"; session: string; tag: number }, "confirmed" | "unknown"];
  /** Releases the messages of a lease. No attempt is counted. */
  release: [{ kind: "release"; session: string; tag: number }, "released" | "storage"];
}
