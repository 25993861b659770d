/**
 * Time for code that looks at the system's: while it is installed, `performance.now` and the timers are those of a clock
 * that only the test moves.
 *
 * @module
 */

interface Timer {
  at: number;
  /** Milliseconds after which it runs again. */
  every: number | undefined;
  callback: () => void;
}

type Globals = Pick<typeof globalThis, "setTimeout" | "clearTimeout" | "setInterval" | "clearInterval">;

export class SimulatedTime implements Disposable {
  /** Milliseconds since it began. */
  now = 0;
  /** In the order in which they were set. */
  readonly #timers = new Map<number, Timer>();
  #lastId = 0;
  readonly #globals: Globals;

  constructor() {
    const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
    this.#globals = { setTimeout, clearTimeout, setInterval, clearInterval };
    const clear = (id?: number) => void this.#timers.delete(id!);
    Object.assign(globalThis, {
      setTimeout: (callback: () => void, ms = 0) => this.#set(callback, ms),
      setInterval: (callback: () => void, ms = 0) => this.#set(callback, ms, ms),
      clearTimeout: clear,
      clearInterval: clear,
    });
    performance.now = () => this.now;
  }

  #set(callback: () => void, ms: number, every?: number): number {
    this.#timers.set(++this.#lastId, { at: this.now + ms, every, callback });
    return this.#lastId;
  }

  /**
   * Lets so much time go by at once, as for a process that was stopped meanwhile: what is due then runs once, however often
   * it would have been its turn.
   */
  pass(ms: number) {
    this.now += ms;
    for (const [id, timer] of [...this.#timers]) {
      // an earlier one may have cleared it
      if (timer.at > this.now || !this.#timers.has(id)) continue;
      if (timer.every === undefined) this.#timers.delete(id);
      else timer.at = this.now + timer.every;
      timer.callback();
    }
  }

  /** Forgets all timers, as when a process ends. */
  clear() {
    this.#timers.clear();
  }

  [Symbol.dispose]() {
    Object.assign(globalThis, this.#globals);
    // the one of the prototype is there again
    delete (performance as Partial<Performance>).now;
  }
}
