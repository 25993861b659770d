/** What is needed of the environment. */
interface Clock {
  monotonicClock(): number;
  setTimer(ms: number, callback: () => void): () => void;
}

/** Wait before a question is asked again: before anything is known of the server, least and longest, in milliseconds. */
const FIRST_PAUSE = 500, LEAST_PAUSE = 100, LAST_PAUSE = 1000;

/** Round trips after which a question is asked again: what RFC 9002, 6.2.1, makes of the first sample. */
const TRIPS = 3;

/** Copies of a question that is asked again, so that one that is lost too costs no second wait (RFC 9002, 6.2.4). */
const COPIES = 2;

/** What a server that says something else may take for one answer, as a multiple of the silence after which it is gone. */
const PATIENCE = 6;

/** How often a question is asked at once, with what the server has said to it. */
const MAX_AGAIN = 16;

/** One question after the other, each asked again until it is answered or its server counts as gone. */
export class StopAndWait {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #gone: (isSilent: boolean) => Error;
  #say: (() => unknown) | undefined;
  #settle: PromiseWithResolvers<unknown> | undefined;
  #cancelTimer: (() => void) | undefined;
  #pause = FIRST_PAUSE;
  #trip: number | undefined;
  /** When the open question was asked last, and how often. */
  #askedAt = 0;
  #times = 0;
  #heardAt = 0;
  /** When the open question was asked first, and how often it was asked at once. */
  #since = 0;
  #again = 0;

  /** @param gone The error of a server that has said nothing for `timeout` milliseconds, or nothing to the point. */
  constructor(clock: Clock, timeout: number, gone: (isSilent: boolean) => Error) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#gone = gone;
  }

  /** Asks by `say` until there is an answer. */
  ask<T>(say: () => unknown): Promise<T> {
    if (this.#settle !== undefined) throw new Error("Cannot ask: another question is open");
    const settle = this.#settle = Promise.withResolvers<unknown>();
    this.#say = say;
    this.#heardAt = this.#since = this.#clock.monotonicClock();
    this.#again = 0;
    try {
      this.#first();
    } catch (error) {
      this.#end();
      throw error;
    }
    return settle.promise as Promise<T>;
  }

  /** Asks as if it were for the first time. */
  #first() {
    this.#pause = this.#trip === undefined ? FIRST_PAUSE : TRIPS * this.#trip;
    this.#pause = Math.min(Math.max(this.#pause, LEAST_PAUSE), LAST_PAUSE);
    this.#times = 0;
    this.#ask(1);
  }

  #ask(copies: number) {
    this.#askedAt = this.#clock.monotonicClock();
    this.#times++;
    for (let i = 0; i < copies; i++) this.#say!();
    this.#wait();
  }

  /**
   * Takes note of the round trip. Whether an answer is one to the last copy of the question can't be told (RFC 6298,
   * section 3): it is taken for that where nothing better is known. If the trip is longer, the doubled waits find out.
   */
  #measure() {
    const trip = this.#clock.monotonicClock() - this.#askedAt;
    if (this.#times === 1) this.#trip = trip;
    else if (this.#times > 1) this.#trip = Math.max(this.#trip ?? 0, trip);
  }

  #wait() {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.setTimer(this.#pause, () => {
      if (this.#isOver()) return;
      this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
      this.#ask(COPIES);
    });
  }

  /** Ends the question where the server counts as gone. */
  #isOver(): boolean {
    const now = this.#clock.monotonicClock(), isSilent = now - this.#heardAt >= this.#timeout;
    const isOver = isSilent || now - this.#since >= PATIENCE * this.#timeout || this.#again > MAX_AGAIN;
    if (isOver) this.fail(this.#gone(isSilent));
    return isOver;
  }

  /** Asks at once, with what the server has said to the question. */
  again() {
    if (this.#say === undefined) return;
    this.#again++;
    if (this.#isOver()) return;
    this.heard();
    this.#measure();
    this.#first();
  }

  /** Asks only after so many milliseconds, in which the server need say nothing. */
  pause(ms: number) {
    if (this.#say === undefined || this.#isOver()) return;
    this.#cancelTimer?.();
    this.#cancelTimer = this.#clock.setTimer(ms, () => {
      this.heard();
      this.#first();
    });
  }

  /** The server has said something. */
  heard() {
    this.#heardAt = this.#clock.monotonicClock();
  }

  answered(answer: unknown) {
    const settle = this.#settle;
    this.#measure();
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
    this.#times = 0;
  }
}
