import type { Context } from "../../database/context.ts";
import { allRows, firstRow, prepareAll } from "../../database/statements.ts";

/** Forgotten sessions that are remembered by name: what an attacker can have forgotten in some seconds. */
const MAX_NAMES = 65_536;

interface Forgotten {
  id: string;
  startTime: number;
  /** Which one it is of all that were forgotten. */
  number: number;
}

/**
 * Sessions that carried out requests and were forgotten, although their clients may go on with them: the last ones by
 * name, and all others by their start time, as everything that began up to the horizon (session.md 8.7).
 *
 * Invariant: a session that was forgotten is named here, or began no later than the horizon.
 */
export class ForgottenSessions {
  /** No session that was forgotten began after this. */
  latest: number;
  readonly #context: Context;
  readonly #sql;
  /** A session that began up to this time may be one whose name is not remembered any more. */
  #horizon: number;
  readonly #byId = new Map<string, Forgotten>();
  /** The last ones, each at its number modulo {@linkcode MAX_NAMES}. */
  readonly #names: (Forgotten | undefined)[] = [];
  #next = 0;
  /** What the rows lack, and what they have too much; whether the two times differ from theirs. */
  readonly #added = new Set<Forgotten>();
  readonly #removed = new Set<string>();
  #areTimesChanged = false;

  constructor(context: Context) {
    this.#context = context;
    this.#sql = prepareAll(context.db, {
      times: "SELECT latest, horizon FROM forgotten_times",
      setTimes: "UPDATE forgotten_times SET latest = ?, horizon = ?",
      all: "SELECT id, start_time AS startTime, number FROM forgotten ORDER BY number",
      add: "REPLACE INTO forgotten (id, start_time, number) VALUES (?, ?, ?)",
      remove: "DELETE FROM forgotten WHERE id = ?",
    });
    const { latest, horizon } = firstRow<{ latest: number; horizon: number }>(this.#sql.times)!;
    this.latest = latest;
    this.#horizon = horizon;
    for (const row of allRows<Forgotten>(this.#sql.all)) this.#insert(row);
  }

  #insert(forgotten: Forgotten) {
    this.#byId.set(forgotten.id, forgotten);
    this.#names[forgotten.number % MAX_NAMES] = forgotten;
    this.#next = forgotten.number + 1;
  }

  /** From now on a session that began up to this time is taken for one that was forgotten, unless it is kept. */
  raiseHorizon(startTime: number) {
    this.#horizon = Math.max(this.#horizon, startTime);
    this.latest = Math.max(this.latest, startTime);
    this.#areTimesChanged = true;
  }

  /** Whether a session that is not kept may have been forgotten. */
  has(session: string, startTime: number): boolean {
    return startTime <= this.#horizon || this.#byId.has(session);
  }

  /** A session is forgotten. */
  add(id: string, startTime: number) {
    this.latest = Math.max(this.latest, startTime);
    this.#areTimesChanged = true;
    const before = this.#byId.get(id);
    if (before !== undefined) this.#names[before.number % MAX_NAMES] = undefined;
    const oldest = this.#names[this.#next % MAX_NAMES];
    if (oldest !== undefined) {
      this.#horizon = Math.max(this.#horizon, oldest.startTime);
      this.#byId.delete(oldest.id);
      this.#added.delete(oldest);
      this.#removed.add(oldest.id);
    }
    const forgotten = { id, startTime: Math.max(startTime, before?.startTime ?? 0), number: this.#next };
    if (before !== undefined) this.#added.delete(before);
    this.#insert(forgotten);
    this.#added.add(forgotten);
    this.#removed.delete(id);
  }

  /** Brings up to so many rows up to date. Returns whether there are more. */
  flush(rows: number): boolean {
    const { transaction } = this.#context;
    if (this.#areTimesChanged) transaction.run(this.#sql.setTimes, this.latest, this.#horizon);
    this.#areTimesChanged = false;
    let left = rows;
    for (const id of this.#removed) {
      if (left-- <= 0) return true;
      transaction.run(this.#sql.remove, id);
      this.#removed.delete(id);
    }
    for (const forgotten of this.#added) {
      if (left-- <= 0) return true;
      transaction.run(this.#sql.add, forgotten.id, forgotten.startTime, forgotten.number);
      this.#added.delete(forgotten);
    }
    return false;
  }
}
