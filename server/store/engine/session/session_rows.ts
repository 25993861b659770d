import type { Linked } from "../../../quota/owner_lists.ts";
import { checkedColumns, checksumOf } from "../../database/checksum.ts";
import type { Context } from "../../database/context.ts";
import { allRows, firstRow, prepareAll, ROW_BYTES } from "../../database/statements.ts";
import type { SessionState } from "../../requests/session.ts";
import { isWholeRow } from "../whole_row.ts";
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

interface SessionRow extends Pick<KeptSession, "id" | "account" | "network" | "done"> {
  /** As JSON. */
  outcomes: string;
  used_at: number;
  use: number;
  start_time: number;
  ended: number;
  checksum: number | null;
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
      all: `SELECT ${checkedColumns("session")} FROM session ORDER BY use`,
      one: `SELECT ${checkedColumns("session")} FROM session WHERE id = ?`,
      set:
        `REPLACE INTO session (id, done, outcomes, used_at, use, account, network, start_time, ended, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      remove: "DELETE FROM session WHERE id = ?",
    });
  }

  /** All that have rows, in the order of their last use; undefined for one whose row is damaged. */
  *load(): Generator<KeptSession | undefined> {
    for (const row of allRows<SessionRow>(this.#sql.all)) {
      const { id, account, network, done, outcomes, used_at, use, start_time, ended } = row;
      if (!isWholeRow(this.#context, "session", id, row)) {
        this.#removed.add(id);
        yield undefined;
        continue;
      }
      yield {
        id,
        account,
        network,
        startTime: start_time,
        ended: ended === 1,
        done,
        outcomes: outcomes === "[]" ? NO_OUTCOMES : undefined,
        usedAt: used_at,
        age: use,
        hasRow: true,
        older: undefined,
        newer: undefined,
        use: 0,
        before: undefined,
        after: undefined,
      };
    }
  }

  /** The outcomes that the client of a session may lack; undefined if its row is damaged. */
  outcomesOf(session: KeptSession): Outcomes | undefined {
    if (session.outcomes !== undefined) return session.outcomes;
    const row = firstRow<SessionRow>(this.#sql.one, session.id)!;
    return isWholeRow(this.#context, "session", session.id, row) ? JSON.parse(row.outcomes) : undefined;
  }

  /** Notes that a session, whose outcomes are in memory now, differs from its row, or has none. */
  changed(session: KeptSession) {
    this.#changed.add(session);
    // there may still be a row of an earlier session of this name
    if (this.#removed.delete(session.id)) session.hasRow = true;
  }

  /** Notes that a session is gone. */
  removed(session: KeptSession) {
    this.#changed.delete(session);
    if (session.hasRow) this.#removed.add(session.id);
  }

  /** How much there is to {@linkcode flush}. */
  get unflushed(): number {
    return this.#removed.size + this.#changed.size;
  }

  /** Brings up to about so many rows up to date: fewer if they are long. Returns whether there are more. */
  flush(rows: number): boolean {
    let left = rows;
    for (const id of this.#removed) {
      if (left-- <= 0) return true;
      this.#context.transaction.run(this.#sql.remove, id);
      this.#removed.delete(id);
    }
    for (const session of this.#changed) {
      if (left <= 0) return true;
      left -= 1 + this.#store(session) / ROW_BYTES;
      this.#changed.delete(session);
    }
    return false;
  }

  /** Returns how long its outcomes are. */
  #store(session: KeptSession): number {
    const { id, done, outcomes = NO_OUTCOMES, usedAt, age, account, network, startTime, ended } = session;
    const text = JSON.stringify(outcomes);
    const values = [id, done, text, usedAt, age, account, network, startTime, Number(ended)];
    this.#context.transaction.run(this.#sql.set, ...values, checksumOf(...values));
    session.hasRow = true;
    session.outcomes = outcomes.length === 0 ? NO_OUTCOMES : undefined;
    return text.length;
  }
}
