/**
 * How many bytes may be in flight: NewReno, as RFC 9002, section 7, has it.
 *
 * @module
 */

import { MAX_SESSION_DATAGRAM_BYTES } from "../../../protocol/session.ts";

/** Time-outs in a row that mean persistent congestion (7.6, kPersistentCongestionThreshold). */
const PERSISTENT_TIMEOUTS = 3;

const INITIAL_WINDOW_BYTES = 10 * MAX_SESSION_DATAGRAM_BYTES,
  MIN_WINDOW_BYTES = 2 * MAX_SESSION_DATAGRAM_BYTES;

/**
 * Most datagrams in flight: a socket's buffer of 212,992 bytes has room for that many short answers beside the messages
 * of leases, also if the program reads none of them for a while. The kernel counts 768 bytes or more for each, and up to
 * 2,304 for one of 1,200.
 */
const MAX_DATAGRAMS = 96;

export class CongestionWindow {
  #bytes = INITIAL_WINDOW_BYTES;
  /** Datagrams in flight. */
  #datagrams = 0;
  #threshold = Infinity;
  #inFlight = 0;
  /** Loss and arrival of what was sent before this time change nothing (7.3.2). */
  #recoveryStart = -Infinity;
  /** Whether the window kept a datagram from being sent: only then may it grow (7.8). */
  #wasFull = false;

  /** Whether one more datagram may be sent. */
  get isOpen(): boolean {
    if (this.#datagrams >= MAX_DATAGRAMS) return false;
    const isOpen = this.#inFlight + MAX_SESSION_DATAGRAM_BYTES <= this.#bytes;
    if (!isOpen) this.#wasFull = true;
    return isOpen;
  }

  /** Datagrams in flight. */
  get datagrams(): number {
    return this.#datagrams;
  }

  sent(bytes: number) {
    this.#datagrams++;
    this.#inFlight += bytes;
  }

  arrived(bytes: number, sentAt: number) {
    this.#datagrams--;
    this.#inFlight -= bytes;
    if (!this.#wasFull || sentAt <= this.#recoveryStart) return;
    this.#wasFull = false;
    if (this.#bytes < this.#threshold) this.#bytes += bytes;
    else this.#bytes += MAX_SESSION_DATAGRAM_BYTES * bytes / this.#bytes;
  }

  lost(bytes: number, sentAt: number, now: number) {
    this.#datagrams--;
    this.#inFlight -= bytes;
    if (sentAt <= this.#recoveryStart) return;
    this.#recoveryStart = now;
    this.#bytes = Math.max(this.#bytes / 2, MIN_WINDOW_BYTES);
    this.#threshold = this.#bytes;
  }

  /** A datagram is in flight no more, for a reason that has nothing to do with the path. */
  forgotten(bytes: number) {
    this.#datagrams--;
    this.#inFlight -= bytes;
  }

  /** This many time-outs have passed in a row. */
  timedOut(timeouts: number) {
    if (timeouts >= PERSISTENT_TIMEOUTS) this.#bytes = MIN_WINDOW_BYTES;
  }
}
