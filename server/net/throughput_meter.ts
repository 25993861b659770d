/** Milliseconds of a window. */
const WINDOW = 10_000;

/** How many bytes a transfer moved lately. */
export class ThroughputMeter {
  #since: number;
  #bytes = 0;
  /** Those of the window before; undefined where there was none. */
  #before: number | undefined;

  /** @param now Milliseconds that never go back. */
  constructor(now: number) {
    this.#since = now;
  }

  /** So many bytes moved. */
  add(bytes: number, now: number) {
    this.#turn(now);
    this.#bytes += bytes;
  }

  /** Bytes that moved within the last 10 to 20 s; Infinity where it began later. */
  lately(now: number): number {
    this.#turn(now);
    return this.#before === undefined ? Infinity : this.#before + this.#bytes;
  }

  #turn(now: number) {
    const windows = Math.floor((now - this.#since) / WINDOW);
    if (windows === 0) return;
    this.#before = windows === 1 ? this.#bytes : 0;
    this.#bytes = 0;
    this.#since += windows * WINDOW;
  }
}
