/**
 * The interface of the store. `tests/server/store/store_test.ts` has the suite that every implementation passes.
 *
 * Invariants:
 * - What an outcome says is durable before the outcome is returned.
 * - Requests take effect in the order in which they are given, within a batch and from batch to batch. What needs space is
 *   refused by itself while there is none.
 * - A mailbox is first in, first out. A message is given to one `take`, once.
 * - A message that is taken before the next checkpoint is in the journal alone, and never in the database.
 * - Counts are those of the messages that are there: in messages, and in bytes of message text.
 *
 * @module
 */

import type { Again } from "./requests/again.ts";
import type { AccountOperations } from "./requests/account.ts";
import type { ChannelOperations } from "./requests/channel.ts";
import type { KeyedOperations } from "./requests/keyed.ts";
import type { LeaseOperations } from "./requests/lease.ts";
import type { MeasureOperations } from "./requests/measure.ts";
import type { Counts, MessageOperations } from "./requests/message.ts";
import type { ReportOperations } from "./requests/report.ts";
import type { SessionOperations } from "./requests/session.ts";
import type { ThreadOperations } from "./requests/thread.ts";
import type { UpkeepOperations } from "./requests/upkeep.ts";

/** All that the store can be asked, by kind: the request and its outcome. */
export interface Operations
  extends
    MessageOperations,
    LeaseOperations,
    KeyedOperations,
    SessionOperations,
    ThreadOperations,
    AccountOperations,
    ChannelOperations,
    MeasureOperations,
    ReportOperations,
    UpkeepOperations {}

export type StoreRequest = Operations[keyof Operations][0];
export type Outcome = Operations[keyof Operations][1];

/** The outcome that belongs to a request. */
export type OutcomeOf<R extends StoreRequest> = Operations[R["kind"]][1];

/** The outcome of the last piece: what is not done at once is asked for again (store 11.2). */
export type LastOutcomeOf<R extends StoreRequest> = Exclude<OutcomeOf<R>, Again>;

/**
 * What the server should know, once each time it begins or ends. `full` and `room` are about a mailbox, about the share
 * of an owner, or else about the whole store.
 */
export type StoreEvent =
  /** A mailbox that a lease has subscribed to has a message. */
  | { kind: "ready"; mailbox: string }
  /** No file has these contents any more. */
  | { kind: "unused"; contents: string[] }
  | { kind: "full"; mailbox?: string; owner?: string; limit: string }
  | { kind: "room"; mailbox?: string; owner?: string; refused: number }
  /** A take has passed over a message that is too long for it. */
  | { kind: "long"; mailbox: string }
  /** A row is not as it was written, and is not handed out (store 7.2). `key` is its number or name. */
  | { kind: "damaged"; table: string; key: string }
  /** At the start the journal's last record was not whole, at this byte of this file, and did not count (store 5.7). */
  | { kind: "torn"; path: string; offset: number }
  | { kind: "storage failed"; reason: string }
  | { kind: "storage works"; refused: number };

export interface Store {
  /** What was there when it was opened. */
  readonly opened: Counts;
  /** Messages that were dropped for newer ones since the store was opened. */
  readonly dropped: number;
  /**
   * Carries the requests out and resolves to an outcome for each, once all of them are durable.
   *
   * @param isAwaited Whether anybody waits for an outcome; otherwise that may take some milliseconds longer.
   * @throws {StoreLost} The store is closed, or cannot be relied on any more.
   */
  apply(requests: readonly StoreRequest[], isAwaited?: boolean): Promise<Outcome[]>;
  /** Waits for what was asked for, then closes. */
  close(): Promise<void>;
}
