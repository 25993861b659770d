import type { DatabaseSync } from "node:sqlite";
import type { DeadLetter } from "./message_requests.ts";
import type { Transaction } from "./transaction.ts";

/** Dead letters that are kept; the oldest goes for one more. */
const MAX_DEAD = 100_000;

/** Messages that were given out too often. */
export class DeadLetterRows {
  readonly #transaction: Transaction;
  readonly #sql;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql("INSERT INTO dead SELECT seq, ?, sender, time, body, bytes FROM message WHERE seq = ?"),
      trim: sql("DELETE FROM dead WHERE id IN (SELECT id FROM dead ORDER BY id DESC LIMIT -1 OFFSET ?)"),
      after: sql(
        "SELECT id, mailbox, sender, time, body AS message FROM dead WHERE id > ? ORDER BY id LIMIT ?",
      ),
      some: sql(
        "SELECT id, mailbox, sender, time, body AS message FROM dead WHERE ? IS NULL OR id = ? ORDER BY id LIMIT ?",
      ),
      drop: sql("DELETE FROM dead WHERE ? IS NULL OR id = ?"),
      count: sql("SELECT count(*) AS messages FROM dead WHERE ? IS NULL OR mailbox = ?"),
    };
  }

  /** Adds a message that has a row; this is left to be removed. */
  add(mailbox: string, seq: number) {
    this.#transaction.begin();
    this.#sql.add.run(mailbox, seq);
    this.#sql.trim.run(MAX_DEAD);
  }

  /** The oldest behind a number. */
  after(id: number, limit: number): DeadLetter[] {
    return this.#sql.after.all(id, limit) as unknown as DeadLetter[];
  }

  /** One, or the oldest of all. */
  some(id: number | undefined, limit: number): DeadLetter[] {
    return this.#sql.some.all(id ?? null, id ?? null, limit) as unknown as DeadLetter[];
  }

  /** Removes one, or all. Returns how many they were. */
  drop(id: number | undefined): number {
    this.#transaction.begin();
    return Number(this.#sql.drop.run(id ?? null, id ?? null).changes);
  }

  count(mailbox: string | undefined): number {
    return (this.#sql.count.get(mailbox ?? null, mailbox ?? null) as { messages: number }).messages;
  }
}
