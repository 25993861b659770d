import type { Credentials } from "../../mailbox.ts";
import { MAX_TIMER_MS } from "../command.ts";

/** Time for an answer after the wait is over. */
const GRACE_MS = 500;

/** Limits how long a server is waited for in all. Time that is spent on something else does not count. */
export class WaitLimit implements Disposable {
  /** Resolves when the wait is over. */
  readonly over: Promise<undefined>;
  readonly #waitMs: number;
  readonly #abort = new AbortController();
  /** Aborted when the wait is over. */
  readonly signal: AbortSignal = this.#abort.signal;
  #leftMs: number;
  #startedAt: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Starts at once. 0 and Infinity are no limit. */
  constructor(waitMs: number) {
    this.#waitMs = waitMs > 0 ? waitMs : Infinity;
    this.#leftMs = this.#waitMs + GRACE_MS;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.over = promise;
    this.signal.addEventListener("abort", () => resolve(undefined));
    this.start();
  }

  /** Counts the time from now on. */
  start() {
    if (this.#leftMs === Infinity || this.#startedAt !== undefined || this.signal.aborted) return;
    this.#startedAt = performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.max(this.#leftMs, 0), MAX_TIMER_MS));
  }

  #expire() {
    this.stop();
    if (this.#leftMs > 0) this.start();
    else this.#abort.abort();
  }

  /** Counts no time until {@linkcode start}. */
  stop() {
    clearTimeout(this.#timer);
    if (this.#startedAt !== undefined) this.#leftMs -= performance.now() - this.#startedAt;
    this.#startedAt = undefined;
  }

  /** Begins again, with the whole wait. */
  reset() {
    this.#leftMs = this.#waitMs + GRACE_MS;
  }

  /** The same credentials; the time in which the password is typed does not count. */
  credentials({ password, ...as }: Credentials): Credentials {
    if (typeof password === "string") return { ...as, password };
    return {
      ...as,
      password: async (isNew) => {
        this.stop();
        try {
          return await password(isNew);
        } finally {
          this.start();
        }
      },
    };
  }

  /** The error that there was no answer in time. */
  get error(): Error {
    return new Error(`The server has not answered within ${this.#waitMs / 1000} s`);
  }

  [Symbol.dispose]() {
    this.stop();
  }
}
