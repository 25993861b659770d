import type { PendingMessage } from "../mailbox/mailbox.ts";
import { Deadlines } from "./deadlines.ts";

/** Numbers of messages that are gone, at the beginning, before they are removed. */
const MAX_GONE = 1024;

/**
 * The messages that only memory has, by number.
 *
 * Invariant: every message with a row has a lower number than all of them, so rows are made for the oldest first.
 */
export class PendingMessages {
  /** The messages with the numbers from `#first` on; undefined: it is gone, or was put with a delay. */
  #messages: (PendingMessage | undefined)[] = [];
  #first = Infinity;
  /** The first that is there; all before it are gone. */
  #head = 0;
  /** Messages that are there, and bytes of their texts. */
  count = 0;
  bytes = 0;
  /** Those that will expire. */
  expiring = deadlines("expires");
  /** Those that wait for their next attempt. */
  waiting = deadlines("due");

  /** Adds a message, whose number is higher than all before. */
  add(message: PendingMessage) {
    const messages = this.#messages;
    if (messages.length === 0) this.#first = message.seq;
    while (this.#first + messages.length < message.seq) messages.push(undefined);
    messages.push(message);
    this.count++;
    this.bytes += message.bytes;
    message.mailbox.queueOf(message).append(message);
    if (message.expires !== null) this.expiring.add(message);
  }

  /** Whether a message with this number, if there is one, has no row. */
  covers(seq: number): boolean {
    return seq >= this.#first + this.#head;
  }

  get(seq: number): PendingMessage | undefined {
    const message = this.#messages[seq - this.#first];
    return message?.mailbox.isCleared ? undefined : message;
  }

  /** Removes all at once: takes the same time for any number. */
  clear() {
    this.#messages = [];
    this.#first = Infinity;
    this.#head = this.count = this.bytes = 0;
    this.expiring = deadlines("expires");
    this.waiting = deadlines("due");
  }

  /** Removes a message that is there. */
  remove(message: PendingMessage) {
    this.#forget(message);
    message.mailbox.queueOf(message).remove(message);
    this.#trim();
  }

  /**
   * Up to `count` of them, the oldest first, also those of mailboxes that were cleared, until {@linkcode store} removes
   * them: fewer if they have more than about `maxBytes` bytes of text.
   */
  oldest(count: number, maxBytes = Infinity): PendingMessage[] {
    const found: PendingMessage[] = [], messages = this.#messages;
    let bytes = 0;
    for (let at = this.#head; at < messages.length && found.length < count && bytes < maxBytes; at++) {
      const message = messages[at];
      if (message === undefined) continue;
      found.push(message);
      bytes += message.bytes;
    }
    return found;
  }

  /** Up to `count` of them, the oldest first, of mailboxes that were not cleared. */
  oldestKept(count: number): PendingMessage[] {
    const found: PendingMessage[] = [], messages = this.#messages;
    for (let at = this.#head; at < messages.length && found.length < count; at++) {
      const message = messages[at];
      if (message !== undefined && !message.mailbox.isCleared) found.push(message);
    }
    return found;
  }

  /** The oldest ones have rows now, or need none. */
  store(messages: readonly PendingMessage[]) {
    for (const message of messages) {
      this.#forget(message);
      message.mailbox.queueOf(message).store(message);
    }
    this.#trim();
  }

  #forget(message: PendingMessage) {
    this.#messages[message.seq - this.#first] = undefined;
    this.count--;
    this.bytes -= message.bytes;
  }

  #trim() {
    const messages = this.#messages;
    while (this.#head < messages.length && messages[this.#head] === undefined) this.#head++;
    if (this.#head === messages.length) {
      this.#messages = [];
      // so that entries of what is gone are not removed one by one
      if (!this.expiring.isEmpty) this.expiring = deadlines("expires");
      if (!this.waiting.isEmpty) this.waiting = deadlines("due");
    } else if (this.#head > MAX_GONE && 2 * this.#head > messages.length) {
      messages.splice(0, this.#head);
    } else {
      return;
    }
    this.#first += this.#head;
    this.#head = 0;
  }
}

function deadlines(time: "expires" | "due"): Deadlines<PendingMessage> {
  return new Deadlines({
    timeOf: (message) => message.isGone || message.mailbox.isCleared ? undefined : message[time] ?? undefined,
    isBefore,
  });
}

function isBefore(a: PendingMessage, b: PendingMessage): boolean {
  return a.seq < b.seq;
}
