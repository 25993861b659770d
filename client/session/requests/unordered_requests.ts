/**
 * The requests of a session that have no order: each has a tag, and is sent again until it is answered.
 *
 * @module
 */

import type { SessionAnswer } from "../../../protocol/session.ts";
import type { BusyBackoff } from "../busy_backoff.ts";
import type { DatagramBuilder } from "../loss/datagram_builder.ts";
import { RefusedError } from "../errors.ts";
import type { InFlight, Sendable, SentDatagram } from "../loss/in_flight.ts";

/** An answer to an unordered request. */
export interface UnorderedAnswer {
  kind: string;
  t: number;
}

/** The answer of the session itself, if the request is refused. */
type Refusal = Extract<SessionAnswer, { kind: "no" }>;

/** What is sent for an unordered request, and what an answer means to it. `A` is what the server answers. */
export abstract class UnorderedRequest<A extends UnorderedAnswer> implements Sendable {
  readonly ordered = false;
  sends = 0;
  datagram: SentDatagram | undefined;
  /** Its tag. */
  t = 0;
  isQueued = false;
  sentAt = -Infinity;
  /** When it is sent again if nothing else happens. */
  dueAt = Infinity;
  /** Those that it was added to. */
  requests!: UnorderedRequests<A>;

  /** Its line now; undefined if there is nothing to send. */
  abstract line(now: number): string | undefined;
  abstract receive(answer: A, now: number): void;
  /** It has ended without an answer. */
  abstract fail(error: Error): void;
  /** Since when it should have been answered; Infinity if that is later. */
  abstract get stuckSince(): number;

  /** Whether the server may answer `busy`. */
  get needsRoom(): boolean {
    return false;
  }

  /** When {@linkcode due} has something to do. */
  get deadline(): number {
    return this.dueAt;
  }

  due(now: number) {
    if (now >= this.dueAt) this.requests.send(this);
  }

  /** The server was restarted: what was in flight is lost, and so are waits. */
  repeat() {
    this.requests.send(this);
  }

  /** The session begins anew. */
  restart() {}

  /** The server is about to end. */
  ending(_now: number) {}

  /** The session is being closed. */
  cancel(_error: Error) {}

  /** A part of the answer has come: what is missing is asked for again after a while. */
  protected partlyAnswered(now: number) {
    const { inFlight } = this.requests;
    inFlight.answered(this, now);
    this.dueAt = now + inFlight.timeout.after(this.sends - 1);
  }
}

/** An unordered request that waits for nothing but its answer. `T` is what it gives. */
export interface Query<A extends UnorderedAnswer, T> {
  /** The line with this tag, for what is still missing of the answer. */
  line(t: number): string;
  /**
   * Takes an answer. Returns the result, or undefined as long as the answer is not complete.
   *
   * @throws {Error} The query fails with this.
   */
  take(answer: A): T | undefined;
}

class QueryRequest<A extends UnorderedAnswer, T> extends UnorderedRequest<A> {
  readonly result = Promise.withResolvers<T>();
  readonly #query: Query<A, T>;
  readonly stuckSince: number;

  constructor(query: Query<A, T>, now: number) {
    super();
    this.#query = query;
    this.stuckSince = now;
  }

  line(): string {
    return this.#query.line(this.t);
  }

  receive(answer: A, now: number) {
    this.partlyAnswered(now);
    try {
      const result = this.#query.take(answer);
      if (result === undefined) return;
      this.result.resolve(result);
    } catch (error) {
      this.result.reject(error);
    }
    this.requests.end(this, now);
  }

  fail(error: Error) {
    this.result.reject(error);
  }
}

export class UnorderedRequests<A extends UnorderedAnswer> {
  readonly inFlight: InFlight;
  /** Whether the server keeps something for this session, so that another session can't replace it. */
  isSessionNeeded = false;
  readonly #open = new Map<number, UnorderedRequest<A>>();
  #queue: UnorderedRequest<A>[] = [];
  #nextTag: number;
  /** Of requests that need room. */
  readonly #busy: BusyBackoff;

  /** @param start Four random bytes, if tags begin at random. */
  constructor(inFlight: InFlight, busy: BusyBackoff, start: Iterable<number>) {
    this.inFlight = inFlight;
    this.#busy = busy;
    const [a = 0, b = 0, c = 0, d = 0] = start;
    this.#nextTag = 1 + (((a * 256 + b) * 256 + c) * 256 + d) * 1024;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0;
  }

