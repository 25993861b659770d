import { checksumOf } from "../../../database/checksum.ts";
import type { Context } from "../../../database/context.ts";
import { allRows, prepareAll } from "../../../database/statements.ts";
import { reportDamage } from "../../whole_row.ts";
import type { Lease } from "../leases.ts";

/** The row of a lease. */
export interface LeaseRow
  extends Omit<Lease, "messages" | "begun" | "given" | "until" | "confirmed" | "taken"> {
  /** Numbers, separated by spaces. */
  messages: string;
  begun: string | null;
  /** Null in a database of the version before the journal. */
  given: number | null;
  until: number | null;
  confirmed: number;
  taken: number;
  checksum: number | null;
}

/** The rows of leases. Which of them are not up to date, their caller knows. */
export class LeaseRows {
  readonly #context: Context;
  readonly #bytesOf: (id: number) => number;
  readonly #sql;

  /** @param bytesOf How long the text of a message is. */
  constructor(context: Context, bytesOf: (id: number) => number) {
    this.#context = context;
    this.#bytesOf = bytesOf;
    this.#sql = prepareAll(context.db, {
      set: `REPLACE INTO lease (token, session, tag, mailbox, duration, messages, network, account, begun,
        given, until, confirmed, use, taken, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      drop: "DELETE FROM lease WHERE token = ?",
      all: "SELECT * FROM lease ORDER BY use, token",
    });
  }

  /** The leases that have rows, in the order of their last use. Those that are damaged are dropped. */
  *read(): Generator<Lease> {
    const context = this.#context, now = context.monotonicClock();
    for (const row of allRows<LeaseRow>(this.#sql.all)) {
      if (!isWholeLease(row)) {
        // as if it had ended: its messages are given out again
        reportDamage(context, "lease", row.token);
        context.transaction.run(this.#sql.drop, row.token);
        continue;
      }
      yield {
        ...row,
        messages: new Map(numbersOf(row.messages).map((id) => [id, this.#bytesOf(id)])),
        begun: row.begun === null ? undefined : new Set(numbersOf(row.begun)),
        given: row.given ?? now,
        until: row.until ?? now + row.duration,
        confirmed: row.confirmed === 1,
        taken: row.taken === 1,
        stored: true,
        older: undefined,
        newer: undefined,
      };
    }
  }

  /** Brings the row of a lease up to date; one without messages has none. */
  write(lease: Lease) {
    const { messages, begun } = lease;
    lease.stored = messages.size > 0;
    if (!lease.stored) return this.remove(lease);
    const values = valuesOf({
      ...lease,
      messages: [...messages.keys()].join(" "),
      begun: begun === undefined ? null : [...begun].join(" "),
      confirmed: Number(lease.confirmed),
      taken: Number(lease.taken),
    });
    this.#context.transaction.run(this.#sql.set, ...values, checksumOf(...values));
  }

  remove({ token }: Lease) {
    this.#context.transaction.run(this.#sql.drop, token);
  }
}

function numbersOf(ids: string): number[] {
  return ids === "" ? [] : ids.split(" ").map(Number);
}

/** Whether a row of `lease` is as it was written. */
export function isWholeLease(row: LeaseRow): boolean {
  return row.checksum === null || row.checksum === checksumOfLease(row);
}

/** The checksum that a row of `lease` has to have. */
export function checksumOfLease(row: Omit<LeaseRow, "checksum">): number {
  return checksumOf(...valuesOf(row));
}

/** The values of a lease's row, in the order of its columns, but the checksum. */
function valuesOf(row: Omit<LeaseRow, "checksum">): (string | number | null)[] {
  const { token, session, tag, mailbox, duration, messages, network, account, begun } = row;
  const { given, until, confirmed, use, taken } = row;
  return [
    token,
    session,
    tag,
    mailbox,
    duration,
    messages,
    network,
    account,
    begun,
    given,
    until,
    confirmed,
    use,
    taken,
  ];
}
