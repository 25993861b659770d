import type { Journal } from "../journal/journal.ts";

/** Bytes of records, and the milliseconds in which they were applied: about what a start takes to apply them again. */
export interface Amount {
  bytes: number;
  workMs: number;
}

/** A checkpoint is due when the records since the last one have so much (store 5.1). */
const CHECKPOINT: Readonly<Amount> = { bytes: 4 * 1024 * 1024, workMs: 1000 };

/** What was committed is written back when its records have so much (store 5.2). */
const WRITE_BACK: Readonly<Amount> = { bytes: 4 * 1024 * 1024, workMs: 1000 };

/** The records that the database does not have on disk have so much at most (store 5.11): it makes a start long. */
export const BACKLOG_MAX: Readonly<Amount> = { bytes: 32 * 1024 * 1024, workMs: 1500 };

export interface BacklogOptions {
  journal: Pick<Journal, "bytes">;
  /** Bytes of the records that were applied when the store was opened, and that no checkpoint has; 0 by default. */
  appliedBytes?: number | undefined;
  /** {@linkcode BACKLOG_MAX} by default. */
  backlogMax?: Readonly<Amount> | undefined;
}

/** How much the journal has that the last checkpoint has not, and that the database does not have on disk. */
export class Backlog {
  readonly #options: BacklogOptions;
  #workMs = 0;
  /** At the last checkpoint, and at the last one that was written back. */
  #checkpoint: Readonly<Amount>;
  #written: Readonly<Amount>;

  constructor(options: BacklogOptions) {
    const { journal, appliedBytes = 0 } = this.#options = options;
    this.#checkpoint = { bytes: journal.bytes - appliedBytes, workMs: 0 };
    // the checkpoint of what a start has applied follows at once, and nobody is to wait for it
    this.#written = { bytes: journal.bytes, workMs: 0 };
  }

  /** Records were applied in so many milliseconds. */
  add(workMs: number) {
    this.#workMs += workMs;
  }

  get #all(): Amount {
    return { bytes: this.#options.journal.bytes, workMs: this.#workMs };
  }

  /** Bytes of the records since the last checkpoint. */
  get bytes(): number {
    return this.#all.bytes - this.#checkpoint.bytes;
  }

  /** Whether there is enough for a checkpoint. */
  get isEnough(): boolean {
    return hasMore(this.#all, this.#checkpoint, CHECKPOINT);
  }

  /** Whether the last checkpoint was not written back. */
  get isUnwritten(): boolean {
    return this.#written !== this.#checkpoint;
  }

  /** Whether there is enough to write back. */
  get isEnoughToWrite(): boolean {
    return hasMore(this.#checkpoint, this.#written, WRITE_BACK);
  }

  /** What the database does not have on disk. */
  get unwritten(): Amount {
    const { bytes, workMs } = this.#all, written = this.#written;
    return { bytes: bytes - written.bytes, workMs: workMs - written.workMs };
  }

  /** Whether the database has to be brought up to date on disk before there is more. */
  get isFull(): boolean {
    return hasMore(this.#all, this.#written, this.#options.backlogMax ?? BACKLOG_MAX);
  }

  /** A checkpoint was taken. */
  take() {
    this.#checkpoint = this.#all;
  }

  /** The last checkpoint was written back. */
  write() {
    this.#written = this.#checkpoint;
  }
}

/** Whether there is as much between two points as this. */
function hasMore(
  now: Readonly<Amount>,
  then: Readonly<Amount>,
  { bytes, workMs }: Readonly<Amount>,
): boolean {
  return now.bytes - then.bytes >= bytes || now.workMs - then.workMs >= workMs;
}
