/**
 * The clocks and timers of a server.
 *
 * @module
 */

/** What the server's code needs of the system. */
export interface Environment {
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a monotonic clock. */
  monotonicClock(): number;
  /** Calls back once, after `ms` milliseconds; the function returned cancels that. */
  setTimer(ms: number, callback: () => void): () => void;
  /** `bytes` random bytes. */
  random(bytes: number): Uint8Array;
}

/** Milliseconds between two looks at the clock. Without one for longer than `STOPPED_MS`, the process was stopped. */
const BEAT_MS = 250, STOPPED_MS = 1000;

/** How long the clock stands still after that, so that what has arrived meanwhile is read first (session.md 6.15). */
const CATCH_UP_MS = 1000;

/**
 * A monotonic clock that stands still while the process is stopped, or busy with a single thing.
 *
 * When a stopped process goes on, its timers run before its sockets are read. By another clock, leases, log-ins and
 * transfers would then expire although their clients' requests have been there for long. So this clock goes on a second
 * later, when they have been read.
 */
export class Uptime {
  readonly #clock: () => number;
  #running = 0;
  /** When the clock was last looked at, by itself. */
  #seenMs = 0;
  /** How far it is behind the other clock. */
  #lostMs = 0;
  /** What it shows while it stands still, and until when it does, by the other clock. */
  #shownMs = 0;
  #stillUntilMs = -Infinity;

  /** @param clock Milliseconds of a monotonic clock; the system's by default. */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Milliseconds since some moment. */
  readonly now = (): number => {
    const seenMs = this.#clock();
    if (this.#running > 0 && seenMs - this.#seenMs > STOPPED_MS) {
      if (this.#stillUntilMs === -Infinity) this.#shownMs = this.#seenMs - this.#lostMs;
      this.#stillUntilMs = seenMs + CATCH_UP_MS;
    }
    this.#seenMs = seenMs;
    if (seenMs < this.#stillUntilMs) return this.#shownMs;
    if (this.#stillUntilMs !== -Infinity) {
      this.#lostMs = this.#stillUntilMs - this.#shownMs;
      this.#stillUntilMs = -Infinity;
    }
    return seenMs - this.#lostMs;
  };

  /** Looks at the clock often enough to notice a stop, until it is closed. Before and after that, none is noticed. */
  start(): { close(): Promise<void> } {
    if (this.#running++ === 0) this.#seenMs = this.#clock();
    const beating = setInterval(this.now, BEAT_MS);
    return {
      close: () => {
        clearInterval(beating);
        this.#running--;
        return Promise.resolve();
      },
    };
  }
}

/** The clock of this thread. */
export const uptime: Uptime = new Uptime();

/**
 * A clock that is looked at once for all that happens in a turn of the event loop: a message to many members asks for the
 * time with each write, and looking costs as much as the rest of what is done for it.
 */
export function turnClock(clock: () => number): () => number {
  let shownMs: number | undefined;
  const forget = () => shownMs = undefined;
  return () => {
    if (shownMs === undefined) {
      shownMs = clock();
      queueMicrotask(forget);
    }
    return shownMs;
  };
}

/** Waits for the work, but no longer than `ms` milliseconds. Returns whether it is done. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The system's {@linkcode Environment.setTimer}. */
export function setTimer(ms: number, callback: () => void): () => void {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
}
