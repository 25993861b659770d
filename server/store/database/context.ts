import type { DatabaseSync } from "node:sqlite";
import type { Environment } from "../../quota/uptime.ts";
import type { StoreLimits } from "../limits.ts";
import type { Configuration } from "../requests/upkeep.ts";
import type { StoreEvent } from "../store.ts";
import type { Transaction } from "./transaction.ts";

/** What all parts of the engine share. Clocks and randomness are those of the record that is being applied. */
export interface Context extends Omit<Environment, "setTimer"> {
  readonly db: DatabaseSync;
  readonly transaction: Transaction;
  readonly configuration: Configuration;
  /** Those of the configuration. */
  readonly limits: StoreLimits;
  onEvent(event: StoreEvent): void;
}
