import type { Context } from "../../../database/context.ts";
import { checksumOf } from "../../../database/checksum.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../../database/statements.ts";
import type { Transaction } from "../../../database/transaction.ts";
import type { Put } from "../../../requests/message.ts";
import { MailboxCounts } from "../../mailbox/mailbox_counts.ts";
import { reportDamage } from "../../whole_row.ts";

export interface DelayedMessage extends Omit<Put, "kind" | "expires" | "owner"> {
  id: number;
  expires: number | null;
  /** The owner's number. */
  owner: number;
  due: number;
  /** Null in a row of the version before the journal. */
  checksum: number | null;
}

/** The columns of a {@linkcode DelayedMessage}. */
export const DELAYED_COLUMNS = "id, due, mailbox, sender, time, text, bytes, expires, owner, checksum";

/** Messages that were put with a delay. They get a row in `message` when it is over. */
export class DelayedMessages {
  readonly counts: MailboxCounts;
  readonly #transaction: Transaction;
  readonly #sql;
  /** None is due earlier; NaN: not known. */
  #next = NaN;
  /** What was cleared and has rows still: the numbers up to which that is so, by mailbox, and of all. */
  readonly #clearedOf = new Map<string, number>();
  #cleared = 0;
  /** How many rows that is, so that a checkpoint removes them little by little. */
  #clearedRows = 0;

  constructor(context: Pick<Context, "db" | "transaction" | "onEvent">) {
    const { db, transaction } = context;
    this.#transaction = transaction;
    const select = `SELECT ${DELAYED_COLUMNS} FROM delayed`;
    this.#sql = prepareAll(db, {
      add: `INSERT INTO delayed (${DELAYED_COLUMNS})
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      due: `${select} WHERE due <= ? ORDER BY due, id ${LIMIT}`,
      next: "SELECT due FROM delayed ORDER BY due LIMIT 1",
      of: `${select} WHERE mailbox = ? AND id > ? ORDER BY id ${LIMIT}`,
      remove: "DELETE FROM delayed WHERE id = ?",
      sweep: `DELETE FROM delayed WHERE id IN (SELECT id FROM delayed WHERE id <= ? ${LIMIT})`,
      sweepOf:
        `DELETE FROM delayed WHERE id IN (SELECT id FROM delayed WHERE mailbox = ? AND id <= ? ${LIMIT})`,
    });
    const counts = allRows<{ mailbox: string; count: number; isKnown: number }>(db.prepare(`
      SELECT mailbox, count(*) AS count, EXISTS (SELECT 1 FROM mailbox WHERE name = delayed.mailbox) AS isKnown
        FROM delayed GROUP BY mailbox`));
    this.counts = new MailboxCounts(counts);
    // a message that waits has a mailbox: without one its index has changed by itself, or the mailbox's name
    for (const { mailbox, isKnown } of counts) if (!isKnown) reportDamage(context, "delayed", mailbox);
  }

  /** @param owner The owner's number. */
  add(id: number, { mailbox, sender, time, text, bytes, expires, delay = 0 }: Put, owner: number) {
    this.#transaction.begin();
    const values = [id, time + delay, mailbox, sender, time, text, bytes, expires ?? null, owner];
    this.#sql.add.run(...values, checksumOf(...values));
    this.counts.add(mailbox, 1);
    if (time + delay < this.#next) this.#next = time + delay;
  }

  /** When the first is due, or earlier; `Infinity` if there is none. */
  get next(): number {
    if (this.counts.of() === 0) return Infinity;
    if (Number.isNaN(this.#next)) this.#next = firstRow<{ due: number }>(this.#sql.next)!.due;
    return this.#next;
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): DelayedMessage[] {
    if (this.next > now) return [];
    // the caller removes them
    this.#next = NaN;
    for (;;) {
      const rows = allRows<DelayedMessage>(this.#sql.due, now, limit), cleared = rows.filter(this.#isCleared);
      if (cleared.length === 0) return rows;
      for (const { id } of cleared) this.#transaction.run(this.#sql.remove, id);
      this.#clearedRows -= cleared.length;
    }
  }

  /** Up to so many of one mailbox, from the first behind `after`. */
  of(mailbox: string, after: number, limit: number): DelayedMessage[] {
    if (this.counts.of(mailbox) === 0) return [];
    const cleared = Math.max(this.#cleared, this.#clearedOf.get(mailbox) ?? 0);
    return allRows(this.#sql.of, mailbox, Math.max(after, cleared), limit);
  }

  readonly #isCleared = ({ id, mailbox }: DelayedMessage): boolean =>
    id <= this.#cleared || id <= (this.#clearedOf.get(mailbox) ?? 0);

  remove({ id, mailbox }: DelayedMessage) {
    this.#transaction.run(this.#sql.remove, id);
    this.counts.add(mailbox, -1);
  }

  /** Removes those of one mailbox, or of all, with numbers up to `last`. Their rows are removed by {@linkcode flush}. */
  clear(last: number, mailbox?: string) {
    const cleared = this.counts.clear(mailbox);
    if (cleared === 0) return;
    this.#clearedRows += cleared;
    if (mailbox !== undefined) this.#clearedOf.set(mailbox, last);
    else {
      this.#cleared = last;
      this.#clearedOf.clear();
    }
  }

  /** How much there is to {@linkcode flush}. */
  get unflushed(): number {
    return Math.max(0, this.#clearedRows) + this.#clearedOf.size + Number(this.#cleared > 0);
  }

  /** Removes up to so many rows of what was cleared. Returns how many, and one for each mailbox. */
  flush(rows: number): number {
    let left = Math.min(rows, Number.MAX_SAFE_INTEGER);
    if (this.#cleared > 0 && left > 0) {
      const { changes } = this.#transaction.run(this.#sql.sweep, this.#cleared, left);
      if (changes < left) this.#cleared = 0;
      left -= Number(changes);
      this.#clearedRows -= Number(changes);
    }
    for (const [mailbox, last] of this.#clearedOf) {
      if (left <= 0) break;
      const { changes } = this.#transaction.run(this.#sql.sweepOf, mailbox, last, left);
      if (changes < left) this.#clearedOf.delete(mailbox);
      left -= 1 + Number(changes);
      this.#clearedRows -= Number(changes);
    }
    // a row that is damaged may stand in another mailbox: it must not be waited for
    if (this.#cleared === 0 && this.#clearedOf.size === 0) this.#clearedRows = 0;
    return Math.min(rows, Number.MAX_SAFE_INTEGER) - left;
  }
}

/** Whether a message is as it was written. */
export function isWholeDelayed(message: DelayedMessage): boolean {
  return message.checksum === null || message.checksum === checksumOfDelayed(message);
}

/** The checksum that a row of `delayed` has to have. */
export function checksumOfDelayed(message: Omit<DelayedMessage, "checksum">): number {
  const { id, due, mailbox, sender, time, text, bytes, expires, owner } = message;
  return checksumOf(id, due, mailbox, sender, time, text, bytes, expires, owner);
}
