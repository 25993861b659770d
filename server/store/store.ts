/**
 * What every store of messages does, in the terms of the field, whatever keeps them. `tests/server/store/store_test.ts` is
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

import type { AccountOutcome, AccountRequest } from "./requests/account.ts";
import type {
  ChannelChange,
  ChannelOutcome,
  ListChannels,
  RemoveChannel,
  StoredChannel,
} from "./requests/channel.ts";
import type { Confirm, LeaseOutcome, LeaseRequest, Release, Unsubscribe } from "./requests/lease.ts";
import type {
  Clear,
  ClearOutcome,
  Count,
  Counts,
  DeadLetters,
  DeadOutcome,
  List,
  ListOutcome,
  Put,
  PutOutcome,
  SetLimit,
  Stat,
  Stats,
  Take,
  TakeOutcome,
} from "./requests/message.ts";
import type {
  EndSession,
  FindLatestStart,
  OpenSession,
  OrderedBatch,
  ReadUsage,
  SessionOutcome,
  StoreUsage,
} from "./requests/session.ts";
import type {
  Attach,
  AttachOutcome,
  CountThreads,
  EntryPage,
  FindFile,
  FindFileOutcome,
  KnownContent,
  KnownContents,
  ListThreads,
  ReadThread,
  ThreadCounts,
  ThreadPage,
  UnusedContents,
  UnusedOutcome,
} from "./requests/thread.ts";

export type StoreRequest =
  | Put
  | Take
  | Clear
  | Count
  | List
  | SetLimit
  | LeaseRequest
  | Unsubscribe
  | Confirm
  | Release
  | OrderedBatch
  | OpenSession
  | EndSession
  | FindLatestStart
  | ReadUsage
  | Stat
  | DeadLetters
  | ListThreads
  | ReadThread
  | FindFile
  | Attach
  | KnownContents
  | UnusedContents
  | CountThreads
  | AccountRequest
  | ChannelChange
  | RemoveChannel
  | ListChannels;

/** The outcome that belongs to a kind of request. */
export type OutcomeOf<R extends StoreRequest> = R extends Put ? PutOutcome
  : R extends Take ? TakeOutcome
  : R extends Clear ? ClearOutcome
  : R extends Count ? Counts
  : R extends List ? ListOutcome
  : R extends LeaseRequest ? LeaseOutcome
  : R extends Confirm ? "confirmed" | "unknown"
  : R extends Release ? "released" | "storage"
  : R extends OrderedBatch ? SessionOutcome
  : R extends OpenSession | EndSession ? SessionOutcome
  : R extends FindLatestStart ? number
  : R extends ReadUsage ? StoreUsage
  : R extends Stat ? Stats
  : R extends DeadLetters ? DeadOutcome
  : R extends ListThreads ? ThreadPage
  : R extends ReadThread ? EntryPage | "no thread"
  : R extends FindFile ? FindFileOutcome
  : R extends Attach ? AttachOutcome
  : R extends KnownContents ? KnownContent[]
  : R extends UnusedContents ? UnusedOutcome
  : R extends CountThreads ? ThreadCounts
  : R extends AccountRequest ? AccountOutcome
  : R extends ChannelChange | RemoveChannel ? ChannelOutcome
  : R extends ListChannels ? StoredChannel[]
  : "set";

export type Outcome = OutcomeOf<StoreRequest>;

/** Percent of what is limited in all that one address or one user may have. */
export const DEFAULT_SHARE = 25;

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
  /** Percent of what is limited in all that one holder may have (see `Put.holder`); with 100 there is no such limit. */
  share: number;
  /** What a mailbox at its limit does with one more message; `drop-oldest` makes room in that mailbox alone. */
  whenFull: "refuse" | "drop-oldest";
}

export const DEFAULT_LIMITS: Readonly<StoreLimits> = {
  mailboxMessages: 1_000_000,
  mailboxBytes: 256 * 1024 ** 2,
  messages: 10_000_000,
  bytes: 4 * 1024 ** 3,
  mailboxes: 100_000,
  share: DEFAULT_SHARE,
  whenFull: "refuse",
};

/** Bounds of the forum, inclusive. An entry is a message or a file. */
export interface ForumLimits {
  /** Percent of what is limited in all that one user may have; with 100 there is no such limit. */
  share: number;
  threads: number;
  /** Entries of one thread, and of all together. */
  threadEntries: number;
  entries: number;
  /** Bytes of message text in all. */
  bytes: number;
}

export const DEFAULT_FORUM_LIMITS: Readonly<ForumLimits> = {
  share: DEFAULT_SHARE,
  threads: 100_000,
  threadEntries: 1_000_000,
  entries: 10_000_000,
  bytes: 4 * 1024 ** 3,
};

/**
 * What an operator should know, once each time it begins or ends. Without `mailbox` and without `holder`, who is at the
 * end of a share, it is about all together.
 */
export type StoreEvent =
  /** There is a message in a mailbox that is watched. */
  | { kind: "ready"; mailbox: string }
  /** No file has these contents any more. */
  | { kind: "unused"; contents: string[] }
  | { kind: "full"; mailbox?: string; owner?: string; limit: string }
  /** A take has left a message because it is too long for it. */
  | { kind: "long"; mailbox: string }
  | { kind: "room"; mailbox?: string; owner?: string; refused: number }
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
