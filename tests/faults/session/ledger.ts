/**
 * Which messages were sent through sessions to which mailbox, and which were received from it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Mailbox } from "../../../client/mailbox.ts";

/** Messages that a receiver asks for at a time. */
const PREFETCH = 8;

/** The messages of one sender in one mailbox: the numbers from 0, as it sent them and as they were acknowledged. */
interface Column {
  sent: number[];
  received: { id: number; n: number }[];
}

export class SessionLedger {
  /** Messages sent, known to be stored, handed out, and acknowledged with success. */
  sent = 0;
  stored = 0;
  handedOut = 0;
  acknowledged = 0;
  /** Called after a message of this sender was acknowledged. */
  onAcknowledged: (sender: string) => void = () => {};
  readonly #columns = new Map<string, Column>();
  readonly #end = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  #sending = true;

  constructor() {
    // nobody may be waiting yet
    this.#failed.promise.catch(() => {});
  }

  /** Whether an outcome is not known yet of a message that was sent. */
  get pending(): number {
    return this.sent - this.stored;
  }

  #column(mailbox: string, sender: string): Column {
    const name = `${sender} in ${mailbox}`;
    let column = this.#columns.get(name);
    if (column === undefined) this.#columns.set(name, column = { sent: [], received: [] });
    return column;
  }

  /** Sends the next message of a sender. Its outcome is awaited here. */
  send(connection: Mailbox, mailbox: string, sender: string) {
    const { sent } = this.#column(mailbox, sender);
    connection.send(mailbox, sender, `${sent.length} ${sender} ✓, and on to forty bytes`).then(() => {
      this.stored++;
      this.#look();
    }, this.#failed.reject);
    sent.push(sent.length);
    this.sent++;
  }

  /** Receives and acknowledges until {@linkcode finished}. */
  receive(connection: Mailbox, mailbox: string) {
    const receive = async () => {
      for await (
        const message of connection.messages(mailbox, { prefetch: PREFETCH, signal: this.#end.signal })
      ) {
        this.handedOut++;
        message.ack().then((done) => {
          if (!done) return;
          this.acknowledged++;
          const { id, sender, text } = message;
          this.#column(mailbox, sender).received.push({ id, n: Number.parseInt(text) });
          this.onAcknowledged(sender);
          this.#look();
        }).catch(this.#failed.reject);
      }
    };
    receive().catch(this.#failed.reject);
  }

  #look() {
    if (!this.#sending && this.stored === this.sent && this.acknowledged >= this.sent) this.#end.abort();
  }

  /** Waits for `event`, or throws what a sender or a receiver failed with. */
  async unlessFailed<T>(event: Promise<T>): Promise<T> {
    return await Promise.race([event, this.#failed.promise]);
  }

  /** Resolves when everything that was sent was received; no more is sent. Throws what a sender or a receiver threw. */
  async finished() {
    this.#sending = false;
    const { signal } = this.#end, { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => resolve());
    this.#look();
    await this.unlessFailed(promise);
  }

  /**
   * Every mailbox had what each sender sent: once, and in its order, as the messages' IDs show. And each
   * was acknowledged by one receiver only, the last one that got it.
   */
  check() {
    for (const [name, { sent, received }] of this.#columns) {
      assertEquals(received.toSorted((a, b) => a.id - b.id).map(({ n }) => n), sent, name);
    }
    const ids = [...this.#columns.values()].flatMap(({ received }) => received.map(({ id }) => id));
    assertEquals(new Set(ids).size, ids.length, "IDs of messages");
  }
}
