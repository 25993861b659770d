import type { DatabaseSync } from "node:sqlite";
import { MailboxCounts } from "./mailbox_counts.ts";
import type { DeadLetter } from "./message_requests.ts";
import type { Transaction } from "./transaction.ts";

/** Dead letters that are kept, and bytes of their text; the oldest go for one more. */
const LIMITS = { letters: 100_000, bytes: 256 * 1024 ** 2 };

/** Dead letters that go for one at most: where they are short and it is long, it takes several to come to the limit. */
const MAX_DROPS = 64;

interface Size {
  id: number;
  mailbox: string;
  bytes: number;
}

/** Messages that were given out too often. */
export class DeadLetterRows {
  readonly #transaction: Transaction;
  readonly #limits: typeof LIMITS;
  readonly #sql;
  readonly #counts: MailboxCounts;
  #bytes: number;

  constructor(db: DatabaseSync, transaction: Transaction, limits = LIMITS) {
    this.#transaction = transaction;
    this.#limits = limits;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      add: sql("INSERT INTO dead SELECT seq, ?, sender, time, body, bytes FROM message WHERE seq = ?"),
      after: sql(
        "SELECT id, mailbox, sender, time, body AS message FROM dead WHERE id > ? ORDER BY id LIMIT ?",
      ),
      oldest: sql("SELECT id, mailbox, bytes FROM dead ORDER BY id LIMIT 1"),
      size: sql("SELECT id, mailbox, bytes FROM dead WHERE id = ?"),
      drop: sql("DELETE FROM dead WHERE id = ?"),
      clear: sql("DELETE FROM dead"),
    };
    const counts = db.prepare(
      "SELECT mailbox, count(*) AS letters, sum(bytes) AS bytes FROM dead GROUP BY mailbox",
    ).all();
    this.#counts = new MailboxCounts(
      transaction,
      new Map(counts.map((row) => [row.mailbox as string, row.letters as number])),
    );
    this.#bytes = counts.reduce((sum, row) => sum + (row.bytes as number), 0);
  }

  /** Adds a message that has a row; this is left to be removed. */
  add(mailbox: string, seq: number, bytes: number) {
    this.#transaction.begin();
    this.#sql.add.run(mailbox, seq);
    this.#count(mailbox, 1, bytes);
    for (let i = 0; i < MAX_DROPS && this.#isTooMuch; i++) {
      this.#drop(this.#sql.oldest.get() as unknown as Size);
    }
  }

  /** The oldest behind a number. */
  after(id: number, limit: number): DeadLetter[] {
    return this.#sql.after.all(id, limit) as unknown as DeadLetter[];
  }

  /** The one with this number. */
  get(id: number): DeadLetter | undefined {
    return this.after(id - 1, 1).find((letter) => letter.id === id);
  }

  /** Removes the one with this number, if there is one. */
  drop(id: number) {
    const size = this.#sql.size.get(id) as unknown as Size | undefined;
    if (size !== undefined) this.#drop(size);
  }

  #drop({ id, mailbox, bytes }: Size) {
    this.#transaction.begin();
    this.#sql.drop.run(id);
    this.#count(mailbox, -1, -bytes);
  }

  /** Removes all. Returns how many they were. */
  clear(): number {
    this.#transaction.begin();
    this.#sql.clear.run();
    this.#addBytes(-this.#bytes);
    return this.#counts.clear();
  }

  /** How many there are of a mailbox, or in all. */
  count(mailbox: string | undefined): number {
    return this.#counts.of(mailbox);
  }

  get #isTooMuch(): boolean {
    return this.count(undefined) > this.#limits.letters || this.#bytes > this.#limits.bytes;
  }

  #count(mailbox: string, letters: number, bytes: number) {
    this.#counts.change(mailbox, letters);
    this.#addBytes(bytes);
  }

  #addBytes(bytes: number) {
    this.#bytes += bytes;
    this.#transaction.onRollback(() => this.#bytes -= bytes);
  }
}