  /** Whether there is something to be sent. */
  get isQueued(): boolean {
    return this.#queue.length > 0;
  }

  get isBusy(): boolean {
    return this.#busy.isBusy;
  }

  /** Since when any of them should have been answered; Infinity if none should. */
  get stuckSince(): number {
    let since = Infinity;
    for (const request of this.#open.values()) since = Math.min(since, request.stuckSince);
    return since;
  }

  query<T>(query: Query<A, T>, now: number): Promise<T> {
    const request = new QueryRequest(query, now);
    this.add(request);
    return request.result.promise;
  }

  /** Gives the request a tag, and sends it. */
  add(request: UnorderedRequest<A>) {
    request.t = this.#nextTag++;
    request.requests = this;
    this.#open.set(request.t, request);
    this.send(request);
  }

  /** Sends it, or sends it again. */
  send(request: UnorderedRequest<A>) {
    this.inFlight.forget(request);
    request.dueAt = Infinity;
    if (request.isQueued) return;
    request.isQueued = true;
    this.#queue.push(request);
  }

  /** Its last answer has come. */
  end(request: UnorderedRequest<A>, now: number) {
    this.inFlight.answered(request, now);
    this.#open.delete(request.t);
  }

  /** It needs no answer any more. */
  remove(request: UnorderedRequest<A>) {
    this.inFlight.forget(request);
    this.#open.delete(request.t);
  }

  /** Fills the datagram with what is to be sent. */
  fill(builder: DatagramBuilder, now: number) {
    this.#queue = this.#queue.filter((request) => {
      request.isQueued = this.#isStillQueued(request, builder, now);
      return request.isQueued;
    });
  }

  #isStillQueued(request: UnorderedRequest<A>, builder: DatagramBuilder, now: number): boolean {
    if (!this.#isOpen(request)) return false;
    if (request.needsRoom && now < this.#busy.retryAt) return true;
    const line = request.line(now);
    if (line === undefined) return false;
    if (!builder.add(request, line)) return true;
    request.sentAt = now;
    return false;
  }

  #isOpen(request: UnorderedRequest<A>): boolean {
    return this.#open.get(request.t) === request;
  }

  /** A request counts as lost. */
  resend(request: UnorderedRequest<A>) {
    if (this.#isOpen(request)) this.send(request);
  }

  answer(answer: A | Refusal, now: number): void {
    const request = this.#open.get(answer.t);
    if (request === undefined) return;
    if (request.needsRoom) this.#busy.hasRoom();
    if (!isRefusal(answer)) return request.receive(answer, now);
    this.end(request, now);
    request.fail(new RefusedError(answer.reason));
  }

  /** The session is being closed: waits end. */
  cancelAll(error: () => Error) {
    for (const request of [...this.#open.values()]) request.cancel(error());
  }

  /** `busy`: requests that need room are sent again later, or fail if that has been so for too long. */
  busy(now: number, error: () => Error) {
    const refused = [...this.#open.values()].filter(({ needsRoom, datagram }) => needsRoom && datagram);
    if (refused.length === 0) return;
    const isGivenUp = !this.#busy.busy(now);
    for (const request of refused) {
      this.inFlight.arrived(request, now);
      if (!isGivenUp) {
        this.send(request);
        continue;
      }
      this.end(request, now);
      request.fail(error());
    }
    if (isGivenUp) this.#busy.reset();
  }

  /** `ending`: the server is about to end. */
  ending(now: number) {
    for (const request of this.#open.values()) request.ending(now);
  }

  /** When {@linkcode due} has something to do; Infinity if it has nothing. */
  deadline(now: number): number {
    let deadline = this.#busy.deadline(now);
    for (const request of this.#open.values()) deadline = Math.min(deadline, request.deadline);
    return deadline;
  }

  due(now: number) {
    for (const request of [...this.#open.values()]) request.due(now);
  }

  /** The server was restarted, or gave another cookie. */
  repeat() {
    for (const request of this.#open.values()) request.repeat();
  }

  /** The session begins anew. */
  restart() {
    this.isSessionNeeded = false;
    for (const request of [...this.#open.values()]) request.restart();
  }

  /** Ends everything with an error. */
  endAll(error: () => Error) {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.#queue = [];
    for (const request of all) {
      this.inFlight.forget(request);
      request.fail(error());
    }
  }
}

function isRefusal(answer: UnorderedAnswer): answer is Refusal {
  return answer.kind === "no";
}
