/**
 * When a server is given up: it is silent, or it answers and makes no progress. Time in which this process did not run
 * does not count: nothing was sent then, and nothing read. session.md section 9.
 *
 * @module
 */

import { ServerTimeoutError } from "./errors.ts";

/** Time without any valid datagram after which a server is given up, by default (session.md 9.3). */
export const SILENCE_MS = 10_000;

/**
 * Time without progress after which a server that answers is given up, as a multiple of the time of silence; and one
 * that is busy, which may have to wait until it can forget others (session.md 9.4).
 */
const NO_PROGRESS = 6, NO_PROGRESS_BUSY = 30;

/**
 * How often a session begins anew because the server says so, and the time after which one of these is forgotten
 * (session.md 9.7).
 */
const MAX_RESTARTS = 16, RESTART_EVERY_MS = 4000;

export class Liveness {
  readonly #silenceMs: number;
  readonly #server: string;
  /** Since when an answer is due; Infinity if none is. */
  #silentSince = Infinity;
  /** Since when no progress was made when that was asked last, and for how long this process did not run since. */
  #stuckSince = Infinity;
  #heldUpMs = 0;
  /** When the server was last busy no more. */
  #roomSince = -Infinity;
  /** Restarts that are not forgotten, at the time of the last one. */
  #restarts = 0;
  #doneAtRestart = 0;
  #restartedAt = 0;

  constructor(silenceMs = SILENCE_MS, server = "the server") {
    this.#silenceMs = silenceMs;
    this.#server = server;
  }

  sent(now: number) {
    this.#silentSince = Math.min(this.#silentSince, now);
  }

  received(now: number, isAnswerDue: boolean) {
    this.#silentSince = isAnswerDue ? now : Infinity;
  }

  /** This process has not run for so many milliseconds before `now`. */
  heldUp(now: number, ms: number) {
    if (this.#silentSince !== Infinity) this.#silentSince = Math.min(now, this.#silentSince + ms);
    this.#heldUpMs += ms;
  }

  /** The server is busy no more. */
  hasRoom(now: number) {
    this.#roomSince = now;
  }

  /** When the server is given up. */
  deadline(stuckSince: number, isBusy: boolean): number {
    return Math.min(this.#silentSince + this.#silenceMs, this.#noProgressAt(stuckSince, isBusy));
  }

  #noProgressAt(stuckSince: number, isBusy: boolean): number {
    if (stuckSince !== this.#stuckSince) {
      this.#stuckSince = stuckSince;
      this.#heldUpMs = 0;
    }
    const last = stuckSince + NO_PROGRESS_BUSY * this.#silenceMs;
    const at = Math.min(Math.max(stuckSince, this.#roomSince) + this.#noProgressMs(isBusy), last);
    return at + this.#heldUpMs;
  }

  #noProgressMs(isBusy: boolean): number {
    return (isBusy ? NO_PROGRESS_BUSY : NO_PROGRESS) * this.#silenceMs;
  }

  /** Whether the server is given up now, and the error for a request that was sent or not. */
  giveUp(
    now: number,
    stuckSince: number,
    isBusy: boolean,
  ): ((sent: boolean) => ServerTimeoutError) | undefined {
    if (now >= this.#silentSince + this.#silenceMs) {
      return (sent) => noAnswer(this.#server, this.#silenceMs, sent);
    }
    if (now < this.#noProgressAt(stuckSince, isBusy)) return undefined;
    const does = `${isBusy ? "is busy" : "makes no progress"} for ${this.#noProgressMs(isBusy) / 1000} s`;
    return (sent) => this.#stuck(does, sent);
  }

  /**
   * Counts that the session begins anew. Returns an error if that was too often without progress between.
   *
   * @param done Up to which number the server has performed everything.
   */
  restart(now: number, done: number): ((sent: boolean) => ServerTimeoutError) | undefined {
    if (done !== this.#doneAtRestart) this.#restarts = 0;
    this.#doneAtRestart = done;
    const forgotten = (now - this.#restartedAt) / RESTART_EVERY_MS;
    this.#restarts = Math.max(0, this.#restarts - forgotten) + 1;
    this.#restartedAt = now;
    if (this.#restarts <= MAX_RESTARTS) return undefined;
    return (sent) => this.#stuck("makes the session begin anew again and again", sent);
  }

  #stuck(does: string, sent: boolean): ServerTimeoutError {
    return new ServerTimeoutError(`Cannot go on: ${this.#server} answers, but ${does}`, sent);
  }
}

/** The error after this time without an answer. */
export function noAnswer(server: string, silenceMs: number, sent: boolean): ServerTimeoutError {
  const text = `No answer from ${server} within ${silenceMs / 1000} s: is the server running?`;
  return new ServerTimeoutError(text, sent);
}
