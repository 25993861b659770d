import { setImmediate } from "node:timers";

interface Timer {
  at: number;
  /** Timers of one time run in the order in which they were set. */
  order: number;
  callback: () => void;
  cancelled: boolean;
}

/** Simulated time: only the test moves it, and everything happens in the same order each time. */
export class Clock {
  #now: number;
  #order = 0;
  /** A heap: no timer is due before the one at half its index. */
  readonly #timers: Timer[] = [];

  constructor(now = 0) {
    this.#now = now;
  }

  now = (): number => this.#now;

  setTimer = (ms: number, callback: () => void): () => void => {
    const timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback, cancelled: false };
    this.#push(timer);
    return () => timer.cancelled = true;
  };

  /** Lets `ms` milliseconds pass in which nothing runs, as in a process that is stopped: timers are late afterwards. */
  stop(ms: number) {
    this.#now += ms;
  }

  /** Runs for `ms` milliseconds. */
  async run(ms: number) {
    await this.until(() => false, ms);
  }

  /** Runs until `reached`, for at most `ms` milliseconds. Returns whether it was. */
  async until(reached: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms;
    await turn();
    for (;;) {
      if (reached()) return true;
      const next = this.#timers[0];
      if (next === undefined || next.at > end) break;
      this.#pop();
      if (next.cancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await turn();
    }
    this.#now = end;
    return reached();
  }

  #push(timer: Timer) {
    const timers = this.#timers;
    let i = timers.push(timer) - 1;
    for (let parent; i > 0 && before(timer, timers[parent = (i - 1) >> 1]!); i = parent) {
      timers[i] = timers[parent]!;
    }
    timers[i] = timer;
  }

  #pop() {
    const timers = this.#timers, last = timers.pop()!;
    if (timers.length === 0) return;
    let i = 0;
    for (let child; (child = 2 * i + 1) < timers.length; i = child) {
      if (child + 1 < timers.length && before(timers[child + 1]!, timers[child]!)) child++;
      if (!before(timers[child]!, last)) break;
      timers[i] = timers[child]!;
    }
    timers[i] = last;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || a.at === b.at && a.order < b.order;
}

/** Runs the callbacks of all settled promises. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
