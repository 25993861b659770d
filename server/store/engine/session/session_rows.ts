import type { Linked } from "../../../quota/owner_lists.ts";
import type { Context } from "../../database/context.ts";
import { firstRow, prepareAll } from "../../database/statements.ts";
import type { SessionState } from "../../requests/session.ts";
import type { Aged } from "./age_list.ts";

type Outcomes = SessionState["outcomes"];

/** A session that has carried out something, and is known. */
export interface KeptSession extends Linked<KeptSession>, Aged<KeptSession> {
  readonly id: string;
  readonly network: string;
  readonly account: string;
  readonly startTime: number;
  /** Whether its client has ended it. If it was logged in, it is not counted from then on: its seal is gone as well. */
  ended: boolean;
  /** The highest request number carried out. */
  done: number;
  /** The outcomes that its client may lack; undefined: they are in its row, for they may be long. Never changed in place. */
  outcomes: Outcomes | undefined;
  /** When it was used last, in milliseconds of the records' monotonic clock. */
  usedAt: number;
  /** Which use of all sessions that was: grows with each. */
  age: number;
  hasRow: boolean;
}

interface SessionRow
  extends Pick<KeptSession, "id" | "account" | "network" | "startTime" | "done" | "usedAt" | "age"> {
  ended: number;
  hasOutcomes: number;
}

/** What most sessions have. */
const NO_OUTCOMES: Outcomes = [];

/**
 * The rows of sessions, which are behind what memory has: a session that is used with every record has its row written
 * once a checkpoint.
 *
 * Invariant: a session whose row is behind has its outcomes in memory.
 */
export class SessionRows {
  readonly #context: Context;
  readonly #sql;
  readonly #changed = new Set<KeptSession>();
  readonly #removed = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
    this.#sql = prepareAll(context.db, {
      all: `SELECT id, account, network, start_time AS startTime, ended, done, used_at AS usedAt, use AS age,
        outcomes <> '[]' AS hasOutcomes FROM session ORDER BY use`,
      outcomes: "SELECT outcomes FROM session WHERE id = ?",
      set: `REPLACE INTO session (id, done, outcomes, used_at, use, account, network, start_time, ended)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      remove: "DELETE FROM session WHERE id = ?",
    });
  }

  /** All that have rows, in the order of their last use. */
  *load(): Generator<KeptSession> {
    for (const row of this.#sql.all.iterate() as Iterable<unknown>) {
      const { ended, hasOutcomes, ...same } = row as SessionRow;
      yield {
        ...same,
        ended: ended === 1,
        outcomes: hasOutcomes === 1 ? undefined : NO_OUTCOMES,
        hasRow: true,
        older: undefined,
        newer: undefined,
        use: 0,
        before: undefined,
        after: undefined,
      };
    }
  }

  /** The outcomes that the client of a session may lack. */
  outcomesOf(session: KeptSession): Outcomes {
    if (session.outcomes !== undefined) return session.outcomes;
    return JSON.parse(firstRow<{ outcomes: string }>(this.#sql.outcomes, session.id)!.outcomes);
  }

  /** Notes that a session differs from its row, or has none. */
  changed(session: KeptSession) {
    session.outcomes ??= this.outcomesOf(session);
    this.#changed.add(session);
    // there may still be a row of an earlier session of this name
    if (this.#removed.delete(session.id)) session.hasRow = true;
  }

  /** Notes that a session is gone. */
  removed(session: KeptSession) {
    this.#changed.delete(session);
    if (session.hasRow) this.#removed.add(session.id);
  }

  /** Brings up to so many rows up to date. Returns whether there are more. */
  flush(rows: number): boolean {
    let left = rows;
    for (const id of this.#removed) {
      if (left-- <= 0) return true;
      this.#context.transaction.run(this.#sql.remove, id);
      this.#removed.delete(id);
    }
    for (const session of this.#changed) {
      if (left-- <= 0) return true;
      this.#store(session);
      this.#changed.delete(session);
    }
    return false;
  }

  #store(session: KeptSession) {
    const { id, done, outcomes = NO_OUTCOMES, usedAt, age, account, network, startTime, ended } = session;
    const text = JSON.stringify(outcomes);
    const values = [id, done, text, usedAt, age, account, network, startTime, Number(ended)];
    this.#context.transaction.run(this.#sql.set, ...values);
    session.hasRow = true;
    session.outcomes = outcomes.length === 0 ? NO_OUTCOMES : undefined;
  }
}
