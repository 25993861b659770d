/**
 * How messages are lent to a session, until it acknowledges them.
 *
 * @module
 */

/** Gives the oldest messages that nobody has to a session, for a time. The same session and tag: the same messages. */
export interface LeaseRequest {
  kind: "lease";
  session: string;
  /** Where the session is, if it is to be counted for that. */
  network?: string;
  /** Name of the account that the session is logged in to, or `""`. */
  account?: string;
  tag: number;
  mailbox: string;
  /** Most messages. */
  max: number;
  /** Most bytes of message text, though one message is always given. */
  maxBytes: number;
  /** Milliseconds. */
  duration: number;
  /** Whether an attempt is counted only for what was begun with. */
  ahead?: boolean;
  /** Whether to tell, once, by the event `ready` when there is a message after all. */
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

export type LeaseOutcome = Leased | "empty" | "busy" | "storage";

/** Nobody waits for messages of this mailbox any more. */
export interface Unsubscribe {
  kind: "unsubscribe";
  mailbox: string;
}

/** The messages of a lease have arrived: it runs for all of its duration. */
export interface Confirm {
  kind: "confirm";
  session: string;
  tag: number;
}

/** Gives the messages of a lease back, uncounted: nobody waits for them any more. */
export interface Release {
  kind: "release";
  session: string;
  tag: number;
}
