/**
 * How many messages of some kind each mailbox has, and how many there are in all: counted in memory, since clients may
 * ask for it as often as they like.
 */
export class MailboxCounts {
  #counts = new Map<string, number>();
  #total = 0;

  /** @param rows What the database has. */
  constructor(rows: Iterable<{ mailbox: string; count: number }>) {
    for (const { mailbox, count } of rows) this.add(mailbox, count);
  }

  /** Of a mailbox, or in all. */
  of(mailbox?: string): number {
    return mailbox === undefined ? this.#total : this.#counts.get(mailbox) ?? 0;
  }

  add(mailbox: string, count: number) {
    this.#total += count;
    const sum = this.of(mailbox) + count;
    if (sum > 0) this.#counts.set(mailbox, sum);
    else this.#counts.delete(mailbox);
  }

  /** Sets the count of a mailbox, or all counts, to 0. Returns how many there were. */
  clear(mailbox?: string): number {
    const count = this.of(mailbox);
    if (mailbox !== undefined) {
      this.add(mailbox, -count);
    } else {
      // takes the same time for any number
      this.#counts = new Map();
      this.#total = 0;
    }
    return count;
  }
}
