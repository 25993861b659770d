/**
 * The requests of a session that change something: numbered, many in flight, each carried out once and in order.
 * `protocol/README.md`, "Order, and once".
 *
 * @module
 */

import type { OrderedRequest } from "./ordered_request.ts";
import type { DatagramBuilder } from "./datagram_builder.ts";
import type { InFlight } from "./in_flight.ts";
import { Queue } from "./queue.ts";
import { FullError, RefusedError } from "./errors.ts";

/** What a server keeps of a session while a lower number is missing: no more than this is sent ahead. */
const MAX_OPEN = 1024, MAX_OPEN_BYTES = 256 * 1024;

/** Bytes that a request is counted with beside what stands behind its number. */
const OVERHEAD = 16;

/** First and longest wait before a request that was refused for the time being is repeated, in milliseconds. */
const FIRST_BACKOFF = 100, LAST_BACKOFF = 2000;

/** Changes that need no room: a server that refuses them for the time being has to take them soon. */
const NEEDS_NO_ROOM: ReadonlySet<OrderedRequest["kind"]> = new Set(["ack", "back", "extend", "skip"]);

/** A put that was refused for the time being. Nothing behind it is sent until it is done. */
interface Refused {
  put: OrderedRequest;
  /** When it is sent again. */
  until: number;
  /** The wait before that. */
  backoff: number;
}

export class OrderedRequests {
  readonly #flight: InFlight;
  /** Those without a number, in their order. */
  readonly #waiting = new Queue<OrderedRequest>();
  /** Those with a number, from `low` on. */
  readonly #open = new Queue<OrderedRequest>();
  #openBytes = 0;
  /** How many are waiting. */
  #unnumbered = 0;
  #next: number;
  /** What `low` was when the session ended: a later one goes on there. */
  #lowAtEnd: number | undefined;
  /** Those to be sent again, and some that were answered meanwhile. */
  #again: OrderedRequest[] = [];
  #sorted = true;
  #refused: Refused | undefined;
  /** Since when the lowest one is held, with all that takes effect with it. */
  #heldSince = Infinity;
  /** How often it was sent again all the same. */
  #heldTimes = 0;
  /** Since when the lowest one waits for the server. */
  #movedAt = -Infinity;
  /** Requests and bytes that have no outcome yet. */
  requests = 0;
  bytes = 0;

  /** @param next The number of the first change. */
  constructor(flight: InFlight, next = 1) {
    this.#flight = flight;
    this.#next = next;
  }

  /** The outcome of every number below is known. */
  get low(): number {
    return this.#lowAtEnd ?? this.#next - this.#open.length;
  }

  /** The number that the next change gets that is added. */
  get next(): number {
    return this.#next + this.#unnumbered;
  }

  /** Whether a number was given. */
  get begun(): boolean {
    return this.#next > 1;
  }

  /** Whether the outcome of something that was sent is not known. */
  get open(): boolean {
    return this.#open.length > 0;
  }

  /** Since when nothing has come of the lowest one; Infinity where there is none. */
  get stuckSince(): number {
    return this.requests === 0 ? Infinity : this.#movedAt;
  }

  /** Queues the change, with its parts. */
  add(change: OrderedRequest, now: number) {
    if (this.requests === 0) this.#movedAt = now;
    for (const part of change.parts) this.#add(part);
    this.#add(change);
  }

