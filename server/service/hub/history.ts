/**
 * The last messages of each channel in memory, and which of them the store does not have yet.
 *
 * @module
 */

import { utf8Length } from "../../../protocol/mailbox.ts";
import type {
  ChannelChange,
  ChannelMessage,
  RemoveChannel,
  StoredChannel,
} from "../../store/requests/channel.ts";
import type { UsedKey } from "../../store/requests/keyed.ts";
import { HistoryIds } from "./history_ids.ts";

/** Limits of messages, from 1, of one channel, and of the bytes of all together, with their senders. */
export const DEFAULT_HISTORY_LIMITS = { messages: 1000, bytes: 64 * 1024 ** 2 };
export type HistoryLimits = Readonly<typeof DEFAULT_HISTORY_LIMITS>;

/** Stores a change. Resolves when it is durable; to false if it could not be written. */
export type StoreChannel = (change: ChannelChange | RemoveChannel) => Promise<boolean>;

export const MAX_CHANNEL_BYTES = 256 * 1024;

/** What goes to the store at a time, about: some milliseconds' work. */
const PIECE_BYTES = 512 * 1024, PIECE_MESSAGES = 4096, PIECE_CHANNELS = 256;

/** What is kept of a channel, with its last messages. */
export class ChannelRecord {
  /** Who created it, see `quota/owner.ts`; empty if that is not known. */
  owner = "";
  /** Its place among the listed channels, from 1; 0: it is not listed. */
  place = 0;
  /** Numbers of the messages that are kept: from `first` to before `next`. */
  first = 1;
  next = 1;
  bytes = 0;
  /** The store has the messages before this number. */
  stored = 1;
  /** Keys of the requests that said messages which the store does not have, by the messages' numbers. */
  readonly keys = new Map<number, UsedKey>();
  ids = HistoryIds.create();
  /** The message with number n is at n modulo the size. */
  readonly #ring: (ChannelMessage | undefined)[] = [];
  readonly #size: number;

  /** @param size Messages that are kept, from 1. */
  constructor(readonly name: string, size: number) {
    this.#size = size;
  }

  get isEmpty(): boolean {
    return this.first === this.next;
  }

  /** When the last message that is kept came, in milliseconds since 1970; 0 if there is none. */
  get lastTime(): number {
    return this.isEmpty ? 0 : this.#ring[(this.next - 1) % this.#size]!.time;
  }

  add(message: ChannelMessage) {
    if (this.next - this.first >= this.#size) this.dropOldest();
    this.#ring[this.next % this.#size] = message;
    this.next++;
    this.bytes += message.bytes;
    while (this.bytes > MAX_CHANNEL_BYTES) this.dropOldest();
  }

  /** The message with a number from `first` to before `next`. */
  message(number: number): ChannelMessage {
    return this.#ring[number % this.#size]!;
  }

  dropOldest() {
    const place = this.first % this.#size;
    this.bytes -= this.#ring[place]!.bytes;
    this.#ring[place] = undefined;
    this.first++;
  }

  /** The store has the messages before this number. */
  store(before: number) {
    this.stored = before;
    for (const number of this.keys.keys()) if (number < before) this.keys.delete(number);
  }

  /** Messages that the store does not have, as many as go to it at a time. */
  unstored(): Pick<ChannelChange, "from" | "messages" | "bytes" | "keys"> {
    const from = Math.max(this.stored, this.first), messages: ChannelMessage[] = [];
    let bytes = 0;
    for (let n = from; n < this.next && messages.length < PIECE_MESSAGES && bytes < PIECE_BYTES; n++) {
      const message = this.#ring[n % this.#size]!;
      messages.push(message);
      bytes += message.bytes;
    }
    const before = from + messages.length;
    const keys = [...this.keys].flatMap(([number, key]) => number < before ? [key] : []);
    return { from, messages, bytes, ...keys.length > 0 ? { keys } : {} };
  }
}

export class History {
  readonly #limits: HistoryLimits;
  /** All of them, ordered by their last message as of the last write, the oldest first. */
  readonly #records = new Set<ChannelRecord>();
  /** Those that the store does not have as they are now. */
  readonly #changed = new Set<ChannelRecord>();
  /** Names of those that the store is to remove, before it gets what is new. */
  readonly #removed = new Set<string>();
  #bytes = 0;
  #places = 0;
  /** Who waits until the store has a message, by its channel. */
  readonly #waiting = new Map<ChannelRecord, { number: number; resolve(isStored: boolean): void }[]>();
  /** Is called when there is something that the store does not have. */
  onChange: () => void = () => {};

  /**
   * @param stored What the store has.
   * @param isComplete Whether nothing was said that the store does not have.
   */
  constructor(limits: HistoryLimits, stored: readonly StoredChannel[], isComplete = true) {
    this.#limits = limits;
    for (const { name, owner, place, history, first, messages } of stored) {
      const record = this.create(name);
      record.owner = owner;
      record.place = place;
      record.first = record.next = first;
      for (const message of messages) record.add(message);
      record.stored = record.next;
      this.#bytes += record.bytes;
      this.#places = Math.max(this.#places, place);
      const ids = HistoryIds.decode(history);
      if (ids !== undefined) record.ids = ids;
      if (ids !== undefined && !isComplete) record.ids.renew(record.next);
      // the limits may have been lowered, too
      if (record.first !== first || record.ids.encode() !== history) this.#changed.add(record);
    }
  }

