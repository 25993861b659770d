/**
 * Requests about the messages of mailboxes.
 *
 * @module
 */

import type { Again } from "./again.ts";

/** Keeps a message. A mailbox exists as soon as it holds one. */
export interface Put {
  kind: "put";
  mailbox: string;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  text: string;
  /** Bytes of `text` in UTF-8. */
  bytes: number;
  /** Milliseconds before it can be taken. */
  delay?: number;
  /** When it is removed, in milliseconds since 1970. */
  expires?: number;
  /** The account or network whose share it counts against, see `server/quota/owner.ts`; undefined is none. */
  owner?: string;
}

/**
 * - `full`: a limit of `StoreLimits` is reached.
 * - `full share`: its owner's share of such a limit is used up.
 * - `storage`: it could not be written to disk; nothing changed.
 */
export type PutOutcome = "stored" | "full" | "full share" | "storage";

/** A message that was taken. */
export interface Taken {
  sender: string;
  time: number;
  text: string;
  /** Whether one that is too long stands before it. */
  overtakes?: true;
}

/**
 * - `too long`: there are only messages that are too long.
 * - `Again`: expired messages were removed, and there may be one behind them.
 */
export type TakeOutcome = Taken | "empty" | "too long" | "storage" | Again;

export interface Counts {
  messages: number;
  bytes: number;
  mailboxes: number;
}

export interface Stats {
  messages: number;
  bytes: number;
  ready: number;
  leased: number;
  delayed: number;
  dead: number;
}

/** An attempt that failed, and when the message is to be tried again. */
export interface FailedAttempt {
  /** Milliseconds before the next attempt. */
  delay: number;
  /** After this many attempts the message becomes a dead letter. */
  attempts: number;
  /** Why it failed; a dead letter keeps it. */
  reason: string;
}

/**
 * Lists dead letters, requeues or deletes one, or requeues or deletes all. `list` and `requeue all` work on up to `limit`
 * of them, with IDs above `after`.
 */
export type DeadLetters =
  & { kind: "dead" }
  & (
    | { what: "list" | "requeue all"; after: number; limit: number }
    | { what: "requeue" | "delete"; id: number }
    | { what: "delete all" }
  );

export interface DeadLetter {
  id: number;
  mailbox: string;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  attempts: number;
  /** Why the last attempt failed; `""` if that is not known. */
  reason: string;
  /** Bytes of the whole text. */
  bytes: number;
  /** The beginning of the text. */
  text: string;
}

/** Shows up to `limit` messages of a mailbox, with IDs above `after`, and changes nothing. */
export interface Peek {
  kind: "peek";
  mailbox: string;
  after: number;
  limit: number;
}

/** A message that is shown. */
export interface PeekedMessage {
  id: number;
  state: "ready" | "leased" | "delayed";
  /** How many attempts were counted. */
  attempts: number;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  /** Bytes of the whole text. */
  bytes: number;
  /** The beginning of the text. */
  text: string;
}

/** `more`: whether there are messages behind these. */
export interface PeekedPage {
  messages: PeekedMessage[];
  more: boolean;
}

/** How many dead letters were requeued, how many stay because their mailbox is full, and the ID of the last one. */
export interface Requeued {
  done: number;
  full: number;
  last: number;
}

/**
 * A number is how many were deleted. `unknown`: no dead letter has this ID. `full`: its mailbox is full.
 * `damaged`: its row is not as it was written (store 7.2).
 */
export type DeadOutcome =
  | DeadLetter[]
  | Requeued
  | number
  | "requeued"
  | "unknown"
  | "full"
  | "damaged"
  | "storage";

/** By kind: the request and its outcome. A request without `mailbox` is about all mailboxes. */
export interface MessageOperations {
  put: [Put, PutOutcome];
  /**
   * Lease and acknowledgement in one: removes the oldest message and returns it. A message that is too long for a take
   * stays, at its place, and can be leased.
   */
  take: [{ kind: "take"; mailbox: string }, TakeOutcome];
  /** Removes all messages. Returns how many they were. */
  clear: [{ kind: "clear"; mailbox?: string }, number | "storage"];
  count: [{ kind: "count"; mailbox?: string }, Counts];
  /** Counts messages by state. */
  stat: [{ kind: "stat"; mailbox?: string }, Stats];
  /** Shows messages by their IDs. There may be fewer than wanted if they are long. */
  peek: [Peek, PeekedPage | "storage"];
  /**
   * Lists mailboxes that hold messages, by the bytes of their names, from the first one after `after`. `unwritten`: of a piece, how many
   * have to be written down before.
   */
  list: [
    { kind: "list"; after?: string; limit: number; unwritten?: number },
    { mailbox: string; messages: number }[] | Again | "storage",
  ];
  /** Sets how many messages a mailbox may hold, until the store is closed. */
  limit: [{ kind: "limit"; messages: number }, "set"];
  dead: [DeadLetters, DeadOutcome];
}
