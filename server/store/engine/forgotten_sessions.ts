import type { StatementSync } from "node:sqlite";
import type { Context } from "../database/context.ts";
import { firstRow } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";

/** Forgotten sessions that are remembered by name: what an attacker can have forgotten in some seconds. */
const MAX_NAMES = 65_536;

/**
 * Sessions that carried out requests and were forgotten, although their clients may go on with them: the last ones by
 * name, and all others by their start time, as everything that began up to a horizon.
 *
 * Invariant: the horizon on disk is no lower than the start time of any session whose row was removed. So after a start,
 * when no names are known, none of them is taken for a new one (session.md 8.7).
 */
export class ForgottenSessions {
  readonly #transaction: Transaction;
  readonly #setHorizon: StatementSync;
  /** As on disk. */
  horizon: number;
  /** A session that began up to this time may be one whose name is not remembered any more. */
  #floor: number;
  readonly #startTimes = new Map<string, number>();
  /** The keys of that, in a ring, and where the next one goes. */
  readonly #names: string[] = [];
  #next = 0;

  constructor({ db, transaction }: Context) {
    this.#transaction = transaction;
    this.#setHorizon = db.prepare("UPDATE horizon SET start_time = ?");
    const row = firstRow<{ startTime: number }>(db.prepare("SELECT start_time AS startTime FROM horizon"));
    this.horizon = this.#floor = row!.startTime;
  }

  /** Whether a session without a row may have been forgotten. */
  has(session: string, startTime: number): boolean {
    return startTime <= this.#floor || this.#startTimes.has(session);
  }

  /** The row of a session is removed in the transaction that is open. */
  add(session: string, startTime: number) {
    const before = this.horizon;
    if (startTime > before) {
      this.horizon = startTime;
      this.#setHorizon.run(startTime);
      this.#transaction.onRollback(() => this.horizon = before);
    }
    // after a rollback this one stays: that does no harm, since the row is found first
    const oldest = this.#names[this.#next];
    if (oldest !== undefined) {
      this.#floor = Math.max(this.#floor, this.#startTimes.get(oldest) ?? 0);
      this.#startTimes.delete(oldest);
    }
    this.#names[this.#next] = session;
    this.#next = (this.#next + 1) % MAX_NAMES;
    this.#startTimes.set(session, startTime);
  }
}
