import type { Transaction } from "../../database/transaction.ts";

/**
 * How many there are of something in each mailbox, and in all: counted in memory, since anybody may ask for it as often
 * as he likes. It comes back to the last commit with the transaction.
 */
export class MailboxCounts {
  readonly #transaction: Transaction;
  readonly #counts: Map<string, number>;
  #total = 0;

  /** @param counts What the database holds. */
  constructor(transaction: Transaction, counts: ReadonlyMap<string, number>) {
    this.#transaction = transaction;
    this.#counts = new Map(counts);
    for (const count of counts.values()) this.#total += count;
  }

  /** Of a mailbox, or in all. */
  of(mailbox: string | undefined): number {
    return mailbox === undefined ? this.#total : this.#counts.get(mailbox) ?? 0;
  }

  /** So many more, or fewer. */
  change(mailbox: string, by: number) {
    this.#change(mailbox, by);
    this.#transaction.onRollback(() => this.#change(mailbox, -by));
  }

  /** None any more. Returns how many there were. */
  clear(): number {
    const total = this.#total;
    for (const [mailbox, count] of this.#counts) this.change(mailbox, -count);
    return total;
  }

  #change(mailbox: string, by: number) {
    this.#total += by;
    const count = (this.#counts.get(mailbox) ?? 0) + by;
    if (count > 0) this.#counts.set(mailbox, count);
    else this.#counts.delete(mailbox);
  }
}
