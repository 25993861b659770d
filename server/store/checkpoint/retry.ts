/** How long after a checkpoint that failed it is tried again, in milliseconds. */
export const RETRY_MS = 1000;

/**
 * Each try that fails makes the engine anew, and everybody waits for that: for at most this part of the time, unless the
 * disk has more room than before.
 */
const REBUILD_PART = 1 / 10;

/** When a checkpoint that failed for want of space is tried again (store 6.4). Times are milliseconds of one clock. */
export class Retry {
  #failedAt: number | undefined;
  #rebuildMs = 0;

  /** Whether the last checkpoint has failed. */
  get isWanted(): boolean {
    return this.#failedAt !== undefined;
  }

  /** @param began Since when the engine was made anew; undefined where it was not. */
  failed(now: number, began = now) {
    this.#failedAt = now;
    this.#rebuildMs = now - began;
  }

  worked() {
    this.#failedAt = undefined;
  }

  isDue(now: number, hasMoreRoom: () => boolean): boolean {
    if (this.#failedAt === undefined) return false;
    const elapsed = now - this.#failedAt;
    return elapsed >= RETRY_MS && (elapsed >= this.#rebuildMs / REBUILD_PART || hasMoreRoom());
  }
}
