/**
 * How long the client waits for an answer before it sends a request again: the round-trip time and the probe time-out of
 * RFC 9002, sections 5.3 and 6.2.
 *
 * @module
 */

/** Round-trip time that is assumed before one was measured (6.2.2). */
const INITIAL_ROUND_TRIP_MS = 333;

/** Granularity of timers (6.1.2, kGranularity). */
const GRANULARITY_MS = 1;

/** How long a server may delay an answer (6.2.1, max_ack_delay): here, until it is on disk. */
const ANSWER_DELAY_MS = 25;

/** Longest time-out, however often it was doubled. */
const MAX_TIMEOUT_MS = 1000;

export class RetransmissionTimeout {
  #smoothedMs = INITIAL_ROUND_TRIP_MS;
  #variationMs = INITIAL_ROUND_TRIP_MS / 2;
  #isMeasured = false;

  /** Takes a round-trip time: the milliseconds from a datagram to the first answer to it. */
  measure(roundTripMs: number) {
    if (this.#isMeasured) {
      this.#variationMs = 3 / 4 * this.#variationMs + 1 / 4 * Math.abs(this.#smoothedMs - roundTripMs);
      this.#smoothedMs = 7 / 8 * this.#smoothedMs + 1 / 8 * roundTripMs;
    } else {
      this.#isMeasured = true;
      this.#smoothedMs = roundTripMs;
      this.#variationMs = roundTripMs / 2;
    }
  }

  /** Milliseconds to wait for an answer, after this many time-outs in a row (6.2.1). */
  after(timeouts: number): number {
    const firstMs = this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) + ANSWER_DELAY_MS;
    return Math.min(firstMs * 2 ** timeouts, MAX_TIMEOUT_MS);
  }
}
