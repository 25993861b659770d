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
  readonly expiring = new Deadlines<PendingMessage>({
    timeOf: ({ isGone, expires }) => isGone ? undefined : expires ?? undefined,
    isBefore,
  });
  /** Those that wait for their next attempt. */
  readonly waiting = new Deadlines<PendingMessage>({
    timeOf: ({ isGone, due }) => isGone ? undefined : due ?? undefined,
    isBefore,
  });

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
    return this.#messages[seq - this.#first];
  }

  /** Removes a message that is there. */
  remove(message: PendingMessage) {
    this.#forget(message);
    message.mailbox.queueOf(message).remove(message);
    this.#trim();
  }

  /** Up to `count` of them, the oldest first: fewer if they have more than about `maxBytes` bytes of text. */
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

  /** The oldest ones have rows now. */
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
    } else if (this.#head > MAX_GONE && 2 * this.#head > messages.length) {
      messages.splice(0, this.#head);
    } else {
      return;
    }
    this.#first += this.#head;
    this.#head = 0;
  }
}

function isBefore(a: PendingMessage, b: PendingMessage): boolean {
  return a.seq < b.seq;
}
