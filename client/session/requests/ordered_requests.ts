/**
 * The requests of a session that change something: they have numbers, many are in flight, and each is performed once and
 * in order. session.md section 5.
 *
 * Invariant: every request below `low` has its outcome; `#open` has those from `low` to below `#next`, without a gap.
 *
 * @module
 */

import { FullError, RefusedError } from "../errors.ts";
import { type DatagramBuilder, MAX_LINE_BYTES } from "../loss/datagram_builder.ts";
import type { InFlight } from "../loss/in_flight.ts";
import type { OrderedRequest } from "./ordered_request.ts";
import { Queue } from "./queue.ts";

/**
 * Most requests, and bytes of them, that are sent without an outcome: what a server keeps if a lower number is missing
 * (session.md 5.3).
 */
const MAX_OPEN = 1024, MAX_OPEN_BYTES = 256 * 1024;

/** Bytes that are counted for each request, in addition to what follows its number. */
const OVERHEAD_BYTES = 16;

/** First and longest wait before a refused request is repeated (session.md 3.5). */
const FIRST_BACKOFF_MS = 100, MAX_BACKOFF_MS = 2000;

/** Requests and bytes without an outcome from which a program should wait, and from which no more are accepted. */
const FULL_REQUESTS = 4096, FULL_BYTES = 1024 ** 2;
const MAX_REQUESTS = 1024 ** 2, MAX_BYTES = 256 * 1024 ** 2;

export class OrderedRequests {
  readonly #inFlight: InFlight;
  /** Those without a number. */
  readonly #waiting = new Queue<OrderedRequest>();
  readonly #open = new Queue<OrderedRequest>();
  #openBytes = 0;
  #waitingCount = 0;
  #waitingBytes = 0;
  #next: number;
  /** The highest number with an outcome. */
  #highest = 0;
  #lowAtEnd: number | undefined;
  /** Those to be sent again; some may have been answered since. */
  #repeats: OrderedRequest[] = [];
  #isSorted = true;
  /** The request that the server refuses for the time being. Nothing after it is sent until it is done. */
  #refused: { request: OrderedRequest; retryAt: number; backoffMs: number } | undefined;
  /** Since when the server has all that it needs to perform the lowest request. */
  #heldSince = Infinity;
  /** How often that was sent again nevertheless. */
  #heldRepeats = 0;
  #progressAt = -Infinity;
  #requests = 0;
  #bytes = 0;
  #ready: PromiseWithResolvers<void> | undefined;

  /** @param next The number of the first request. */
  constructor(inFlight: InFlight, next: number) {
    this.#inFlight = inFlight;
    this.#next = next;
  }

  get low(): number {
    return this.#lowAtEnd ?? this.#next - this.#open.length;
  }

  /** The highest number with an outcome; 0 if none has one. */
  get highest(): number {
    return this.#highest;
  }

  /** The number that the next added request gets. */
  get next(): number {
    return this.#next + this.#waitingCount;
  }

  /** Whether any request has got a number. */
  get hasNumbers(): boolean {
    return this.#next > 1;
  }

  /** Whether the outcome of something that was sent is not known. */
  get hasOpen(): boolean {
    return this.#open.length > 0;
  }

  /** Whether every request has its outcome. */
  get isEmpty(): boolean {
    return this.#requests === 0;
  }

  /** Since when the lowest request waits for its outcome; Infinity if there is none. */
  get stuckSince(): number {
    return this.isEmpty ? Infinity : this.#progressAt;
  }

  /** Whether a program should add more; if not, it should wait for {@linkcode ready}. */
  get hasRoom(): boolean {
    return this.#requests < FULL_REQUESTS && this.#bytes < FULL_BYTES;
  }

  async ready(): Promise<void> {
    if (this.hasRoom) return;
    this.#ready ??= Promise.withResolvers<void>();
    await this.#ready.promise;
  }

