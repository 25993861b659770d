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
  text: string;
  /** Bytes of `message` in UTF-8. */
  bytes: number;
  /** Milliseconds for which it is not given out. */
  delay?: number;
  /** When it is removed, in milliseconds since 1970. */
  expires?: number;
  /** Who is charged for it, see `server/quota/holder.ts`; undefined is nobody. */
  owner?: string;
}

/**
 * `full`: a limit of `StoreLimits`. `full share`: of one of these the part that its holder may have. `storage`: the disk
 * would not take it; nothing changed.
 */
export type PutOutcome = "stored" | "full" | "full share" | "storage";

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
  text: string;
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

/** An attempt at a message that failed, and what is to become of the message. */
export interface FailedAttempt {
  /** Milliseconds for which it is not given out. */
  delay: number;
  /** With so many it is a dead letter. */
  attempts: number;
  /** Why it failed; a dead letter keeps it. */
  reason: string;
}

/**
 * Lists dead letters, gives one out again or removes it, or gives out or removes all. Those that are listed, or that are
 * given out together, are up to `limit` with numbers above `after`.
 */
export type DeadLetters =
  & { kind: "dead" }
  & (
    | { what: "list" | "requeue all"; after: number; limit: number }
    | { what: "requeue" | "delete"; id: number }
    | { what: "delete all" }
  );

/** A dead letter. `message` is the beginning of its text, of which there are `bytes`. */
export interface DeadLetter {
  id: number;
  mailbox: string;
  sender: string;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
  attempts: number;
  /** Of the last attempt; `""` where it is not known. */
  reason: string;
  bytes: number;
  text: string;
}

/** How many dead letters were given out again, for how many there was no room, and the last of them. */
export interface Requeued {
  done: number;
  full: number;
  last: number;
}

/** A number is how many were removed. `unknown`: there is none of this number. `full`: its mailbox has no room. */
export type DeadOutcome = DeadLetter[] | Requeued | number | "requeued" | "unknown" | "full" | "storage";
