/**
 * How long an answer takes, and how much may be on its way: RFC 9002, sections 5, 6.2 and 7.
 *
 * @module
 */

import { MAX_SESSION_DATAGRAM_BYTES } from "../../protocol/session.ts";

/** Round trip that is assumed before there is a sample, in milliseconds (RFC 9002, section 6.2.2). */
const INITIAL_ROUND_TRIP = 333;

/** What a timer may be off by, in milliseconds (6.1.2, kGranularity). */
const GRANULARITY = 1;

/** For how long a server may keep an answer back, in milliseconds (6.2.1, max_ack_delay): here, for its commit. */
const ANSWER_DELAY = 25;

/** Longest probe time-out, in milliseconds, however often it was backed off. */
const MAX_TIMEOUT = 1000;

/** Probe time-outs in a row that mean persistent congestion (7.6, kPersistentCongestionThreshold). */
const PERSISTENT = 3;

const INITIAL_WINDOW = 10 * MAX_SESSION_DATAGRAM_BYTES, MIN_WINDOW = 2 * MAX_SESSION_DATAGRAM_BYTES;

/** Estimate of the round trip (RFC 9002, section 5.3). */
export class RoundTrip {
  #smoothed = INITIAL_ROUND_TRIP;
  #variance = INITIAL_ROUND_TRIP / 2;
  #sampled = false;

  /** Takes the milliseconds from a datagram to the first answer to it. */
  sample(ms: number) {
    if (this.#sampled) {
      this.#variance = 3 / 4 * this.#variance + 1 / 4 * Math.abs(this.#smoothed - ms);
      this.#smoothed = 7 / 8 * this.#smoothed + 1 / 8 * ms;
    } else {
      this.#sampled = true;
      this.#smoothed = ms;
      this.#variance = ms / 2;
    }
  }

  /** Milliseconds after which what is unanswered is sent again, the `backoff`th time in a row (6.2.1). */
  timeout(backoff: number): number {
    const first = this.#smoothed + Math.max(4 * this.#variance, GRANULARITY) + ANSWER_DELAY;
    return Math.min(first * 2 ** backoff, MAX_TIMEOUT);
  }
}

/** Bytes that may be on their way: NewReno as RFC 9002, section 7, has it. */
export class CongestionWindow {
  #size = INITIAL_WINDOW;
  #threshold = Infinity;
  #inFlight = 0;
  /** What was sent before this time says nothing new about the path (7.3.2). */
  #recoveryStart = -Infinity;
  /** Whether the window kept something from being sent: else its size is not what was tested (7.8). */
  #used = false;

  get size(): number {
    return this.#size;
  }

  /** Whether one more datagram may be sent. */
  get open(): boolean {
    const open = this.#inFlight + MAX_SESSION_DATAGRAM_BYTES <= this.#size;
    if (!open) this.#used = true;
    return open;
  }

  sent(bytes: number) {
    this.#inFlight += bytes;
  }

  /** A datagram that was sent at `sentAt` has arrived. */
  arrived(bytes: number, sentAt: number) {
    this.#inFlight -= bytes;
    if (!this.#used || sentAt <= this.#recoveryStart) return;
    this.#used = false;
    if (this.#size < this.#threshold) this.#size += bytes;
    else this.#size += MAX_SESSION_DATAGRAM_BYTES * bytes / this.#size;
  }

  /** A datagram that was sent at `sentAt` has been lost. */
  lost(bytes: number, sentAt: number, now: number) {
    this.#inFlight -= bytes;
    if (sentAt <= this.#recoveryStart) return;
    this.#recoveryStart = now;
    this.#size = Math.max(this.#size / 2, MIN_WINDOW);
    this.#threshold = this.#size;
  }

  /** A datagram counts no longer, for a reason that has nothing to do with the path. */
  forgotten(bytes: number) {
    this.#inFlight -= bytes;
  }

  /** The `backoff`th probe time-out in a row has passed. */
  timedOut(backoff: number) {
    if (backoff >= PERSISTENT) this.#size = MIN_WINDOW;
  }
}