  /** @throws {RangeError} There are too many requests without an outcome. */
  checkCapacity() {
    if (this.#requests < MAX_REQUESTS && this.#bytes < MAX_BYTES) return;
    throw new RangeError(`Cannot put more than ${MAX_REQUESTS} messages at a time: wait for ready()`);
  }

  /** Whether there is something to send, and nothing but new requests that do not fill a datagram. */
  get isScarce(): boolean {
    return this.#waitingCount > 0 && this.#waitingBytes < MAX_LINE_BYTES && this.#repeats.length === 0 &&
      this.#refused === undefined;
  }

  /** Queues the request, after its parts. If the server refuses it, it is withdrawn after `wait` milliseconds. */
  add(request: OrderedRequest, monotonicClock: () => number, wait = Infinity) {
    if (wait !== Infinity) request.deadline = monotonicClock() + wait;
    if (this.isEmpty) this.#progressAt = monotonicClock();
    for (const part of request.parts) this.#add(part);
    this.#add(request);
  }

  #add(request: OrderedRequest) {
    this.#waiting.push(request);
    this.#waitingCount++;
    this.#waitingBytes += request.bytes + OVERHEAD_BYTES;
    this.#requests++;
    this.#bytes += request.bytes + OVERHEAD_BYTES;
  }

  /** Fills the datagram with what may be sent now, the lowest numbers first. */
  fill(builder: DatagramBuilder, now: number) {
    for (let request; (request = this.#candidate(now)) !== undefined;) {
      const begin = `${request.kind},${request.n || this.#next}`;
      if (!builder.add(request, begin + request.rest, begin.length + request.bytes)) return;
      this.#sent(request);
    }
  }

  #candidate(now: number): OrderedRequest | undefined {
    if (!this.#isSorted) this.#repeats.sort((a, b) => b.n - a.n);
    this.#isSorted = true;
    for (let repeat; (repeat = this.#repeats.at(-1)) !== undefined;) {
      if (repeat.state === "repeat") return this.#isAllowed(repeat, now) ? repeat : undefined;
      this.#repeats.pop();
    }
    while (this.#waiting.at(0)?.state === "done") this.#waiting.shift();
    const request = this.#waiting.at(0);
    if (request === undefined || !this.#isAllowed(request, now) || this.#open.length >= MAX_OPEN) {
      return undefined;
    }
    return this.#openBytes + request.bytes + OVERHEAD_BYTES <= MAX_OPEN_BYTES ? request : undefined;
  }

  #isAllowed(request: OrderedRequest, now: number): boolean {
    const refused = this.#refused;
    if (refused === undefined || request.n > 0 && request.n < refused.request.first.n) return true;
    return request.whole === refused.request && now >= refused.retryAt;
  }

  #sent(request: OrderedRequest) {
    if (request.state === "repeat") this.#repeats.pop();
    else {
      this.#waiting.shift();
      this.#waitingCount--;
      this.#waitingBytes -= request.bytes + OVERHEAD_BYTES;
      request.n = this.#next++;
      this.#open.push(request);
      this.#openBytes += request.bytes + OVERHEAD_BYTES;
    }
    request.state = "sent";
  }

  #at(n: number): OrderedRequest | undefined {
    const request = n < this.low ? undefined : this.#open.at(n - this.low);
    return request?.state === "done" ? undefined : request;
  }

