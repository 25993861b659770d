/** Mailboxes that somebody waits for. */
export class Watches {
  readonly #watched = new Set<string>();
  /** Those that have something for him since this batch. */
  readonly #ready = new Set<string>();

  add(mailbox: string) {
    this.#watched.add(mailbox);
  }

  remove(mailbox: string) {
    this.#watched.delete(mailbox);
  }

  /** There is a message in this mailbox. */
  notice(mailbox: string) {
    if (this.#watched.has(mailbox)) this.#ready.add(mailbox);
  }

  /** Ends the batch. Tells each mailbox once. */
  commit(ready: (mailbox: string) => void) {
    for (const mailbox of this.#ready) {
      this.#watched.delete(mailbox);
      ready(mailbox);
    }
    this.#ready.clear();
  }

  rollback() {
    this.#ready.clear();
  }
}
