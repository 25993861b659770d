/**
 * How long the client waits for an answer before it sends a request again: the round-trip time and the probe time-out of
 * RFC 9002, sections 5.3 and 6.2.
 *
 * @module
 */

import type { KnownRoundTrip } from "./round_trips.ts";

/** Round-trip time that is assumed if none is known of the server (6.2.2). */
const INITIAL_ROUND_TRIP_MS = 333;

/** Granularity of timers (6.1.2, kGranularity). */
const GRANULARITY_MS = 1;

/** How long a server may delay an answer (6.2.1, max_ack_delay): here, until it is on disk. */
const ANSWER_DELAY_MS = 25;

/** Longest time-out, however often it was doubled. */
const MAX_TIMEOUT_MS = 1000;

export class RetransmissionTimeout {
  readonly #known: KnownRoundTrip;
  #smoothedMs: number;
  #variationMs: number;
  #isMeasured = false;

  /** @param known What earlier sessions have measured, and where the next one finds what this one does. */
  constructor(known: KnownRoundTrip = { ms: undefined }) {
    this.#known = known;
    this.#smoothedMs = known.ms ?? INITIAL_ROUND_TRIP_MS;
    this.#variationMs = this.#smoothedMs / 2;
  }

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
    this.#known.ms = this.#smoothedMs;
  }

  /** Milliseconds to wait for an answer, after this many time-outs in a row (6.2.1). */
  after(timeouts: number): number {
    const firstMs = this.#smoothedMs + Math.max(4 * this.#variationMs, GRANULARITY_MS) + ANSWER_DELAY_MS;
    return Math.min(firstMs * 2 ** timeouts, MAX_TIMEOUT_MS);
  }
}