  /** `ok`: they are performed. The range comes from the server and may be anything. */
  ok(from: number, to: number, now: number) {
    for (let n = Math.max(from, this.low), last = Math.min(to, this.#next - 1); n <= last; n++) {
      const request = this.#at(n);
      if (request === undefined) continue;
      request.settle();
      this.#done(request, now);
    }
  }

  /** `have`: they have arrived, but a lower number is missing, or the rest of what they are parts of. */
  have(from: number, to: number, now: number) {
    for (let n = Math.max(from, this.low), last = Math.min(to, this.#next - 1); n <= last; n++) {
      const request = this.#at(n);
      // after a refused request the server keeps nothing: this is a late answer
      if (request === undefined || !this.#isAllowed(request, now)) continue;
      this.#inFlight.answered(request, now);
      request.state = "held";
    }
    if (from <= this.low || this.#heldSince === Infinity) this.#heldSince = this.#isHeld() ? now : Infinity;
  }

  /** Whether the server has all that it needs to perform the lowest request, as far as is known. */
  #isHeld(): boolean {
    const lowest = this.#open.at(0)?.whole;
    // parts of a withdrawn request may have been left out
    return lowest?.state === "held" &&
      lowest.parts.every(({ state }) => state === "held" || state === "done");
  }

  /** `lost`: it is performed, but for these messages. */
  lost(n: number, ids: readonly number[], now: number) {
    const request = this.#at(n);
    if (request === undefined) return;
    request.settle(undefined, ids);
    this.#done(request, now);
  }

  /** `bad`: it can never be performed. */
  bad(n: number, reason: string, now: number) {
    const request = this.#at(n);
    if (request === undefined) return;
    const { whole } = request;
    whole.settle(whole.kind === "skip" ? withdrawn(whole) : new RefusedError(reason));
    this.#done(request, now);
  }

  /** `full` or `storage`: nothing from this number on is performed for the time being. */
  refuse(n: number, limit: string, now: number) {
    const answered = this.#at(n), request = answered?.whole;
    if (answered === undefined || request === undefined) return;
    request.limit = limit;
    // its sender decides how long it waits for room
    if (!request.isWithdrawn && request.needsRoom) this.#progressAt = now;
    const before = this.#refused?.request === request ? this.#refused : undefined;
    // a late copy of an answer that was handled
    if (before !== undefined && now < before.retryAt) return;
    this.#inFlight.arrived(answered, now);
    const backoffMs = before === undefined
      ? FIRST_BACKOFF_MS
      : Math.min(2 * before.backoffMs, MAX_BACKOFF_MS);
    this.#refused = { request, retryAt: now + backoffMs, backoffMs };
    for (let i = request.first.n - this.low; i < this.#open.length; i++) {
      const dropped = this.#open.at(i)!;
      this.#repeat(dropped);
      this.#skipIfWithdrawn(dropped.whole, now);
    }
    this.#withdrawOverdue(now);
  }

  /** A request counts as lost. */
  resend(request: OrderedRequest) {
    if (request.state === "sent") this.#repeat(request);
  }

  #repeat(request: OrderedRequest) {
    if (request.state !== "sent" && request.state !== "held") return;
    this.#inFlight.forget(request);
    request.state = "repeat";
    this.#repeats.push(request);
    this.#isSorted = false;
  }

  #done(request: OrderedRequest, now: number) {
    // parts are performed together with it, whether or not their own answers arrive
    for (const part of request.parts) if (part.state !== "done") this.#done(part, now);
    this.#inFlight.answered(request, now);
    this.#remove(request);
    if (this.#refused?.request === request) this.#refused = undefined;
    this.#highest = Math.max(this.#highest, request.n);
    while (this.#open.at(0)?.state === "done") {
      this.#progressAt = now;
      this.#heldRepeats = 0;
      this.#openBytes -= this.#open.shift()!.bytes + OVERHEAD_BYTES;
    }
    this.#heldSince = this.#isHeld() ? now : Infinity;
  }

  #remove(request: OrderedRequest) {
    request.state = "done";
    this.#requests--;
    this.#bytes -= request.bytes + OVERHEAD_BYTES;
    if (this.#ready === undefined || !this.hasRoom || this.#requests > FULL_REQUESTS / 2) return;
    this.#ready.resolve();
    this.#ready = undefined;
  }

  /** Withdraws a request. If it is performed all the same, that is its outcome. */
  withdraw(request: OrderedRequest, now: number): void {
    if (request.state === "done" || request.isWithdrawn) return;
    const isSent = request.first.n > 0;
    // what has no number needs none; the server drops the parts that have one when a skip follows them
    for (const each of isSent ? request.parts : [...request.parts, request]) {
      if (each.state !== "waiting") continue;
      this.#waitingCount--;
      this.#waitingBytes -= each.bytes + OVERHEAD_BYTES;
      this.#remove(each);
    }
    if (!isSent) return request.settle(withdrawn(request));
    request.isWithdrawn = true;
    this.#skipIfWithdrawn(request, now);
  }

  /**
   * Turns a withdrawn request into a `skip`, if it can't have been performed, as far as is known: it was never sent, or
   * it was refused, or dropped because of a refused one before it.
   */
  #skipIfWithdrawn(request: OrderedRequest, now: number) {
    const refused = this.#refused;
    const isDropped = request.state === "repeat" && refused !== undefined &&
      request.n >= refused.request.first.n;
    if (!request.isWithdrawn || request.kind === "skip" || !isDropped && request.state !== "waiting") return;
    this.#bytes -= request.bytes;
    if (request.n > 0) this.#openBytes -= request.bytes;
    else this.#waitingBytes -= request.bytes;
    request.kind = "skip";
    request.rest = "";
    request.bytes = 0;
    if (refused?.request === request) refused.retryAt = now;
  }

  #withdrawOverdue(now: number) {
    const request = this.#refused?.request;
    if (request !== undefined && now >= request.deadline && request.state !== "sent") {
      this.withdraw(request, now);
    }
  }

