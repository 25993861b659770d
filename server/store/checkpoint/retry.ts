/** How long after a checkpoint that failed it is tried again, in milliseconds: twice as long after each that fails too. */
export const RETRY_MS = 1000;

/** Each try that fails makes the engine anew, and everybody waits for that: in the end for this part of the time at most. */
const REBUILD_PART = 1 / 10;

/** How often at most it is looked whether the disk has more room, in milliseconds. */
const LOOK_MS = 100;

/** When a checkpoint that failed for want of space is tried again (store 6.4). Times are milliseconds of one clock. */
export class Retry {
  /** How many have failed one after the other. */
  #failures = 0;
  #failedAt = 0;
  #rebuildMs = 0;
  #lookedAt = -Infinity;

  /** Whether the last checkpoint has failed. */
  get isWanted(): boolean {
    return this.#failures > 0;
  }

  failed(now: number) {
    this.#failures++;
    this.#failedAt = now;
    this.#rebuildMs = 0;
  }

  /** The engine was made anew for the one that failed last. */
  rebuilt(now: number) {
    this.#rebuildMs = now - this.#failedAt;
    this.#failedAt = now;
  }

  worked() {
    this.#failures = 0;
  }

  isDue(now: number, hasMoreRoom: () => boolean): boolean {
    if (!this.isWanted) return false;
    const elapsed = now - this.#failedAt;
    const waitMs = Math.min(RETRY_MS * 2 ** (this.#failures - 1), this.#rebuildMs / REBUILD_PART);
    if (elapsed < RETRY_MS) return false;
    if (elapsed >= waitMs) return true;
    if (now - this.#lookedAt < LOOK_MS) return false;
    this.#lookedAt = now;
    return hasMoreRoom();
  }
}
