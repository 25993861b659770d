import type { Context } from "../../database/context.ts";
import { allRows, ROW_BYTES } from "../../database/statements.ts";
import { StoreLost } from "../../errors.ts";
import type { Mailbox, PendingMessage } from "../mailbox/mailbox.ts";
import { MailboxCounts } from "../mailbox/mailbox_counts.ts";
import type { Mailboxes } from "../mailbox/mailboxes.ts";
import type { Deadlines } from "./deadlines.ts";
import { PendingMessages } from "./pending_messages.ts";
import { type Message, type MessageOf, MessageRows, type StoredMessage } from "./rows/message_rows.ts";
import type { TimedRows } from "./rows/timed_rows.ts";

/** Messages that stay although they have expired that are passed at a time. */
const STAYING_MESSAGES = 256;

/** A message whose time has come. */
export interface DueMessage {
  seq: number;
  bytes: number;
  mailbox: Mailbox;
  /** Whether it waits for its next attempt. */
  waits: boolean;
}

/**
 * The messages of mailboxes, but those that are delayed: the ones that only memory has, and the ones with rows. What
 * becomes of a message is the same for both, so that a flush, which makes rows of the former, changes nothing.
 *
 * Invariant: a message has a `due` exactly while it waits for its next attempt, and it is in no lease then.
 */
export class KeptMessages {
  readonly pending = new PendingMessages();
  readonly rows: MessageRows;
  /** How many wait for their next attempt. */
  readonly waiting: MailboxCounts;
  readonly #mailboxes: Mailboxes;

  constructor(context: Context, mailboxes: Mailboxes) {
    this.#mailboxes = mailboxes;
    this.rows = new MessageRows(context, mailboxes);
    const counts = context.db.prepare(
      `SELECT name AS mailbox, count(*) AS count FROM message JOIN mailbox ON mailbox.id = mailbox
        WHERE due IS NOT NULL GROUP BY name`,
    );
    this.waiting = new MailboxCounts(allRows(counts));
  }

  get(seq: number): MessageOf | undefined {
    return this.pending.covers(seq) ? this.pending.get(seq) : this.rows.get(seq);
  }

  /** Removes a message that is not leased. */
  remove(mailbox: Mailbox, { seq, bytes, due }: Pick<Message, "seq" | "bytes" | "due">) {
    if (due !== null) this.waiting.add(mailbox.name, -1);
    if (!this.pending.covers(seq)) return this.rows.remove(mailbox, seq, seq, bytes);
    const message = this.#pending(mailbox, seq);
    this.pending.remove(message);
    this.#mailboxes.change(mailbox, message.owner, -1, -bytes);
  }

  /** Removes messages, whose bytes are given by number, and of which none waits. */
  removeAll(mailbox: Mailbox, messages: ReadonlyMap<number, number>) {
    const stored: [number, number][] = [];
    let owner = mailbox.owner, count = 0, sum = 0;
    for (const [seq, bytes] of messages) {
      if (!this.pending.covers(seq)) {
        stored.push([seq, bytes]);
        continue;
      }
      const message = this.#pending(mailbox, seq);
      this.pending.remove(message);
      if (message.owner !== owner) {
        if (count > 0) this.#mailboxes.change(mailbox, owner, -count, -sum);
        owner = message.owner;
        count = sum = 0;
      }
      count++;
      sum += bytes;
    }
    if (count > 0) this.#mailboxes.change(mailbox, owner, -count, -sum);
    if (stored.length > 0) this.#removeRows(mailbox, stored);
  }

