import type { Context } from "../../database/context.ts";

/**
 * Subscriptions to mailboxes. The event `ready` is raised here and nowhere else: once for each subscription, at the
 * end of the record in which its mailbox has a message that can be taken.
 */
export class ReadyEvents {
  readonly #context: Context;
  readonly #subscribed = new Set<string>();
  /** Those that have a message since this record. */
  readonly #ready = new Set<string>();

  constructor(context: Context) {
    this.#context = context;
  }

  subscribe(mailbox: string) {
    this.#subscribed.add(mailbox);
  }

  unsubscribe(mailbox: string): "set" {
    this.#subscribed.delete(mailbox);
    return "set";
  }

  /** Takes over the subscriptions of another engine. */
  takeOver(other: ReadyEvents) {
    for (const mailbox of other.#subscribed) this.#subscribed.add(mailbox);
  }

  /** The mailbox has a message that can be taken. */
  notify(mailbox: string) {
    if (this.#subscribed.has(mailbox)) this.#ready.add(mailbox);
  }

  /** The server was started: its clients ask anew. */
  start() {
    this.#subscribed.clear();
    this.#ready.clear();
  }

  /** To be called at the end of a record. */
  endRecord() {
    if (this.#ready.size === 0) return;
    for (const mailbox of this.#ready) {
      this.#subscribed.delete(mailbox);
      this.#context.onEvent({ kind: "ready", mailbox });
    }
    this.#ready.clear();
  }
}
