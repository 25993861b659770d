import { LowestFirst } from "./lowest_first.ts";

/** What it knows of a message that only memory has. */
interface QueuedMessage {
  readonly seq: number;
  /** Whether it was removed, or has a row now. */
  isGone: boolean;
}

/** Pending messages that may be gone before the others are moved together. */
const MAX_GONE = 32;

/**
 * Where to look for the ready messages of a mailbox: those that are not leased and wait for nothing. A mailbox has one
 * queue of the messages that a take may give, and one of those that are too long for it.
 *
 * It only knows where to look: which messages are ready follows from the messages themselves, so that nothing depends on
 * when they got their rows, or when the store was opened.
 *
 * Invariant: every message with a row has a lower number than every pending one.
 */
export class ReadyQueue<M extends QueuedMessage> {
  /** No message before this is ready, except those in {@linkcode released}. */
  cursor = 0;
  /**
   * Messages before the cursor that became ready again; some may be gone since. All are remembered, however many they are
   * (no more than were leased): to look for them again would be to read all that are leased behind them.
   */
  readonly released = new LowestFirst();
  /** Whether a row from the cursor on may be ready. */
  mayHaveRows = true;
  /** The messages that only memory has, in their order; some may be gone. */
  pending: M[] = [];
  /** The first of these that is not before the cursor. */
  nextPending = 0;
  /** How many of these are gone. */
  #gone = 0;

  constructor(readonly isLong: boolean) {}

  /** Whether there is nothing to look at. */
  get isEmpty(): boolean {
    return !this.mayHaveRows && this.nextPending === this.pending.length && this.released.isEmpty;
  }

  /** Adds a message that was put just now. */
  append(message: M) {
    this.pending.push(message);
  }

  /** A message is ready again, at its place. */
  add({ seq }: { seq: number }) {
    if (seq >= this.cursor) {
      this.mayHaveRows = true;
      return;
    }
    this.released.add(seq);
  }

  /** Moves past the pending message that is next. */
  passPending() {
    this.cursor = this.pending[this.nextPending++]!.seq + 1;
  }

  /** Up to `count` of the pending messages that are there, from this number on. */
  pendingFrom(seq: number, count: number): M[] {
    const { pending } = this, found: M[] = [];
    for (
      let at = lowerBound(pending, seq, ({ seq }) => seq);
      at < pending.length && found.length < count;
      at++
    ) {
      const message = pending[at]!;
      if (!message.isGone) found.push(message);
    }
    return found;
  }

  /** A pending message was removed. */
  remove(message: M) {
    message.isGone = true;
    const { pending } = this;
    if (++this.#gone === pending.length) {
      this.pending = [];
      this.nextPending = this.#gone = 0;
    } else if (this.#gone > MAX_GONE && 2 * this.#gone > pending.length) {
      this.pending = pending.filter(({ isGone }) => !isGone);
      this.#gone = 0;
      this.nextPending = lowerBound(this.pending, this.cursor, ({ seq }) => seq);
    }
  }

  /** A pending message has a row now. */
  store(message: M) {
    if (message.seq >= this.cursor) this.mayHaveRows = true;
    this.remove(message);
  }

  /** Forgets everything: all is looked at again. */
  reset() {
    this.cursor = this.nextPending = 0;
    this.released.clear();
    this.mayHaveRows = true;
  }
}

/** Where the first thing stands whose number is not below this one. */
function lowerBound<T>(things: readonly T[], number: number, numberOf: (thing: T) => number): number {
  let from = 0, to = things.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (numberOf(things[middle]!) < number) from = middle + 1;
    else to = middle;
  }
  return from;
}
