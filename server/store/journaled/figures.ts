import type { Amount } from "../checkpoint/backlog.ts";

/** Counts since the store was opened, but for `segments` and `backlog`. */
export interface StoreFigures {
  records: number;
  bytes: number;
  segments: number;
  syncs: number;
  /** Milliseconds that the syncs took together. */
  syncMs: number;
  /** What the database does not have on disk now. */
  backlog: Amount;
  checkpoints: number;
}
