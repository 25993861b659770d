/** What is needed of the environment. */
interface Clock {
  now(): number;
  setTimer(ms: number, callback: () => void): () => void;
}

/** Time-out of the first question of all, and of any later one, in milliseconds (RFC 8085, section 3.1.1). */
const FIRST_PAUSE = 1000, LEAST_PAUSE = 100, LAST_PAUSE = 1000;

/** Round trips after which a question is asked again. */
const TRIPS = 4;

/** One question after the other, each asked again until it is answered or its server counts as gone. */
export class Asking {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #gone: () => Error;
  #say: (() => unknown) | undefined;
  #settle: PromiseWithResolvers<unknown> | undefined;
  #cancelTimer: (() => void) | undefined;
  #pause = FIRST_PAUSE;
  #trip: number | undefined;
  /** When the open question was asked, if only once. */
  #askedAt: number | undefined;
  #heardAt = 0;

  /** @param gone The error of a server that has said nothing for `timeout` milliseconds. */
  constructor(clock: Clock, timeout: number, gone: () => Error) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#gone = gone;
  }

  /** Asks by `say` until there is an answer. */
  ask<T>(say: () => unknown): Promise<T> {
    if (this.#settle !== undefined) throw new Error("Cannot ask: another question is open");
    const settle = this.#settle = Promise.withResolvers<unknown>();
    this.#say = say;
    this.#heardAt = this.#askedAt = this.#clock.now();
    this.#pause = this.#trip === undefined ? FIRST_PAUSE : Math.max(LEAST_PAUSE, TRIPS * this.#trip);
    try {
      say();
    } catch (error) {
      this.#end();
      throw error;
    }
    this.#wait();
    return settle.promise as Promise<T>;
  }

  #wait() {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.setTimer(this.#pause, () => {
      if (this.#clock.now() - this.#heardAt >= this.#timeout) return this.fail(this.#gone());
      this.#askedAt = undefined;
      this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
      this.#say!();
      this.#wait();
    });
  }

  /** Asks at once, with what is known now. */
  again() {
    if (this.#say === undefined) return;
    this.heard();
    this.#askedAt = this.#clock.now();
    this.#say();
    this.#wait();
  }

  /** Asks only after so many milliseconds. */
  pause(ms: number) {
    if (this.#say === undefined) return;
    this.heard();
    this.#askedAt = undefined;
    const pause = this.#pause;
    this.#pause = ms;
    this.#wait();
    this.#pause = pause;
  }

  /** The server has said something. */
  heard() {
    this.#heardAt = this.#clock.now();
  }

  answered(answer: unknown) {
    const settle = this.#settle;
    if (this.#askedAt !== undefined) this.#trip = this.#clock.now() - this.#askedAt;
    this.#end();
    settle?.resolve(answer);
  }

  /** Ends the question, or the sleep, with an error. */
  fail(error: Error) {
    const settle = this.#settle;
    this.#end();
    settle?.reject(error);
  }

  /** Resolves after so many milliseconds. */
  sleep(ms: number): Promise<void> {
    const settle = this.#settle = Promise.withResolvers<unknown>();
    this.#cancelTimer = this.#clock.setTimer(ms, () => this.answered(undefined));
    return settle.promise as Promise<void>;
  }

  #end() {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#settle = undefined;
    this.#say = undefined;
    this.#askedAt = undefined;
  }
}
