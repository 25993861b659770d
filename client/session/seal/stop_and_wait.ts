/**
 * Sends one request at a time, again and again, until it is answered or the server is given up.
 *
 * @module
 */

import type { Environment } from "../environment.ts";
import { SILENCE_MS } from "../liveness.ts";

/**
 * Wait before a request is repeated: if nothing is known of the server, and the shortest and longest one
 * (seal.md 2.11).
 */
const FIRST_PAUSE_MS = 500, MIN_PAUSE_MS = 100, MAX_PAUSE_MS = 1000;

/** The first wait in round-trip times: what RFC 9002, 6.2.1, makes of the first one that is measured. */
const PAUSE_ROUND_TRIPS = 3;

/** Copies of a repeated request, so that the loss of one costs no second wait (RFC 9002, 6.2.4; seal.md 2.12). */
const COPIES = 2;

/**
 * Time for one answer from a server that answers something else, as a multiple of the time of silence (seal.md 2.17).
 */
const NO_PROGRESS = 6;

/** How often a request is repeated at once because the server has answered with a challenge. */
const MAX_CHALLENGES = 16;

export class StopAndWait {
  readonly #environment: Environment;
  readonly #silenceMs: number;
  readonly #givenUp: (isSilent: boolean) => Error;
  #send: (() => unknown) | undefined;
  #answer: PromiseWithResolvers<unknown> | undefined;
  #cancelTimer: (() => void) | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #roundTripMs: number | undefined;
  /** When the request was sent first and last, and how often since the last challenge. */
  #firstSentAt = 0;
  #sentAt = 0;
  #sends = 0;
  #challenges = 0;
  #receivedAt = 0;

  /** @param givenUp The error if the server has been silent for too long, or has not answered the request. */
  constructor(environment: Environment, givenUp: (isSilent: boolean) => Error) {
    this.#environment = environment;
    this.#roundTripMs = environment.roundTrip?.ms;
    this.#silenceMs = environment.timeout ?? SILENCE_MS;
    this.#givenUp = givenUp;
  }

  /** Sends a request by `send` until there is an answer. */
  request<T>(send: () => unknown): Promise<T> {
    if (this.#answer !== undefined) throw new Error("Cannot send a request: another one is open");
    const answer = this.#answer = Promise.withResolvers<unknown>();
    this.#send = send;
    this.#receivedAt = this.#firstSentAt = this.#environment.monotonicClock();
    this.#challenges = 0;
    try {
      this.#sendFirst();
    } catch (error) {
      this.#end();
      throw error;
    }
    return answer.promise as Promise<T>;
  }

  #sendFirst() {
    const pauseMs = this.#roundTripMs === undefined ? FIRST_PAUSE_MS : PAUSE_ROUND_TRIPS * this.#roundTripMs;
    this.#pauseMs = Math.min(Math.max(pauseMs, MIN_PAUSE_MS), MAX_PAUSE_MS);
    this.#sends = 0;
    this.#sendCopies(1);
  }

  #sendCopies(copies: number) {
    this.#sentAt = this.#environment.monotonicClock();
    this.#sends++;
    for (let i = 0; i < copies; i++) this.#send!();
    const dueAt = this.#sentAt + this.#pauseMs;
    this.#setTimer(this.#pauseMs, () => {
      this.#heldUp(this.#environment.monotonicClock() - dueAt);
      if (this.#isGivenUp()) return;
      this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
      this.#sendCopies(COPIES);
    });
  }

  /** Time in which this process did not run does not count as the server's. */
  #heldUp(ms: number) {
    const now = this.#environment.monotonicClock();
    this.#receivedAt = Math.min(now, this.#receivedAt + ms);
    this.#firstSentAt = Math.min(now, this.#firstSentAt + ms);
  }

  #setTimer(ms: number, callback: () => void) {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#environment.setTimer(ms, callback);
  }

  /**
   * Measures the round trip. If the request was repeated, nobody knows which copy the answer is to (RFC 6298, section 3):
   * the last one is assumed. If that is too short, the doubled waits make up for it.
   */
  #measure() {
    const ms = this.#environment.monotonicClock() - this.#sentAt;
    if (this.#sends === 1) this.#roundTripMs = ms;
    else if (this.#sends > 1) this.#roundTripMs = Math.max(this.#roundTripMs ?? 0, ms);
  }

  /** Ends the request if the server is given up. */
  #isGivenUp(): boolean {
    const now = this.#environment.monotonicClock(), isSilent = now - this.#receivedAt >= this.#silenceMs;
    const isStuck = now - this.#firstSentAt >= NO_PROGRESS * this.#silenceMs ||
      this.#challenges > MAX_CHALLENGES;
    if (isSilent || isStuck) this.fail(this.#givenUp(isSilent));
    return isSilent || isStuck;
  }

  /** The server has answered with a challenge: the request is repeated at once, with what the challenge names. */
  challenged() {
    if (this.#send === undefined) return;
    this.#challenges++;
    if (this.#isGivenUp()) return;
    this.received();
    this.#measure();
    this.#sendFirst();
  }

  /** Repeats the request only after `ms` milliseconds, in which the server may be silent. */
  pause(ms: number) {
    if (this.#send === undefined || this.#isGivenUp()) return;
    this.#setTimer(ms, () => {
      this.received();
      this.#sendFirst();
    });
  }

  /** The server has sent something valid. */
  received() {
    this.#receivedAt = this.#environment.monotonicClock();
  }

  answered(value: unknown) {
    const answer = this.#answer;
    this.#measure();
    this.#end();
    answer?.resolve(value);
  }

  /** Ends the request, or the sleep, with an error. */
  fail(error: Error) {
    const answer = this.#answer;
    this.#end();
    answer?.reject(error);
  }

  /** Resolves after `ms` milliseconds. */
  sleep(ms: number): Promise<void> {
    const answer = this.#answer = Promise.withResolvers<unknown>();
    this.#cancelTimer = this.#environment.setTimer(ms, () => this.answered(undefined));
    return answer.promise as Promise<void>;
  }

  #end() {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#answer = this.#send = undefined;
    this.#sends = 0;
  }
}