  /** Removes messages with rows, those with consecutive numbers together. */
  #removeRows(mailbox: Mailbox, messages: [seq: number, bytes: number][]) {
    messages.sort(([a], [b]) => a - b);
    for (let at = 0; at < messages.length;) {
      const first = messages[at]![0];
      let sum = 0, last = first;
      for (; messages[at]?.[0] === last; last++) sum += messages[at++]![1];
      this.rows.remove(mailbox, first, last - 1, sum);
    }
  }

  #pending({ name }: Mailbox, seq: number): PendingMessage {
    const message = this.pending.get(seq);
    if (message === undefined) throw new StoreLost(`Mailbox ${name} lacks a message that it should have`);
    return message;
  }

  /** All mailboxes are cleared. */
  clearAll() {
    this.pending.clear();
    this.waiting.clear();
  }

  /**
   * Notes how often a message was attempted, and the lease that released it.
   *
   * @param due When its next attempt may be, in milliseconds since 1970; null: at once.
   */
  release(
    mailbox: Mailbox,
    message: Message,
    change: { attempts: number; due: number | null; token: string },
  ) {
    if (change.due !== null) this.waiting.add(mailbox.name, 1);
    const pending = this.#change(mailbox, message, change);
    if (pending !== undefined && change.due !== null) this.pending.waiting.add(pending);
  }

  /** Ends the wait of a message. */
  endWait(mailbox: Mailbox, message: Message) {
    this.waiting.add(mailbox.name, -1);
    this.#change(mailbox, message, { due: null });
  }

  /** Returns the message if only memory has it. */
  #change(
    mailbox: Mailbox,
    message: Message,
    change: Partial<Pick<StoredMessage, "attempts" | "due" | "token">>,
  ): PendingMessage | undefined {
    if (this.pending.covers(message.seq)) return Object.assign(this.#pending(mailbox, message.seq), change);
    this.rows.update(mailbox, message as StoredMessage, change);
    return undefined;
  }

  /** Gives those that have expired to `pass`, the first first, until it has returned true `limit` times. */
  passExpired(now: number, limit: number, pass: (message: DueMessage) => boolean) {
    this.#passDue(now, limit, this.rows.expiring, this.pending.expiring, pass);
  }

  /** The same for those whose wait for their next attempt is over. */
  passWaited(now: number, limit: number, pass: (message: DueMessage) => boolean) {
    this.#passDue(now, limit, this.rows.waiting, this.pending.waiting, pass);
  }

  #passDue(
    now: number,
    limit: number,
    rows: TimedRows,
    pending: Deadlines<PendingMessage>,
    pass: (message: DueMessage) => boolean,
  ) {
    const stored = rows.due(now);
    let row = stored.next().value;
    for (let count = 0; count < limit;) {
      const message = pending.due(now);
      if (row === undefined && message === undefined) break;
      // of the same time, the one with a row has the lower number
      if (row !== undefined && row.time <= (message === undefined ? Infinity : pending.next!)) {
        const mailbox = this.rows.mailboxOf(row);
        if (mailbox !== undefined && pass({ ...row, mailbox, waits: row.waits === 1 })) count++;
        row = stored.next().value;
      } else {
        pending.remove();
        const { seq, bytes, mailbox, due } = message!;
        if (pass({ seq, bytes, mailbox, waits: due !== null })) count++;
      }
    }
    stored.return(undefined);
  }

  /**
   * Passes expired messages at the front that stay, as far as a page goes: they are leased, or their mailbox was cleared. That
   * changes no outcome. Returns how many can be removed at once without many of those in between; undefined: any number.
   */
  passStaying(now: number, isLeased: (seq: number) => boolean): number | undefined {
    const { rows, pending } = this;
    for (let i = 0; i < STAYING_MESSAGES; i++) {
      const message = pending.expiring.due(now);
      if (message === undefined || !isLeased(message.seq)) break;
      pending.expiring.remove();
    }
    return rows.expiring.passStaying(
      now,
      (row) => isLeased(row.seq) || this.rows.mailboxOf(row) === undefined,
    );
  }

  /** When {@linkcode passExpired} or {@linkcode passWaited} may have something to do. */
  get nextDue(): number {
    const { rows, pending } = this;
    return Math.min(...[rows, pending].flatMap(({ expiring, waiting }) => [
      expiring.next ?? Infinity,
      waiting.next ?? Infinity,
    ]));
  }

  /** Gives up to `count` of the oldest messages that have no rows: fewer if they are long. Returns how many they were. */
  flush(count: number): number {
    const messages = this.pending.oldest(count, count * ROW_BYTES);
    if (messages.length === 0) return 0;
    this.rows.insert(messages.filter(({ mailbox }) => !mailbox.isCleared));
    this.pending.store(messages);
    return messages.length;
  }
}
