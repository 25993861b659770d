/**
 * Rounds: whoever reads without end waits now and then until every socket has been looked at.
 *
 * Deno looks which sockets can be read when nothing else is left to do, and otherwise only every 61st time that it goes
 * on with something. A read that finds bytes each time is always something to do, so that a client that never stops
 * would hold up the others for 61 reads and all that comes of them. A turn of the event loop (`setImmediate`) doesn't
 * look at the sockets either.
 *
 * @module
 */

import { setImmediate } from "node:timers";

/** Milliseconds after which a round is over: about as long as 100 members are told what one read brought. */
const ROUND = 2;

export interface RoundsOptions {
  /** Resolves when the sockets have been looked at. Never rejects. */
  look(): Promise<void>;
  /** Whole milliseconds of a clock that is never set back. */
  monotonicClock(): number;
}

export class Rounds {
  readonly #options: RoundsOptions;
  #began: number;
  #next: Promise<void> | undefined;

  constructor(options: RoundsOptions) {
    this.#options = options;
    this.#began = options.monotonicClock();
  }

  /** What to wait for before more is read or carried out, where this round is over: all wait for the same. */
  get next(): Promise<void> | undefined {
    if (this.#next === undefined && this.#options.monotonicClock() - this.#began >= ROUND) {
      this.#next = this.#begin();
    }
    return this.#next;
  }

  async #begin() {
    await this.#options.look();
    // those whose bytes were found come before those who waited here
    await new Promise<void>((resolve) => setImmediate(() => resolve()));
    this.#began = this.#options.monotonicClock();
    this.#next = undefined;
  }
}
