import type { Put } from "../../requests/message.ts";
import type { Owner } from "./owners.ts";
import { Registered } from "./registry.ts";

/** A message that was put in this batch and has no row yet. */
export interface Pending {
  seq: number;
  mailbox: Mailbox;
  owner: Owner;
  put: Put;
  /** Whether it is too long for a take. */
  isLong: boolean;
  isTaken: boolean;
}

/** Released messages that are remembered. If there are more, all rows after the first of them are read once more. */
const MAX_RELEASED = 4096;

/**
 * Where to look for the ready messages of a mailbox: those that are not leased and wait for nothing. A mailbox has one
 * queue of the messages that a take may give, and one of those that are too long for it.
 */
export class ReadyQueue {
  /** No message before this is ready, except those in {@linkcode released}. */
  cursor = 0;
  /** Messages before the cursor that became ready again, the lowest number first; some may be gone since. */
  released: number[] = [];
  /** Whether there may be a ready message. */
  mayHaveReady = true;

  constructor(readonly isLong: boolean) {}

  /** A message is ready again, at its place. */
  add(seq: number) {
    this.mayHaveReady = true;
    if (seq >= this.cursor) return;
    const { released } = this;
    let from = 0, to = released.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (released[middle]! < seq) from = middle + 1;
      else to = middle;
    }
    if (released[from] !== seq) released.splice(from, 0, seq);
    if (released.length <= MAX_RELEASED) return;
    this.cursor = released[0]!;
    this.released = [];
  }

  /** Forgets everything: all rows are read again. */
  reset() {
    this.cursor = 0;
    this.released = [];
    this.mayHaveReady = true;
  }
}

/** What memory knows of one mailbox. `Mailboxes.touch` comes before every change. */
export class Mailbox extends Registered {
  messages = 0;
  bytes = 0;
  /** Messages that have a row in `message`; the others are in `pending`, or delayed. */
  stored = 0;
  /** `messages`, `bytes` and the owner's number as its row has them. */
  rowMessages = 0;
  rowBytes = 0;
  rowOwner = 0;
  /** Messages of other owners than its own. */
  otherMessages = 0;
  /** Whether it may have rows in `mailbox_owner`. */
  hasOtherRows = false;
  /** By how much the messages of other owners differ from these rows. */
  others: Map<Owner, { messages: number; bytes: number }> | undefined;
  pending: Pending[] = [];
  nextPending = 0;
  /** Whether a message in `pending` is too long for a take. */
  hasLongPending = false;
  readonly short = new ReadyQueue(false);
  readonly long = new ReadyQueue(true);
  readonly queues: readonly ReadyQueue[] = [this.short, this.long];
  /** Whether the event `long` was raised for it. */
  isLongReported = false;

  /** @param owner The owner of the first of the messages that it holds: it counts against that one's share. */
  constructor(name: string, public owner: Owner) {
    super(name);
  }

  get isEmpty(): boolean {
    return this.messages === 0;
  }

  /** A message that has a row is ready again, at its place. */
  addReady({ seq, long }: { seq: number; long: number }) {
    (long ? this.long : this.short).add(seq);
  }

  forgetPending() {
    if (this.pending.length > 0) this.pending = [];
    this.nextPending = 0;
    this.hasLongPending = false;
  }

  get state(): Partial<Mailbox> {
    const { id, messages, bytes, stored, rowMessages, rowBytes, rowOwner } = this;
    const { owner, otherMessages, hasOtherRows } = this, rows = { rowMessages, rowBytes, rowOwner };
    return { id, messages, bytes, stored, ...rows, owner, otherMessages, hasOtherRows };
  }

  /** Comes back to what it was, with nothing known about its rows. */
  override restore(before: object) {
    super.restore(before);
    this.others = undefined;
    for (const queue of this.queues) queue.reset();
    this.forgetPending();
  }
}
