import type { DatabaseSync } from "node:sqlite";
import { LIMIT } from "../../database/bound_limit.ts";
import { MailboxCounts } from "./mailbox_counts.ts";
import type { Put } from "../../requests/message.ts";
import type { Transaction } from "../../database/transaction.ts";

/** A message whose time has not come. */
export interface Delayed extends Omit<Put, "kind" | "expires" | "holder"> {
  id: number;
  expires: number | null;
  /** Number of who is charged for it. */
  holder: number;
}

/** Messages that are not to be given out before their time. */
export class DelayedMessages {
  readonly #transaction: Transaction;
  readonly #sql;
  readonly #counts: MailboxCounts;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql(
        `INSERT INTO delayed (id, due, mailbox, sender, time, body, bytes, expires, holder)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      due: sql(
        `SELECT id, mailbox, sender, time, body AS text, bytes, expires, holder FROM delayed
          WHERE due <= ? ORDER BY due, id ${LIMIT}`,
      ),
      of: sql(
        "SELECT id, mailbox, sender, time, body AS text, bytes, expires, holder FROM delayed WHERE mailbox = ?",
      ),
      remove: sql("DELETE FROM delayed WHERE id = ?"),
      drop: sql("DELETE FROM delayed WHERE mailbox = ?"),
    };
    const counts = db.prepare("SELECT mailbox, count(*) AS messages FROM delayed GROUP BY mailbox").all();
    this.#counts = new MailboxCounts(
      transaction,
      new Map(counts.map((row) => [row.mailbox as string, row.messages as number])),
    );
  }

  /** @param holder Number of who is charged for it. */
  add(id: number, { mailbox, sender, time, text, bytes, expires, delay = 0 }: Put, holder: number) {
    this.#transaction.begin(bytes);
    this.#sql.add.run(id, time + delay, mailbox, sender, time, text, bytes, expires ?? null, holder);
    this.#counts.change(mailbox, 1);
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): Delayed[] {
    return this.#sql.due.all(now, limit) as unknown as Delayed[];
  }

  /** Those of one mailbox. */
  of(mailbox: string): Delayed[] {
    return this.count(mailbox) === 0 ? [] : this.#sql.of.all(mailbox) as unknown as Delayed[];
  }

  remove({ id, mailbox }: Delayed) {
    this.#transaction.begin();
    this.#sql.remove.run(id);
    this.#counts.change(mailbox, -1);
  }

  /** Removes those of one mailbox. */
  drop(mailbox: string) {
    const count = this.count(mailbox);
    if (count === 0) return;
    this.#transaction.begin();
    this.#sql.drop.run(mailbox);
    this.#counts.change(mailbox, -count);
  }

  /** How many there are of a mailbox, or in all. */
  count(mailbox: string | undefined): number {
    return this.#counts.of(mailbox);
  }
}
