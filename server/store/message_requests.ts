/**
 * What a mailbox is asked, and what comes of it.
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
  /** Milliseconds for which it is not given out. */
  delay?: number;
  /** When it is removed, in milliseconds since 1970. */
  expires?: number;
}

/** `full`: a limit of `StoreLimits`. `storage`: the disk would not take it; nothing changed. */
export type PutOutcome = "stored" | "full" | "storage";

/**
 * Lease and acknowledgement in one: removes the oldest message and gives it. One that is too long for it stays at its
 * place, for leases.
 */
export interface Take {
  kind: "take";
  mailbox: string;
}

/** A message that was taken. */
export interface Taken {
  sender: string;
  time: number;
  message: string;
  /** Whether there is one before it that is too long. */
  overtakes?: true;
}

/** `too long`: there is nothing but what is too long. */
export type TakeOutcome = Taken | "empty" | "too long" | "storage";

/** Removes every message of one mailbox, or of all. */
export interface Clear {
  kind: "clear";
  mailbox?: string;
}

export type ClearOutcome = number | "storage";

/** Messages of one mailbox, or of all. */
export interface Count {
  kind: "count";
  mailbox?: string;
}

export interface Counts {
  messages: number;
  bytes: number;
  mailboxes: number;
}

/** Mailboxes that hold messages, by the bytes of their names, from the first one after `after`. */
export interface List {
  kind: "list";
  after?: string;
  limit: number;
}

export type ListOutcome = { mailbox: string; messages: number }[] | "storage";

/** Sets how many messages a mailbox may hold, until the store is closed. */
export interface SetLimit {
  kind: "limit";
  messages: number;
}

/** Messages of a mailbox, or of all, by what becomes of them. */
export interface Stat {
  kind: "stat";
  mailbox?: string;
}

export interface Stats {
  messages: number;
  bytes: number;
  ready: number;
  leased: number;
  delayed: number;
  dead: number;
}

/** Lists dead letters from the first one after `after`, gives them out again, or removes them. */
export interface DeadLetters {
  kind: "dead";
  what: "list" | "requeue" | "drop";
  /** One dead letter, or all. For `list`: those after it. */
  id?: number;
  limit: number;
}

export interface DeadLetter {
  id: number;
  mailbox: string;
  sender: string;
  time: number;
  message: string;
}

export type DeadOutcome = DeadLetter[] | number | "storage";
