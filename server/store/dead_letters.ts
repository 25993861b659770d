import type { DatabaseSync } from "node:sqlite";
import { MailboxCounts } from "./mailbox_counts.ts";
import type { DeadLetter } from "./message_requests.ts";
import type { Transaction } from "./transaction.ts";

/** Dead letters that are kept; the oldest goes for one more. */
const MAX_DEAD = 100_000;

/** Messages that were given out too often. */
export class DeadLetterRows {
  readonly #transaction: Transaction;
  readonly #sql;
  readonly #counts: MailboxCounts;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql("INSERT INTO dead SELECT seq, ?, sender, time, body, bytes FROM message WHERE seq = ?"),
      after: sql(
        "SELECT id, mailbox, sender, time, body AS message FROM dead WHERE id > ? ORDER BY id LIMIT ?",
      ),
      drop: sql("DELETE FROM dead WHERE id = ?"),
      clear: sql("DELETE FROM dead"),
    };
    const counts = db.prepare("SELECT mailbox, count(*) AS letters FROM dead GROUP BY mailbox").all();
    this.#counts = new MailboxCounts(
      transaction,
      new Map(counts.map((row) => [row.mailbox as string, row.letters as number])),
    );
  }

  /** Adds a message that has a row; this is left to be removed. */
  add(mailbox: string, seq: number) {
    this.#transaction.begin();
    this.#sql.add.run(mailbox, seq);
    this.#counts.change(mailbox, 1);
    const tooMany = this.count(undefined) - MAX_DEAD;
    if (tooMany <= 0) return;
    for (const oldest of this.after(0, tooMany)) this.drop(oldest);
  }

  /** The oldest behind a number. */
  after(id: number, limit: number): DeadLetter[] {
    return this.#sql.after.all(id, limit) as unknown as DeadLetter[];
  }

  /** The one with this number. */
  get(id: number): DeadLetter | undefined {
    return this.after(id - 1, 1).find((letter) => letter.id === id);
  }

  drop({ id, mailbox }: DeadLetter) {
    this.#transaction.begin();
    this.#sql.drop.run(id);
    this.#counts.change(mailbox, -1);
  }

  /** Removes all. Returns how many they were. */
  clear(): number {
    this.#transaction.begin();
    this.#sql.clear.run();
    return this.#counts.clear();
  }

  /** How many there are of a mailbox, or in all. */
  count(mailbox: string | undefined): number {
    return this.#counts.of(mailbox);
  }
}
