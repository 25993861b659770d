/** Milliseconds between two looks at the clock, and after which, without one, the process counts as stopped. */
const BEAT = 250, STOPPED = 1000;

/** Milliseconds that it is given to read what has come meanwhile, before time goes on. */
const CATCH_UP = 1000;

/**
 * A clock that nobody sets, and that stands still while the process is stopped, or does nothing else than one thing.
 *
 * When a stopped process goes on, its timers come before its sockets: whoever went by another clock would end leases,
 * log-ins and transfers of clients whose requests have been there for long. So time goes on a second later, when what has
 * come was read.
 */
export class Uptime {
  readonly #clock: () => number;
  #started = 0;
  /** When the clock was last looked at, by itself. */
  #seen = 0;
  /** What it is behind the other clock. */
  #lost = 0;
  /** What it shows while it stands still, and until when it does, by the other clock. */
  #shown = 0;
  #still = -Infinity;

  /** @param clock Milliseconds of a clock that nobody sets; the system's by default. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Milliseconds; their beginning says nothing. */
  readonly now = (): number => {
    const seen = this.#clock();
    if (this.#started > 0 && seen - this.#seen > STOPPED) {
      if (this.#still === -Infinity) this.#shown = this.#seen - this.#lost;
      this.#still = seen + CATCH_UP;
    }
    this.#seen = seen;
    if (seen < this.#still) return this.#shown;
    if (this.#still !== -Infinity) {
      this.#lost = this.#still - this.#shown;
      this.#still = -Infinity;
    }
    return seen - this.#lost;
  };

  /** Looks at the clock often enough to see a stop, until it is closed. Before that, and after, there is none. */
  start(): { close(): Promise<void> } {
    if (this.#started++ === 0) this.#seen = this.#clock();
    const beating = setInterval(this.now, BEAT);
    return {
      close: () => {
        clearInterval(beating);
        this.#started--;
        return Promise.resolve();
      },
    };
  }
}

/** That of this thread. */
export const uptime: Uptime = new Uptime();
