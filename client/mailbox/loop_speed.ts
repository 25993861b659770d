/** How much of a loop's work is fetched ahead of it. */
const AHEAD_MS = 200;

/** Most work that is ahead where a fetch takes long: well below the time after which it is released. */
const MAX_AHEAD_MS = 800;

/** What is remembered: about so many messages, and no more than this time. */
const MEMORY_MESSAGES = 16, MEMORY_MS = 1000;

/** A single long time counts as no more than this many times the average, and this. */
const MAX_LONGER = 8, LONGER_MS = 1;

/**
 * How long a program takes for a message, by the last few, and how many messages to have ahead of it: what it works on
 * in 200 ms. So there are hundreds ahead of a fast loop, and none of one that takes longer than that for each.
 */
export class LoopSpeed {
  #messages = 0;
  #ms = 0;

  /** The program took so long for so many messages. */
  took(ms: number, messages: number) {
    const average = this.#messages === 0 ? Infinity : this.#ms / this.#messages;
    this.#ms += Math.min(ms, (MAX_LONGER * average + LONGER_MS) * messages);
    this.#messages += messages;
    const scale = Math.min(1, MEMORY_MESSAGES / this.#messages, MEMORY_MS / this.#ms);
    this.#messages *= scale;
    this.#ms *= scale;
  }

  /** The program has not come back for what was ahead of it: one message takes it so long. */
  slowedDown(ms: number) {
    this.#messages = 1;
    this.#ms = ms;
  }

  /** How many messages to have ahead if it takes so long to fetch them; 0 as long as nothing is known. */
  ahead(fetchMs: number): number {
    if (this.#messages === 0) return 0;
    const aheadMs = Math.min(AHEAD_MS + 2 * fetchMs, MAX_AHEAD_MS);
    return Math.floor(aheadMs * this.#messages / Math.max(this.#ms, 0.001));
  }
}
