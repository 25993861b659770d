const WINDOW_MS = 10_000;

/** How many bytes a transfer moved lately, from two windows of time. */
export class ThroughputMeter {
  #sinceMs: number;
  #bytes = 0;
  /** Bytes of the window before; undefined if there was none. */
  #before: number | undefined;

  /** @param timeMs Milliseconds of a monotonic clock. */
  constructor(timeMs: number) {
    this.#sinceMs = timeMs;
  }

  add(bytes: number, timeMs: number) {
    this.#turn(timeMs);
    this.#bytes += bytes;
  }

  /** Bytes that moved within the last 10 to 20 s; Infinity if it began later. */
  lately(timeMs: number): number {
    this.#turn(timeMs);
    return this.#before === undefined ? Infinity : this.#before + this.#bytes;
  }

  #turn(timeMs: number) {
    const windows = Math.floor((timeMs - this.#sinceMs) / WINDOW_MS);
    if (windows === 0) return;
    this.#before = windows === 1 ? this.#bytes : 0;
    this.#bytes = 0;
    this.#sinceMs += windows * WINDOW_MS;
  }
}
