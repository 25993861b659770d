/**
 * What was sent and is not answered yet, and what of it counts as lost: RFC 9002, section 6. The session's datagrams
 * have no numbers of their own, so that a datagram counts as arrived when one of the requests in it is answered.
 *
 * @module
 */

import { CongestionWindow, RoundTrip } from "./congestion.ts";
import { Queue } from "./queue.ts";

/** A request, as far as its way to the server is concerned. */
export interface Sendable {
  /** Whether its answer comes in the order of the numbers; those of others may overtake it. */
  readonly ordered: boolean;
  /** How often it was sent. */
  sends: number;
  /** The datagram in which it was sent last, while it is unanswered. */
  datagram: SentDatagram | undefined;
}

/** A datagram that was sent. */
export interface SentDatagram {
  /** Counts from 1. */
  serial: number;
  at: number;
  bytes: number;
  requests: readonly Sendable[];
  /** How many of its requests are unanswered, and were not sent again since. */
  open: number;
  ordered: boolean;
  arrived: boolean;
}

/** Later datagrams that must be answered before an earlier one counts as lost (6.1.1, kPacketThreshold). */
const LATER = 3;

/** Datagrams that are sent when a probe time-out has passed (6.2.4). */
const PROBES = 2;

export class InFlight {
  readonly trip: RoundTrip = new RoundTrip();
  readonly window: CongestionWindow = new CongestionWindow();
  readonly #datagrams = new Queue<SentDatagram>();
  #serial = 0;
  #backoff = 0;
  #probedAt = -Infinity;
  /** The serial numbers of the last datagrams that are known to have arrived, ascending; and of those with numbers. */
  readonly #arrived: number[] = new Array(LATER).fill(0);
  readonly #arrivedOrdered: number[] = new Array(LATER).fill(0);
  /** The last datagram that a request was answered of, even if that may have been due to an earlier copy. */
  #newest: SentDatagram | undefined;

  /** Notes a datagram with these requests. */
  sent(requests: readonly Sendable[], bytes: number, now: number) {
    const datagram: SentDatagram = {
      serial: ++this.#serial,
      at: now,
      bytes,
      requests,
      open: requests.length,
      ordered: requests.some(({ ordered }) => ordered),
      arrived: false,
    };
    for (const request of requests) {
      this.forget(request);
      request.sends++;
      request.datagram = datagram;
    }
    this.window.sent(bytes);
    this.#datagrams.push(datagram);
  }

  /** Something came that only the arrival of the request explains. It may still be unanswered. */
  heard(request: Sendable, now: number) {
    const { datagram } = request;
    if (datagram === undefined) return;
    this.#backoff = 0;
    if (this.#newest === undefined || datagram.serial > this.#newest.serial) this.#newest = datagram;
    // an answer to a request that was sent twice does not tell which of the two arrived (RFC 6298, section 3)
    if (request.sends === 1) {
      if (!datagram.arrived) this.trip.sample(now - datagram.at);
      note(this.#arrived, datagram.serial);
      if (request.ordered) note(this.#arrivedOrdered, datagram.serial);
    }
    if (datagram.arrived) return;
    datagram.arrived = true;
    this.window.arrived(datagram.bytes, datagram.at);
  }

  /** The request is answered. */
  answered(request: Sendable, now: number) {
    this.heard(request, now);
    this.forget(request);
  }

  /** Nobody waits for an answer to the last copy of the request any more. */
  forget(request: Sendable) {
    const { datagram } = request;
    if (datagram === undefined) return;
    request.datagram = undefined;
    if (--datagram.open > 0 || datagram.arrived) return;
    datagram.arrived = true;
    this.window.forgotten(datagram.bytes);
  }

  /** Takes out the requests that count as lost: three later datagrams arrived, or a later one and it is overdue. */
  lost(now: number): Sendable[] {
    const requests: Sendable[] = [];
    const overdue = this.trip.timeout(0), newest = this.#newest?.serial ?? 0;
    for (let i = 0;; i++) {
      const datagram = this.#datagrams.at(i);
      if (datagram === undefined || datagram.serial >= newest) break;
      const later = datagram.ordered ? this.#arrivedOrdered : this.#arrived;
      if (datagram.open > 0 && (datagram.serial < later[0]! || now - datagram.at >= overdue)) {
        this.#lose(datagram, requests, now);
      }
    }
    return requests;
  }

  /** When the oldest unanswered datagram is to be sent again; Infinity where none is. */
  get deadline(): number {
    const oldest = this.#oldest();
    if (oldest === undefined) return Infinity;
    return Math.max(oldest.at, this.#probedAt) + this.trip.timeout(this.#backoff);
  }

  /** Takes out the requests of the oldest datagrams, to be sent again at once, whatever the window is (7.5). */
  probe(now: number): Sendable[] {
    const requests: Sendable[] = [];
    for (let i = 0; i < PROBES; i++) {
      const oldest = this.#oldest();
      if (oldest === undefined || now - oldest.at < this.trip.timeout(0)) break;
      this.#lose(oldest, requests, now);
    }
    this.#probedAt = now;
    this.window.timedOut(++this.#backoff);
    return requests;
  }

  /** Whether something is unanswered. */
  get waiting(): boolean {
    return this.#oldest() !== undefined;
  }

  /** How many probes in a row were not answered. */
  get backoff(): number {
    return this.#backoff;
  }

  #oldest(): SentDatagram | undefined {
    for (;;) {
      const oldest = this.#datagrams.at(0);
      if (oldest === undefined || oldest.open > 0) return oldest;
      this.#datagrams.shift();
    }
  }

  #lose(datagram: SentDatagram, requests: Sendable[], now: number) {
    for (const request of datagram.requests) {
      if (request.datagram !== datagram) continue;
      request.datagram = undefined;
      requests.push(request);
    }
    datagram.open = 0;
    if (datagram.arrived) return;
    datagram.arrived = true;
    this.window.lost(datagram.bytes, datagram.at, now);
  }
}

/** Keeps the largest serial numbers, each once, ascending. */
function note(largest: number[], serial: number) {
  if (serial <= largest[0]! || largest.includes(serial)) return;
  largest[0] = serial;
  largest.sort((a, b) => a - b);
}
