/**
 * What the store counts and measures of itself.
 *
 * @module
 */

import type { Amount } from "../checkpoint/backlog.ts";

/** Counts since the store was opened, but for `segments` and `backlog`. */
export interface StoreFigures {
  records: number;
  bytes: number;
  segments: number;
  syncs: number;
  /** Milliseconds that the syncs took together, and how many took how long. */
  syncMs: number;
  syncTimes: SyncTimes;
  /** What the database does not have on disk now. */
  backlog: Amount;
  checkpoints: number;
}

/** Highest durations that are counted together, in milliseconds: a fast disk needs 0.1 to 0.3, one that turns 10 to 30. */
const SYNC_TIME_BOUNDS_MS = [
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000],
];

/** How many syncs took how long. */
export class SyncTimes {
  readonly bounds: readonly number[] = SYNC_TIME_BOUNDS_MS;
  /** For each bound, how many took longer than the one before it, and at most this; then those above all. */
  readonly counts: number[] = new Array(SYNC_TIME_BOUNDS_MS.length + 1).fill(0);
  /** Milliseconds that they took together. */
  sum = 0;

  /** How many there were. */
  get count(): number {
    return this.counts.reduce((sum, count) => sum + count);
  }

  add(ms: number) {
    const i = SYNC_TIME_BOUNDS_MS.findIndex((bound) => ms <= bound);
    this.counts[i < 0 ? SYNC_TIME_BOUNDS_MS.length : i]!++;
    this.sum += ms;
  }
}