  /** When {@linkcode due} has something to do; Infinity if it has nothing. */
  deadline(now: number): number {
    const refused = this.#refused;
    if (refused === undefined || refused.request.state === "sent") return this.#heldUntil;
    const { request: { isWithdrawn, deadline }, retryAt } = refused;
    // once retryAt has passed, the congestion window alone delays it
    return Math.min(this.#heldUntil, isWithdrawn ? Infinity : deadline, retryAt > now ? retryAt : Infinity);
  }

  /** When the lowest request is sent again, though the server has it. */
  get #heldUntil(): number {
    const timeouts = Math.max(this.#inFlight.timeouts, this.#heldRepeats);
    return this.#heldSince + this.#inFlight.timeout.after(timeouts);
  }

  /** @param done The server says that it has performed everything up to this number. */
  due(now: number, done: number) {
    this.#withdrawOverdue(now);
    if (now < this.#heldUntil) return;
    this.#heldRepeats++;
    // Nothing is missing, so the answer was lost; or a late `have` named what the server has dropped since.
    this.#heldSince = Infinity;
    const lowest = this.#open.at(0)?.whole;
    for (let i = 0;; i++) {
      const request = this.#open.at(i);
      if (request === undefined || request.whole !== lowest && request.n > done) break;
      if (request.state === "held") this.#repeat(request);
    }
  }

  /** The server was restarted, or gave another cookie: it may have dropped what it has not performed. */
  repeat(now: number) {
    this.#heldSince = Infinity;
    if (this.#refused !== undefined) this.#refused.retryAt = now;
    for (let i = 0; i < this.#open.length; i++) this.#repeat(this.#open.at(i)!);
  }

  /** A new session begins, with nothing open: what waits gets its numbers from 1 on. */
  restart() {
    this.#next = 1;
    this.#highest = 0;
  }

  /** Ends everything with an error, made from whether the request was sent. */
  end(error: (sent: boolean) => Error) {
    this.#lowAtEnd = this.low;
    const all: OrderedRequest[] = [];
    for (const queue of [this.#open, this.#waiting]) {
      for (let request; (request = queue.shift()) !== undefined;) all.push(request);
    }
    this.#repeats = [];
    this.#requests = this.#waitingCount = this.#waitingBytes = 0;
    this.#bytes = this.#openBytes = 0;
    for (const request of all) {
      this.#inFlight.forget(request);
      if (request.state !== "done") request.settle(error(request.whole.first.n > 0));
      request.state = "done";
    }
    this.#ready?.resolve();
  }
}

function withdrawn({ limit }: OrderedRequest): FullError {
  const why = limit === "" ? "it was withdrawn" : `withdrawn while the server refused it: ${limit}`;
  return new FullError(`Cannot put the message: ${why}`, limit);
}
