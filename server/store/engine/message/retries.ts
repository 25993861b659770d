import type { DatabaseSync } from "node:sqlite";
import { LIMIT } from "../../database/bound_limit.ts";
import { MailboxCounts } from "./mailbox_counts.ts";
import type { Transaction } from "../../database/transaction.ts";

/** A message that waits to be tried again. */
export interface Retry {
  seq: number;
  /** Undefined where its mailbox was cleared. */
  mailbox: string | undefined;
}

/**
 * Messages that an attempt failed at and that are not to be given out for a time. They keep their rows, and with them
 * their place in the order.
 *
 * Invariant: a message waits where its row has a `due`, and is in no lease then. {@linkcode count} counts those whose
 * mailbox was not cleared.
 */
export class Retries {
  readonly #transaction: Transaction;
  readonly #sql;
  readonly #counts: MailboxCounts;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      set: sql("UPDATE message SET due = ? WHERE seq = ?"),
      due: sql(
        `SELECT seq, name AS mailbox FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
          WHERE due <= ? ORDER BY due, seq ${LIMIT}`,
      ),
    };
    const counts = db.prepare(
      `SELECT name, count(*) AS messages FROM message JOIN mailbox ON mailbox.id = mailbox
        WHERE due IS NOT NULL GROUP BY name`,
    ).all();
    this.#counts = new MailboxCounts(
      transaction,
      new Map(counts.map((row) => [row.name as string, row.messages as number])),
    );
  }

  /** Has a message that has a row wait until `due`, in milliseconds since 1970. */
  add(mailbox: string, seq: number, due: number) {
    this.#transaction.begin();
    this.#sql.set.run(due, seq);
    this.#counts.change(mailbox, 1);
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): Retry[] {
    const rows = this.#sql.due.all(now, limit) as unknown as { seq: number; mailbox: string | null }[];
    return rows.map(({ seq, mailbox }) => ({ seq, mailbox: mailbox ?? undefined }));
  }

  /** Ends the wait of a message. */
  end({ seq, mailbox }: Retry) {
    this.#transaction.begin();
    this.#sql.set.run(null, seq);
    if (mailbox !== undefined) this.removed(mailbox);
  }

  /** Takes note that the row of one that waits is removed. */
  removed(mailbox: string) {
    this.#counts.change(mailbox, -1);
  }

  /** Takes note that a mailbox is cleared. */
  clear(mailbox: string) {
    const count = this.count(mailbox);
    if (count > 0) this.#counts.change(mailbox, -count);
  }

  /** How many wait of a mailbox, or in all. */
  count(mailbox: string | undefined): number {
    return this.#counts.of(mailbox);
  }
}
