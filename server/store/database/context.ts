import type { DatabaseSync } from "node:sqlite";
import type { StoreLimits } from "../limits.ts";
import type { StoreEvent } from "../store.ts";
import type { Transaction } from "./transaction.ts";

/** What all parts of the engine share. */
export interface Context {
  readonly db: DatabaseSync;
  readonly transaction: Transaction;
  readonly limits: StoreLimits;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a monotonic clock. */
  monotonicClock(): number;
  /** `bytes` random bytes. */
  random(bytes: number): Uint8Array;
}
