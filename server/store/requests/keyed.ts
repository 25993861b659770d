/**
 * Requests of wires without sessions: a message that is put under a key, and leases that are held by their IDs.
 *
 * @module
 */

import type { FailedAttempt, Put } from "./message.ts";

/** What names a request that may be repeated (store section 12). */
export interface RequestKey {
  /** Of the client that uses it: see {@linkcode Put.owner}. Never the same for two clients. */
  key: string;
  /** What was asked: another request with the same key is refused. */
  digest: string;
}

/** Keeps a message, and says under which number. With a key it is kept once. */
export interface PutOnce {
  kind: "put once";
  put: Put;
  key?: RequestKey;
}

/** `id`: the number of the message, until a delay ends. */
export interface PutReceipt {
  id: number;
  /** When the server received it, in milliseconds since 1970. */
  time: number;
}

/**
 * - `other request`: the key was used for another one.
 * - `keys full`: too many keys are remembered, of this client or of all.
 */
export type PutOnceOutcome =
  | PutReceipt
  | "other request"
  | "keys full"
  | "full"
  | "full share"
  | "storage";

/** A request that was carried out under a key. */
export interface UsedKey extends RequestKey, PutReceipt {
  /** Whom it is charged to: see {@linkcode Put.owner}. */
  owner: string;
}

/** Asks what was carried out under a key. */
export interface FindKey {
  kind: "find key";
  key: string;
  owner: string;
}

/** `new`: nothing was. `damaged`: nobody can say. */
export type FindKeyOutcome = RequestKey & PutReceipt | "new" | "keys full" | "damaged";

/** Does something with one message of a lease, for whoever knows the lease's session and token. */
export interface Settle {
  kind: "settle";
  session: string;
  token: string;
  /** The number of the message. */
  id: number;
  /** Who asks: the account that is logged in, or `""`. */
  account: string;
  /** An `extend` is about the whole lease. */
  what:
    | { kind: "ack" }
    | { kind: "back" }
    | { kind: "fail" } & FailedAttempt
    | { kind: "extend"; duration: number };
}

/**
 * - `lost`: the lease does not hold the message any more, and somebody else may have it.
 * - `denied`: the mailbox belongs to another account.
 */
export type SettleOutcome = "done" | "lost" | "denied" | "storage";

/** By kind: the request and its outcome. */
export interface KeyedOperations {
  "put once": [PutOnce, PutOnceOutcome];
  "find key": [FindKey, FindKeyOutcome];
  settle: [Settle, SettleOutcome];
}
