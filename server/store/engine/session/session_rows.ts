import type { Linked } from "../../../quota/owner_lists.ts";
import { checkedColumns, checksumOf } from "../../database/checksum.ts";
import type { Context } from "../../database/context.ts";
import { allRows, prepareAll, ROW_BYTES } from "../../database/statements.ts";
import type { SessionState } from "../../requests/session.ts";
import { isWholeRow, reportDamage } from "../whole_row.ts";
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
  /** The outcomes that its client may lack; undefined: they are in rows, for they may be long. Never changed in place. */
  outcomes: Outcomes | undefined;
  /** How many outcomes have rows, and the highest of their numbers. */
  rows: number;
  lastRow: number;
  /** When it was used last, in milliseconds of the records' monotonic clock. */
  usedAt: number;
  /** Which use of all sessions that was: grows with each. */
  age: number;
  hasRow: boolean;
}

interface SessionRow extends Pick<KeptSession, "id" | "account" | "network" | "done"> {
  /** How many outcomes it has. */
  lacking: number;
  used_at: number;
  use: number;
  start_time: number;
  ended: number;
  checksum: number | null;
}

interface OutcomeRow {
  session: string;
  number: number;
  /** As JSON. */
  text: string;
  checksum: number | null;
}

/** What most sessions have. */
const NO_OUTCOMES: Outcomes = [];

/**
 * The rows of sessions, which are behind what memory has: a session that is used with every record has its row written
 * once a checkpoint. Each outcome has a row of its own, which is written once: a client that keeps many of them, and uses
 * its session, has nothing written again.
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
      outcomes: `SELECT ${checkedColumns("outcome")} FROM outcome WHERE session = ? ORDER BY number`,
      addOutcome: "INSERT INTO outcome (session, number, text, checksum) VALUES (?, ?, ?, ?)",
      removeOutcomes: "DELETE FROM outcome WHERE session = ? AND number < ?",
      set:
        `REPLACE INTO session (id, done, lacking, used_at, use, account, network, start_time, ended, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      remove: "DELETE FROM session WHERE id = ?",
    });
  }

  /** All that have rows, in the order of their last use; undefined for one whose row is damaged. */
  *load(): Generator<KeptSession | undefined> {
    for (const row of allRows<SessionRow>(this.#sql.all)) {
      const { id, account, network, done, lacking, used_at, use, start_time, ended } = row;
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
        outcomes: lacking === 0 ? NO_OUTCOMES : undefined,
        rows: lacking,
        lastRow: done,
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

  /** The outcomes that the client of a session may lack; undefined if a row is damaged, or missing. */
  outcomesOf({ id, outcomes, rows }: KeptSession): Outcomes | undefined {
    if (outcomes !== undefined) return outcomes;
    const found = allRows<OutcomeRow>(this.#sql.outcomes, id);
    const isWhole = (row: OutcomeRow) => isWholeRow(this.#context, "outcome", `${id} ${row.number}`, row);
    if (!found.every(isWhole)) return undefined;
    if (found.length !== rows) {
      reportDamage(this.#context, "outcome", id);
      return undefined;
    }
    return found.map(({ number, text }) => [number, JSON.parse(text)]);
  }

  /** Notes that a session, whose outcomes are in memory now, differs from its row, or has none. */
  changed(session: KeptSession) {
    this.#changed.add(session);
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
    // first of all: there may be an earlier session of the same name
    for (const id of this.#removed) {
      if (left <= 0) return true;
      left -= this.#remove(id);
    }
    for (const session of this.#changed) {
      if (left <= 0) return true;
      left -= this.#store(session);
      this.#changed.delete(session);
    }
    return false;
  }

  /** These return how many rows that was, about. */
  #remove(id: string): number {
    const { transaction } = this.#context;
    transaction.run(this.#sql.remove, id);
    this.#removed.delete(id);
    return 1 + Number(transaction.run(this.#sql.removeOutcomes, id, Number.MAX_SAFE_INTEGER).changes);
  }

  #store(session: KeptSession): number {
    const { id, done, outcomes = NO_OUTCOMES, usedAt, age, account, network, startTime, ended } = session;
    const { transaction } = this.#context;
    let rows = 1;
    if (session.rows > 0) transaction.run(this.#sql.removeOutcomes, id, outcomes[0]?.[0] ?? done + 1);
    for (let at = firstAfter(outcomes, session.lastRow); at < outcomes.length; at++) {
      const [number, outcome] = outcomes[at]!, values = [id, number, JSON.stringify(outcome)] as const;
      transaction.run(this.#sql.addOutcome, ...values, checksumOf(...values));
      rows += 1 + values[2].length / ROW_BYTES;
    }
    const values = [id, done, outcomes.length, usedAt, age, account, network, startTime, Number(ended)];
    transaction.run(this.#sql.set, ...values, checksumOf(...values));
    Object.assign(session, { hasRow: true, rows: outcomes.length, lastRow: done });
    session.outcomes = outcomes.length === 0 ? NO_OUTCOMES : undefined;
    return rows;
  }
}

/** Where the first of these outcomes, which are in the order of their numbers, stands that is above this number. */
function firstAfter(outcomes: Outcomes, number: number): number {
  let at = outcomes.length;
  while (at > 0 && outcomes[at - 1]![0] > number) at--;
  return at;
}