  /** Bytes of all messages, with their senders. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The listed channels in their order, then the others. */
  get records(): ChannelRecord[] {
    return [...this.#records].sort((a, b) => (a.place || Infinity) - (b.place || Infinity));
  }

  /** A channel that is not listed. The store gets it once it is, or once it has a message. */
  create(name: string): ChannelRecord {
    const record = new ChannelRecord(name, this.#limits.messages);
    this.#records.add(record);
    return record;
  }

  /** Lists a channel, behind all others. */
  list(record: ChannelRecord) {
    record.place = ++this.#places;
    this.#changed.add(record);
    this.onChange();
  }

  /** Adds a message, and returns its number. */
  add(record: ChannelRecord, sender: string, time: number, text: string): number {
    const before = record.bytes;
    record.add({ sender, time, text, bytes: utf8Length(sender) + utf8Length(text) });
    this.#bytes += record.bytes - before;
    this.#changed.add(record);
    this.onChange();
    return record.next - 1;
  }

  /** Whether the store has all of it. */
  get isStored(): boolean {
    return this.#changed.size === 0 && this.#removed.size === 0;
  }

  /** Resolves when the store has the message of this number: to false if it can't be written now. */
  whenStored(record: ChannelRecord, number: number): Promise<boolean> {
    if (record.stored > number || !this.#records.has(record)) return Promise.resolve(true);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const waiting = this.#waiting.get(record);
    if (waiting === undefined) this.#waiting.set(record, [{ number, resolve }]);
    else waiting.push({ number, resolve });
    return promise;
  }

  /** Answers those who wait for messages before this number. */
  #settle(record: ChannelRecord, before: number, isStored: boolean) {
    const waiting = this.#waiting.get(record);
    if (waiting === undefined) return;
    const left = waiting.filter(({ number }) => number >= before);
    if (left.length > 0) this.#waiting.set(record, left);
    else this.#waiting.delete(record);
    for (const { number, resolve } of waiting) if (number < before) resolve(isStored);
  }

  /** Removes a channel with its messages. */
  remove(record: ChannelRecord) {
    // what is gone is waited for by nobody
    this.#settle(record, record.next, true);
    this.#records.delete(record);
    this.#changed.delete(record);
    this.#bytes -= record.bytes;
    this.#removed.add(record.name);
    this.onChange();
  }

  /**
   * Writes what is new to the store, or a piece of it, all at once: what is said meanwhile is for the next call. Returns
   * whether it could be written; what could not is tried again the next time. One call at a time.
   */
  async write(keep: StoreChannel): Promise<boolean> {
    this.#shrink();
    // before another one of its name is there
    return await this.#writeRemoved(keep) && await this.#writeChanged(keep);
  }

  async #writeRemoved(keep: StoreChannel): Promise<boolean> {
    const names = [...this.#removed];
    this.#removed.clear();
    const kept = await Promise.all(names.map((name) => keep({ kind: "remove channel", name })));
    names.forEach((name, i) => kept[i] || this.#removed.add(name));
    return !kept.includes(false);
  }

  async #writeChanged(keep: StoreChannel): Promise<boolean> {
    const written: { record: ChannelRecord; next: number; kept: Promise<boolean> }[] = [];
    let bytes = 0, messages = 0;
    for (const record of this.#changed) {
      if (written.length >= PIECE_CHANNELS || messages >= PIECE_MESSAGES || bytes >= PIECE_BYTES) break;
      this.#changed.delete(record);
      const { name, owner, place, first } = record,
        history = record.ids.encode(),
        unstored = record.unstored();
      const kept = keep({ kind: "channel", name, owner, place, history, first, ...unstored });
      written.push({ record, next: unstored.from + unstored.messages.length, kept });
      bytes += unstored.bytes;
      messages += unstored.messages.length;
    }
    let isKept = true;
    for (const { record, next, kept } of written) {
      const isNow = await kept;
      if (isNow) record.store(next);
      else isKept = false;
      this.#settle(record, next, isNow);
      // unless it was removed meanwhile
      const isLeft = !isNow || record.stored < record.next;
      if (isLeft && this.#records.has(record)) this.#changed.add(record);
    }
    return isKept;
  }

  /** Drops messages of the channels whose last message is the oldest, if all together are too many. */
  #shrink() {
    for (const record of this.#changed) {
      this.#records.delete(record);
      this.#records.add(record);
    }
    for (const record of this.#records) {
      while (this.#bytes > this.#limits.bytes && record.first < record.next) {
        const before = record.bytes;
        record.dropOldest();
        this.#bytes += record.bytes - before;
        this.#changed.add(record);
      }
      if (this.#bytes <= this.#limits.bytes) return;
    }
  }
}
