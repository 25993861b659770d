/**
 * The datagrams that are sent and not answered, and which of them count as lost: RFC 9002, section 6. They carry no
 * numbers, so a datagram counts as arrived when one of its requests is answered.
 *
 * @module
 */

import { CongestionWindow } from "./congestion_window.ts";
import { Queue } from "../requests/queue.ts";
import { RetransmissionTimeout } from "./retransmission_timeout.ts";
import type { KnownRoundTrip } from "./round_trips.ts";

/** What {@linkcode InFlight} keeps of a request. */
export interface Sendable {
  /** Whether its answer comes in the order of the numbers; other answers may overtake it. */
  readonly ordered: boolean;
  /** How often it was sent. */
  sends: number;
  /** The datagram in which it was sent last, while it is unanswered. */
  datagram: SentDatagram | undefined;
}

export interface SentDatagram {
  /** Counts from 1. */
  serial: number;
  sentAt: number;
  bytes: number;
  requests: readonly Sendable[];
  /** How many of its requests are unanswered, and were not sent again since. */
  unanswered: number;
  ordered: boolean;
  /** Whether the congestion window counts it no more. */
  isOver: boolean;
}

/** A datagram counts as lost when this many later ones have arrived (6.1.1, kPacketThreshold). */
const MAX_REORDERED = 3;

/** Datagrams that are sent again when a time-out has passed, even if the window is full (6.2.4, 7.5). */
const PROBES = 2;

export class InFlight {
  readonly timeout: RetransmissionTimeout;
  readonly #window: CongestionWindow = new CongestionWindow();
  readonly #datagrams = new Queue<SentDatagram>();
  #serial = 0;
  /** Datagrams that may be sent although the window is full. */
  #probes = 0;
  /** Time-outs in a row. */
  timeouts = 0;
  #timedOutAt = -Infinity;
  /** The highest serial numbers that have arrived, ascending: of all, and of datagrams with ordered requests. */
  readonly #arrived: number[] = new Array(MAX_REORDERED).fill(0);
  readonly #arrivedOrdered: number[] = new Array(MAX_REORDERED).fill(0);
  /** The highest serial number with an answered request, even if the answer may be to an earlier copy. */
  #newest = 0;

  /** @param known What is known of the server's round trip. */
  constructor(known?: KnownRoundTrip) {
    this.timeout = new RetransmissionTimeout(known);
  }

  /** Whether one more datagram may be sent now. */
  get maySend(): boolean {
    return this.#probes > 0 || this.#window.isOpen;
  }

  /** How many datagrams are in flight. */
  get datagrams(): number {
    return this.#window.datagrams;
  }

  /** Adds a datagram with these requests. */
  sent(requests: readonly Sendable[], bytes: number, now: number) {
    const datagram: SentDatagram = {
      serial: ++this.#serial,
      sentAt: now,
      bytes,
      requests,
      unanswered: requests.length,
      ordered: requests.some(({ ordered }) => ordered),
      isOver: false,
    };
    for (const request of requests) {
      this.forget(request);
      request.sends++;
      request.datagram = datagram;
    }
    if (this.#probes > 0) this.#probes--;
    this.#window.sent(bytes);
    this.#datagrams.push(datagram);
  }

  /** The request has arrived. It may still be unanswered. */
  arrived(request: Sendable, now: number) {
    const { datagram } = request;
    if (datagram === undefined) return;
    this.timeouts = 0;
    this.#newest = Math.max(this.#newest, datagram.serial);
    // if a request was sent twice, nobody knows which copy the answer is to (RFC 6298, section 3)
    if (request.sends === 1) {
      if (!datagram.isOver) this.timeout.measure(now - datagram.sentAt);
      insert(this.#arrived, datagram.serial);
      if (request.ordered) insert(this.#arrivedOrdered, datagram.serial);
    }
    if (datagram.isOver) return;
    datagram.isOver = true;
    this.#window.arrived(datagram.bytes, datagram.sentAt);
  }

  /** The request is answered. */
  answered(request: Sendable, now: number) {
    this.arrived(request, now);
    this.forget(request);
  }

  /** The last copy of the request needs no answer any more. */
  forget(request: Sendable) {
    const { datagram } = request;
    if (datagram === undefined) return;
    request.datagram = undefined;
    if (--datagram.unanswered > 0 || datagram.isOver) return;
    datagram.isOver = true;
    this.#window.forgotten(datagram.bytes);
  }

  /** Removes the requests that count as lost: later datagrams have arrived, enough of them or long ago. */
  takeLost(now: number): Sendable[] {
    const requests: Sendable[] = [], timeout = this.timeout.after(0);
    for (let i = 0;; i++) {
      const datagram = this.#datagrams.at(i);
      if (datagram === undefined || datagram.serial >= this.#newest) return requests;
      const [reordered] = datagram.ordered ? this.#arrivedOrdered : this.#arrived;
      if (datagram.unanswered === 0) continue;
      if (datagram.serial < reordered! || now - datagram.sentAt >= timeout) {
        requests.push(...this.#take(datagram));
        if (!datagram.isOver) this.#window.lost(datagram.bytes, datagram.sentAt, now);
        datagram.isOver = true;
      }
    }
  }

  /** When {@linkcode timeOut} is due; Infinity if nothing is unanswered. */
  get deadline(): number {
    const oldest = this.#oldest();
    if (oldest === undefined) return Infinity;
    return Math.max(oldest.sentAt, this.#timedOutAt) + this.timeout.after(this.timeouts);
  }

  /**
   * Removes the requests of the oldest datagrams: the time-out has passed. That alone shows no loss, and the window stays as
   * it is (6.2): the server may be slow.
   */
  timeOut(now: number): Sendable[] {
    const requests: Sendable[] = [];
    for (let i = 0; i < PROBES; i++) {
      const oldest = this.#oldest();
      if (oldest === undefined || now - oldest.sentAt < this.timeout.after(0)) break;
      requests.push(...this.#take(oldest));
      if (!oldest.isOver) this.#window.forgotten(oldest.bytes);
      oldest.isOver = true;
    }
    this.#probes = PROBES;
    this.#timedOutAt = now;
    this.#window.timedOut(++this.timeouts);
    return requests;
  }

  get isEmpty(): boolean {
    return this.#oldest() === undefined;
  }

  #oldest(): SentDatagram | undefined {
    for (;;) {
      const oldest = this.#datagrams.at(0);
      if (oldest === undefined || oldest.unanswered > 0) return oldest;
      this.#datagrams.shift();
    }
  }

  /** The requests that are unanswered, and were not sent again since: they will be. */
  #take(datagram: SentDatagram): Sendable[] {
    const requests = datagram.requests.filter((request) => request.datagram === datagram);
    for (const request of requests) request.datagram = undefined;
    datagram.unanswered = 0;
    return requests;
  }
}

/** Puts the serial number among the highest ones, unless it is there. */
function insert(highest: number[], serial: number) {
  if (serial <= highest[0]! || highest.includes(serial)) return;
  highest[0] = serial;
  highest.sort((a, b) => a - b);
}
