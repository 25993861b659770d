import type { Context } from "../../../database/context.ts";
import { checksumOf } from "../../../database/checksum.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../../database/statements.ts";
import type { Transaction } from "../../../database/transaction.ts";
import type { Put } from "../../../requests/message.ts";
import { MailboxCounts } from "../../mailbox/mailbox_counts.ts";

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

  constructor({ db, transaction }: Pick<Context, "db" | "transaction">) {
    this.#transaction = transaction;
    const select = `SELECT ${DELAYED_COLUMNS} FROM delayed`;
    this.#sql = prepareAll(db, {
      add: `INSERT INTO delayed (${DELAYED_COLUMNS})
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      due: `${select} WHERE due <= ? ORDER BY due, id ${LIMIT}`,
      next: "SELECT due FROM delayed ORDER BY due LIMIT 1",
      of: `${select} WHERE mailbox = ?`,
      remove: "DELETE FROM delayed WHERE id = ?",
      clear: "DELETE FROM delayed WHERE mailbox = ?",
    });
    const counts = db.prepare("SELECT mailbox, count(*) AS count FROM delayed GROUP BY mailbox");
    this.counts = new MailboxCounts(allRows(counts));
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
    return allRows(this.#sql.due, now, limit);
  }

  /** Those of one mailbox. */
  of(mailbox: string): DelayedMessage[] {
    return this.counts.of(mailbox) === 0 ? [] : allRows(this.#sql.of, mailbox);
  }

  remove({ id, mailbox }: DelayedMessage) {
    this.#transaction.run(this.#sql.remove, id);
    this.counts.add(mailbox, -1);
  }

  /** Removes those of one mailbox. */
  clear(mailbox: string) {
    if (this.counts.clear(mailbox) > 0) this.#transaction.run(this.#sql.clear, mailbox);
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
