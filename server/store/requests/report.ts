/**
 * Requests about what is near its limits, and what is oldest.
 *
 * @module
 */

import type { Again } from "./again.ts";
import type { Counts } from "./message.ts";
import type { ThreadCounts } from "./thread.ts";

/** What holds most, and how much. Each number may be of another mailbox, owner, user or thread. */
export interface Fullest {
  /** Of one mailbox, and how many messages one may hold now. */
  mailbox: { messages: number; bytes: number; messagesMax: number };
  /** Of one address or user, in mailboxes. */
  owner: Counts;
  /** Of one user, in the forum. */
  user: ThreadCounts;
  /** Entries of one thread. */
  threadEntries: number;
  /** All dead letters, without those that are set apart. */
  dead: { letters: number; bytes: number };
  /** Those that are. */
  apart: { letters: number; bytes: number };
  /** Addresses and users that are counted by themselves. */
  owners: number;
  /** Keys of requests that are remembered, and the most of one owner. */
  requestKeys: { keys: number; ofOwner: number };
  /** Bytes of the database, with what is free in it. */
  databaseBytes: number;
}

/** A mailbox with its oldest message that was not put with a delay. */
export interface OldestMailbox {
  mailbox: string;
  /** When the server received that, in milliseconds since 1970. */
  time: number;
  /** Messages that the mailbox holds. */
  messages: number;
}

/** What the pieces of a search for the oldest messages came to before this one. */
export interface OldestSearch {
  /** The number of the last row that was looked at. */
  after: number;
  /** How many more messages are to be looked at, without those that were cleared. */
  left: number;
  /** The time of the oldest message by mailbox, in the order in which they were found. */
  found: [mailbox: string, time: number][];
}

export interface OldestRequest {
  kind: "oldest";
  limit: number;
  before?: OldestSearch;
}

/** By kind: the request and its outcome. */
export interface ReportOperations {
  fullest: [{ kind: "fullest" }, Fullest];
  /** Lists the mailboxes of the oldest messages, up to `limit`, the one with the oldest of all first. */
  oldest: [OldestRequest, OldestMailbox[] | Again<OldestRequest> | "storage"];
}
