/**
 * The interface of the journal: a sequence of records with consecutive numbers, from which the state can be made again
 * (store 2.1 and 3.1). Nothing that uses it knows where it is kept.
 *
 * Invariants:
 * - A record that a {@linkcode Journal.sync} has covered is there after any stop, with all before it.
 * - Records are never changed, and none is left out.
 *
 * @module
 */

import type { StoreRequest } from "../store.ts";

/** What an outcome depends on beside the state and the requests (store 2.1). */
export interface RecordHead {
  /** Version of the engine that the record was made for. */
  engine: number;
  /** Whether what needs space may be stored (store 6.2). */
  canStore: boolean;
  /** 0 on one machine. */
  shard: number;
  /** 0 on one machine. */
  term: bigint;
  /** 16 bytes; zeros on one machine. */
  leader: Uint8Array;
  /** Its position: consecutive, from 1. */
  number: number;
  /** Milliseconds since 1970 (store 4.3). */
  wallClock: number;
  /** Milliseconds (store 4.4). */
  monotonicClock: number;
  /** 32 bytes that seed what is random in its outcomes. */
  random: Uint8Array;
}

export interface JournalRecord extends RecordHead {
  requests: readonly StoreRequest[];
}

/** A record that is to be appended: the journal gives it its number. */
export type NewRecord = Omit<JournalRecord, "number">;

/** Up to which record a state has come, and the hash of that record: {@linkcode Journal.chain} after it. */
export interface JournalPosition {
  /** 0: before the first record. */
  number: number;
  /** 16 bytes; zeros before the first record. */
  chain: Uint8Array;
}

export interface Journal {
  /** Number of the last record that was appended; 0 if there is none. */
  readonly last: number;
  /** Hash of the last record: what the next one will carry as its `chain`. */
  readonly chain: Uint8Array;
  /** Number of the last record that is durable. */
  readonly durable: number;
  /** Why nothing can be appended any more: also if it shows while nothing is. */
  readonly lost: JournalLost | undefined;
  /** Bytes of all records that were appended since the journal was opened. */
  readonly bytes: number;
  /** Files that have records, or will have the next ones. */
  readonly segments: number;
  /**
   * Bytes that can be appended for sure, whatever the disk does: one record or several, with {@linkcode RECORD_HEAD_BYTES}
   * for each and `requestBytesMax` for each of its requests (request_codec.ts).
   */
  readonly room: number;
  /**
   * Waits for more room, unless it cannot be made for now. By itself it is made before it is needed, if the disk is fast
   * enough.
   */
  makeRoom(): Promise<void>;
  /**
   * Adds a record, which gets the next number. Nothing is durable yet.
   *
   * @throws {RangeError} There is no room: look at {@linkcode Journal.room} first.
   * @throws {JournalLost} A write or a sync has failed before.
   */
  append(record: NewRecord): number;
  /**
   * Makes everything durable that was appended so far; resolves to the number of the last durable record. A call while
   * another sync runs begins when that has ended, and covers what was appended meanwhile.
   *
   * @throws {JournalLost} A write or a sync failed: what is on disk is not known, and nothing can be appended any more.
   */
  sync(): Promise<number>;
  /**
   * The same at once, in this thread: not while another sync runs.
   *
   * @throws {JournalLost} As above.
   */
  syncNow(): number;
  /** The durable records from this number on, in order; later ones if those before were released. */
  read(from: number): Iterable<JournalRecord>;
  /** Records before this number are not needed any more: the state that is durable in the database has them. */
  release(before: number): void;
  /** Syncs what was appended, and closes. */
  close(): Promise<void>;
}

/** Bytes of a record without its requests, and what aligns the next one. */
export const RECORD_HEAD_BYTES = 128 + 8;

/** A write or a sync of the journal failed: it is not known what is on disk, so the process has to end (store 3.8). */
export class JournalLost extends Error {
  override name = "JournalLost";
}