  #add(change: OrderedRequest) {
    this.#waiting.push(change);
    this.#unnumbered++;
    this.requests++;
    this.bytes += change.bytes + OVERHEAD;
  }

  /** Puts into the datagram what may be sent now, the lowest numbers first. */
  fill(draft: DatagramBuilder, now: number) {
    for (;;) {
      const change = this.#candidate(now);
      if (change === undefined) return;
      const n = change.n || this.#next;
      const line = `${change.kind},${n}${change.rest}`;
      if (!draft.add(change, line, line.length - change.rest.length + change.bytes)) return;
      this.#take(change);
    }
  }

  #candidate(now: number): OrderedRequest | undefined {
    if (!this.#sorted) this.#again.sort((a, b) => b.n - a.n);
    this.#sorted = true;
    while (this.#again.length > 0) {
      const change = this.#again[this.#again.length - 1]!;
      if (change.state === "again") return this.#allowed(change, now) ? change : undefined;
      this.#again.pop();
    }
    while (this.#waiting.at(0)?.state === "done") this.#waiting.shift();
    const change = this.#waiting.at(0);
    if (change === undefined || !this.#allowed(change, now) || this.#open.length >= MAX_OPEN) {
      return undefined;
    }
    return this.#openBytes + change.bytes + OVERHEAD <= MAX_OPEN_BYTES ? change : undefined;
  }

  #allowed(change: OrderedRequest, now: number): boolean {
    const refused = this.#refused;
    if (refused === undefined || change.n > 0 && change.n < refused.put.first.n) return true;
    return change.put === refused.put && now >= refused.until;
  }

  #take(change: OrderedRequest) {
    if (change.state === "again") this.#again.pop();
    else {
      this.#waiting.shift();
      this.#unnumbered--;
      change.n = this.#next++;
      this.#open.push(change);
      this.#openBytes += change.bytes + OVERHEAD;
    }
    change.state = "sent";
  }

  #at(n: number): OrderedRequest | undefined {
    const change = n < this.low ? undefined : this.#open.at(n - this.low);
    return change?.state === "done" ? undefined : change;
  }

  /** `ok`: these numbers are done. */
  ok(from: number, to: number, now: number) {
    // low moves while they are taken out, and the numbers may be anything
    for (let n = Math.max(from, this.low), last = Math.min(to, this.#next - 1); n <= last; n++) {
      const change = this.#at(n);
      if (change === undefined) continue;
      if (change.kind !== "part") change.settle();
      this.#done(change, now);
    }
  }

  /** `have`: these have arrived, but a lower one is missing, or the put of a part. */
  have(from: number, to: number, now: number) {
    for (let n = Math.max(from, this.low), last = Math.min(to, this.#next - 1); n <= last; n++) {
      const change = this.#at(n);
      // a late answer: what is behind a refused request was dropped
      if (change === undefined || !this.#allowed(change, now)) continue;
      this.#flight.answered(change, now);
      change.state = "held";
    }
    if (from <= this.low || this.#heldSince === Infinity) this.#heldSince = this.#isHeld() ? now : Infinity;
  }

  /** Whether the server has all that it needs to carry out the lowest one, as far as is known. */
  #isHeld(): boolean {
    const put = this.#open.at(0)?.put;
    // parts of a put that was withdrawn may have been left out
    return put?.state === "held" && put.parts.every(({ state }) => state === "held" || state === "done");
  }

  /** `lost`: done, but for these messages of the lease. */
  lost(n: number, ids: readonly number[], now: number) {
    const change = this.#at(n);
    if (change === undefined) return;
    change.settle(undefined, ids);
    this.#done(change, now);
  }

  /** `bad`: it can never be carried out. */
  bad(n: number, reason: string, now: number) {
    const change = this.#at(n);
    if (change === undefined) return;
    const { put } = change;
    put.settle(put.kind === "skip" ? withdrawn(put) : new RefusedError(reason));
    this.#done(change, now);
  }

  /** `full` or `storage`: nothing from here on is carried out for the time being. */
  refuse(n: number, limit: string, now: number) {
    const put = this.#at(n)?.put;
    if (put === undefined) return;
    put.limit = limit;
    // it is for the sender to say how long that is waited for
    if (!put.unwanted && !NEEDS_NO_ROOM.has(put.kind)) this.#movedAt = now;
    const again = this.#refused?.put === put ? this.#refused : undefined;
    // a late copy of an answer that was acted on
    if (again !== undefined && now < again.until) return;
    this.#flight.heard(this.#at(n)!, now);
    const backoff = again === undefined ? FIRST_BACKOFF : Math.min(2 * again.backoff, LAST_BACKOFF);
    this.#refused = { put, until: now + backoff, backoff };
    for (let i = put.first.n - this.low; i < this.#open.length; i++) {
      const change = this.#open.at(i)!;
      this.#resend(change);
      this.#skipUnwanted(change.put, now);
    }
    this.#withdrawOverdue(now);
  }

  /** A change counts as lost: it is to be sent again. */
  resend(change: OrderedRequest) {
    if (change.state === "sent") this.#resend(change);
  }

  #resend(change: OrderedRequest) {
    if (change.state !== "sent" && change.state !== "held") return;
    this.#flight.forget(change);
    change.state = "again";
    this.#again.push(change);
    this.#sorted = false;
  }

  #done(change: OrderedRequest, now: number) {
    // they have taken effect with their put, whether or not their own answers arrive
    for (const part of change.parts) if (part.state !== "done") this.#done(part, now);
    this.#flight.answered(change, now);
    change.state = "done";
    this.requests--;
    this.bytes -= change.bytes + OVERHEAD;
    if (this.#refused?.put === change) this.#refused = undefined;
    while (this.#open.at(0)?.state === "done") {
      this.#movedAt = now;
      this.#heldTimes = 0;
      this.#openBytes -= this.#open.shift()!.bytes + OVERHEAD;
    }
    this.#heldSince = this.#isHeld() ? now : Infinity;
  }

  /** The put is not wanted any more. What comes of it is reported as its outcome. */
  withdraw(put: OrderedRequest, now: number) {
    if (put.state === "done" || put.unwanted) return;
    // what has no number needs none; the parts that have one are dropped by the server when a skip follows them
    for (const change of [...put.parts, ...put.first.n === 0 ? [put] : []]) {
      if (change.state !== "waiting") continue;
      change.state = "done";
      this.#unnumbered--;
      this.requests--;
      this.bytes -= change.bytes + OVERHEAD;
    }
    if (put.first.n === 0) return put.settle(withdrawn(put));
    put.unwanted = true;
    this.#skipUnwanted(put, now);
  }

  /**
   * Lets a `skip` take the place of a put that is not wanted, if it can't have been carried out as far as is known: it
   * was never sent, or it is refused, or dropped because of one before it that is.
   */
  #skipUnwanted(put: OrderedRequest, now: number) {
    const refused = this.#refused;
    const dropped = put.state === "again" && refused !== undefined && put.n >= refused.put.first.n;
    if (!put.unwanted || put.kind === "skip" || !dropped && put.state !== "waiting") return;
    this.bytes -= put.bytes;
    if (put.n > 0) this.#openBytes -= put.bytes;
    put.kind = "skip";
    put.rest = "";
    put.bytes = 0;
    if (refused?.put === put) refused.until = now;
  }

  #withdrawOverdue(now: number) {
    const refused = this.#refused;
    if (refused !== undefined && now >= refused.put.deadline && refused.put.state !== "sent") {
      this.withdraw(refused.put, now);
    }
  }

  /** When {@linkcode due} has something to do; Infinity where it has nothing. */
  deadline(now: number): number {
    const refused = this.#refused;
    let deadline = this.#heldUntil;
    if (refused !== undefined && refused.put.state !== "sent") {
      if (!refused.put.unwanted) deadline = Math.min(deadline, refused.put.deadline);
      // once that has passed it is the window alone that keeps it back
      if (refused.until > now) deadline = Math.min(deadline, refused.until);
    }
    return deadline;
  }

  /** When the lowest one is sent again, though the server has it. */
  get #heldUntil(): number {
    return this.#heldSince + this.#flight.trip.timeout(Math.max(this.#flight.backoff, this.#heldTimes));
  }

  /** @param done Up to where the server says that it has carried out everything. */
  due(now: number, done: number) {
    this.#withdrawOverdue(now);
    if (now < this.#heldUntil) return;
    this.#heldTimes++;
    // Nothing is missing, so the answer was lost on its way; or a late `have` told of what was dropped since.
    this.#heldSince = Infinity;
    const put = this.#open.at(0)?.put;
    for (let i = 0;; i++) {
      const change = this.#open.at(i);
      if (change === undefined || change.put !== put && change.n > done) break;
      if (change.state === "held") this.#resend(change);
    }
  }

  /** The server has started anew, or has another cookie: it may have dropped what is not carried out. */
  repeat(now: number) {
    this.#heldSince = Infinity;
    if (this.#refused !== undefined) this.#refused.until = now;
    for (let i = 0; i < this.#open.length; i++) this.#resend(this.#open.at(i)!);
  }

  /** A new session begins, with nothing open: what waits gets its numbers from 1 on. */
  restart() {
    this.#next = 1;
  }

  /** Ends everything with an error, which is told whether the request was sent. */
  end(error: (sent: boolean) => Error) {
    this.#lowAtEnd = this.low;
    const all: OrderedRequest[] = [];
    for (const queue of [this.#open, this.#waiting]) {
      for (let change; (change = queue.shift()) !== undefined;) all.push(change);
    }
    this.#again = [];
    this.requests =
      this.bytes =
      this.#openBytes =
      this.#unnumbered =
        0;
    for (const change of all) {
      this.#flight.forget(change);
      if (change.state !== "done") change.settle(error(change.put.first.n > 0));
      change.state = "done";
    }
  }
}

function withdrawn(put: OrderedRequest): FullError {
  const why = put.limit === "" ? "it was withdrawn" : `withdrawn while the server refused it: ${put.limit}`;
  return new FullError(`Cannot put the message: ${why}`, put.limit);
}
