/**
 * What every store of messages does, in the terms of the field, whatever keeps them. `tests/server/store_test.ts` is
 * the suite that each implementation passes.
 *
 * Invariants:
 * - What an outcome tells is durable before the outcome is given.
 * - Requests take effect in the order in which they are given, within a batch and from batch to batch. Where a batch
 *   as a whole can't be kept, it is tried again in pieces, and those that free space go first.
 * - A mailbox is first in, first out. A message is given to one `take`, once.
 * - A message that is taken in the batch that puts it may never touch the disk: nobody can have seen it.
 * - Counts are those of the messages that are there: in messages, and in bytes of message text.
 *
 * @module
 */

/** Keeps a message. A mailbox is made by its first message. */
export interface Put {
  kind: "put";
  mailbox: string;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  message: string;
  /** Bytes of `message` in UTF-8. */
  bytes: number;
}

/** Lease and acknowledgement in one: removes the oldest message and gives it. */
export interface Take {
  kind: "take";
  mailbox: string;
}

/** Removes every message of one mailbox, or of all. */
export interface Clear {
  kind: "clear";
  mailbox?: string;
}

/** Messages of one mailbox, or of all. */
export interface Count {
  kind: "count";
  mailbox?: string;
}

/** Mailboxes that hold messages, by the bytes of their names, from the first one after `after`. */
export interface List {
  kind: "list";
  after?: string;
  limit: number;
}

/** Sets how many messages a mailbox may hold, until the store is closed. */
export interface SetLimit {
  kind: "limit";
  messages: number;
}

export type StoreRequest = Put | Take | Clear | Count | List | SetLimit;

/** A message that was taken. */
export interface Taken {
  sender: string;
  time: number;
  message: string;
}

/** `full`: a limit of {@linkcode StoreLimits}. `storage`: the disk would not take it; nothing changed. */
export type PutOutcome = "stored" | "full" | "storage";
export type TakeOutcome = Taken | "empty" | "storage";
export type ClearOutcome = number | "storage";
export interface Counts {
  messages: number;
  bytes: number;
  mailboxes: number;
}
export type ListOutcome = { mailbox: string; messages: number }[] | "storage";

/** The outcome that belongs to a kind of request. */
export type OutcomeOf<R extends StoreRequest> = R extends Put ? PutOutcome
  : R extends Take ? TakeOutcome
  : R extends Clear ? ClearOutcome
  : R extends Count ? Counts
  : R extends List ? ListOutcome
  : "set";

export type Outcome = OutcomeOf<StoreRequest>;

/** Bounds. All are inclusive: a mailbox with `mailboxMessages: 6` holds six. */
export interface StoreLimits {
  /** Messages in one mailbox. */
  mailboxMessages: number;
  /** Bytes of message text in one mailbox. */
  mailboxBytes: number;
  /** Messages in all. */
  messages: number;
  /** Bytes of message text in all. */
  bytes: number;
  /** Mailboxes that hold messages. */
  mailboxes: number;
  /** What a mailbox at its limit does with one more message; `drop-oldest` makes room in that mailbox alone. */
  whenFull: "refuse" | "drop-oldest";
}

export const DEFAULT_LIMITS: Readonly<StoreLimits> = {
  mailboxMessages: 1_000_000,
  mailboxBytes: 256 * 1024 ** 2,
  messages: 10_000_000,
  bytes: 4 * 1024 ** 3,
  mailboxes: 100_000,
  whenFull: "refuse",
};

/** What an operator should know, once each time it begins or ends. Without `mailbox` it is about all together. */
export type StoreEvent =
  | { kind: "full"; mailbox?: string; limit: string }
  | { kind: "room"; mailbox?: string; refused: number }
  | { kind: "storage failed"; reason: string }
  | { kind: "storage works"; refused: number };

export interface Store {
  /** What was there when it was opened. */
  readonly opened: Counts;
  /**
   * Carries the requests out and resolves to an outcome for each, once all of them are durable.
   * Rejects when the store is closed, or can't be trusted any more.
   */
  apply(requests: readonly StoreRequest[]): Promise<Outcome[]>;
  /** Messages that were dropped for newer ones since the store was opened. */
  readonly dropped: number;
  /** Waits for what was asked for, then closes. */
  close(): Promise<void>;
}

/** The store is open in another process. */
export class StoreLocked extends Error {
  override name = "StoreLocked";
}

/** What `apply` can't answer for any more: a failed sync, a damaged file. The process has to end. */
export class StoreLost extends Error {
  override name = "StoreLost";
}
