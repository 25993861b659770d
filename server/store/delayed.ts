import type { DatabaseSync } from "node:sqlite";
import type { Put } from "./message_requests.ts";
import type { Transaction } from "./transaction.ts";

/** A message whose time has not come. */
export interface Delayed extends Omit<Put, "kind" | "expires"> {
  id: number;
  expires: number | null;
}

/** Messages that are not to be given out before their time. */
export class DelayedMessages {
  readonly #transaction: Transaction;
  readonly #sql;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql(
        "INSERT INTO delayed (id, due, mailbox, sender, time, body, bytes, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      ),
      due: sql(
        "SELECT id, mailbox, sender, time, body AS message, bytes, expires FROM delayed WHERE due <= ? ORDER BY due, id LIMIT ?",
      ),
      remove: sql("DELETE FROM delayed WHERE id = ?"),
      drop: sql("DELETE FROM delayed WHERE mailbox = ?"),
      any: sql("SELECT 1 FROM delayed LIMIT 1"),
      count: sql("SELECT count(*) AS messages FROM delayed WHERE ? IS NULL OR mailbox = ?"),
      counts: sql("SELECT mailbox, count(*) AS messages FROM delayed GROUP BY mailbox"),
    };
  }

  add(id: number, { mailbox, sender, time, message, bytes, expires, delay = 0 }: Put) {
    this.#transaction.begin(bytes);
    this.#sql.add.run(id, time + delay, mailbox, sender, time, message, bytes, expires ?? null);
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): Delayed[] {
    return this.#sql.due.all(now, limit) as unknown as Delayed[];
  }

  remove(id: number) {
    this.#transaction.begin();
    this.#sql.remove.run(id);
  }

  /** Removes those of one mailbox. */
  drop(mailbox: string) {
    this.#transaction.begin();
    this.#sql.drop.run(mailbox);
  }

  get isEmpty(): boolean {
    return this.#sql.any.get() === undefined;
  }

  count(mailbox: string | undefined): number {
    return (this.#sql.count.get(mailbox ?? null, mailbox ?? null) as { messages: number }).messages;
  }

  /** How many there are of each mailbox that has any. */
  counts(): Map<string, number> {
    const rows = this.#sql.counts.all() as { mailbox: string; messages: number }[];
    return new Map(rows.map(({ mailbox, messages }) => [mailbox, messages]));
  }
}
