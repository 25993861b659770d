import type { DatabaseSync } from "node:sqlite";
import type { Environment } from "../../quota/uptime.ts";
import type { StoreLimits } from "../limits.ts";
import type { StoreEvent } from "../store.ts";
import type { Transaction } from "./transaction.ts";

/** What all parts of the engine share. */
export interface Context extends Omit<Environment, "setTimer"> {
  readonly db: DatabaseSync;
  readonly transaction: Transaction;
  readonly limits: StoreLimits;
  onEvent(event: StoreEvent): void;
}
