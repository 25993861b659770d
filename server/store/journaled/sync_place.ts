/** So many bytes of records are few: what comes while they are synced in the thread can wait for that. */
const FEW_BYTES = 4096;

/** With an average sync that is longer than the first, or one that is longer than the second, the disk counts as slow. */
const SLOW_MS = 0.5, STALL_MS = 5;

/** How long syncs then run off the thread, in milliseconds: doubled each time, up to the second. */
const FIRST_PAUSE_MS = 1000, LAST_PAUSE_MS = 64_000;

/** How many syncs an average is of, about. */
const AVERAGED = 8;

/**
 * Decides where the journal is synced. Off the thread, others are served meanwhile; but to hand a sync over and to be
 * woken up costs more than the sync itself on a fast disk. So few records are synced in the thread, as long as that is
 * fast, and no write-back keeps the disk busy.
 */
export class SyncPlace {
  #bytesAverage = 0;
  #msAverage = 0;
  #pausedUntilMs = 0;
  #pauseMs = FIRST_PAUSE_MS;

  /**
   * Whether the next sync is to run in the thread. Called once for each sync.
   *
   * @param bytes Of the records that it is for.
   */
  isInThread(bytes: number, nowMs: number): boolean {
    this.#bytesAverage += (bytes - this.#bytesAverage) / AVERAGED;
    return Math.max(bytes, this.#bytesAverage) <= FEW_BYTES && nowMs >= this.#pausedUntilMs;
  }

  /** A sync in the thread took so long. */
  took(ms: number, nowMs: number) {
    this.#msAverage += (ms - this.#msAverage) / AVERAGED;
    if (this.#msAverage > SLOW_MS || ms > STALL_MS) {
      this.#pausedUntilMs = nowMs + this.#pauseMs;
      this.#pauseMs = Math.min(2 * this.#pauseMs, LAST_PAUSE_MS);
      this.#msAverage = 0;
    } else if (nowMs >= this.#pausedUntilMs + this.#pauseMs) {
      this.#pauseMs = FIRST_PAUSE_MS;
    }
  }
}
