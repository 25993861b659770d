/**
 * When a raw load sends the next request: as soon as another one is answered, or so many messages a second.
 *
 * @module
 */

import { type Figures, ProcessorTime } from "./loop.ts";

/** How much is sent. */
export interface Limits {
  /** Requests without an answer, at most. */
  inFlight: number;
  /** Messages in a request. */
  each: number;
  /** Milliseconds until nothing more is sent; no limit by default. */
  ms?: number;
  /** Messages in all, at most. */
  count?: number;
  /** The server's process. */
  pid: number;
  /** Messages a second; as fast as they are answered by default. */
  rate?: number;
}

/** How often a load with a rate catches up. */
const TICK_MS = 1;

export class Pace {
  readonly #limits: Limits;
  readonly #send: (messages: number) => void;
  readonly #over = Promise.withResolvers<void>();
  readonly #processor: ProcessorTime;
  readonly #begin = performance.now();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #sent = 0;
  #done = 0;
  #open = 0;

  /** @param send Sends a request with so many messages; {@linkcode done} is to be called when it is answered. */
  constructor(limits: Limits, send: (messages: number) => void) {
    this.#limits = limits;
    this.#send = send;
    this.#processor = new ProcessorTime(limits.pid);
    if (limits.rate !== undefined) this.#timer = setInterval(() => this.#next(), TICK_MS);
  }

  /** Resolves to messages a second when all that was sent is answered. */
  async run(): Promise<Figures> {
    this.#next();
    try {
      await this.#over.promise;
    } finally {
      clearInterval(this.#timer);
    }
    const rate = this.#done / (performance.now() - this.#begin) * 1000;
    return { rate, ...this.#processor.each(this.#done) };
  }

  done(messages: number) {
    this.#done += messages;
    this.#open--;
    if (this.#limits.rate === undefined || this.#isOver) this.#next();
  }

  fail(error: unknown) {
    this.#over.reject(error);
  }

  get #isOver(): boolean {
    const { ms = Infinity, count = Infinity } = this.#limits;
    return performance.now() - this.#begin >= ms || this.#sent >= count;
  }

  #next() {
    const { inFlight, each, count = Infinity, rate } = this.#limits;
    if (this.#isOver) {
      if (this.#open === 0) this.#over.resolve();
      return;
    }
    const due = rate === undefined ? Infinity : (performance.now() - this.#begin) * rate / 1000;
    while (this.#open < inFlight && this.#sent < Math.min(count, due)) {
      const messages = Math.min(each, count - this.#sent);
      this.#sent += messages;
      this.#open++;
      this.#send(messages);
    }
  }
}
