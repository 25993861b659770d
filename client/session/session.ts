/**
 * The client's half of the reliable session: ordered requests are performed once and in order, unordered ones are
 * repeated until they are answered. It knows none of the services that use it: each of them makes its own requests.
 * It keeps sections 4, 8 and 9 of `protocol/session.md`.
 *
 * @module
 */

import {
  decodeAnswers,
  type DecodeLine,
  encodeRequests,
  type SessionAnswer,
} from "../../protocol/session.ts";
import { BusyBackoff, busyText } from "./busy_backoff.ts";
import { DatagramBuilder } from "./loss/datagram_builder.ts";
import { DatagramSharing } from "./loss/datagram_sharing.ts";
import type { SessionEnvironment } from "./environment.ts";
import { closed, notLoggedIn, owned, unknownOutcome } from "./endings.ts";
import { BusyError, ClosedError, type SessionEndError } from "./errors.ts";
import { SessionIdentity, type SessionResume, type SessionState } from "./identity.ts";
import { InFlight, type Sendable } from "./loss/in_flight.ts";
import { Liveness } from "./liveness.ts";
import { measured, OrderedRequest, textRequest, type Withdrawal } from "./requests/ordered_request.ts";
import { OrderedRequests } from "./requests/ordered_requests.ts";
import { SendLoop } from "./loss/send_loop.ts";
import {
  type Query,
  type UnorderedAnswer,
  UnorderedRequest,
  UnorderedRequests,
} from "./requests/unordered_requests.ts";

/**
 * A session that was silent for so long is given up if nothing is open: the server may soon forget it
 * (session.md 8.14).
 */
const STALE_MS = 12 * 60 * 60 * 1000;

/** `A` is what the server answers to unordered requests. */
export class Session<A extends UnorderedAnswer> {
  readonly ordered: OrderedRequests;
  protected readonly unordered: UnorderedRequests<A>;
  /** Its clock and timers. */
  readonly environment: SessionEnvironment;
  readonly #decodeLine: DecodeLine<A>;
  readonly #inFlight: InFlight;
  readonly #sharing = new DatagramSharing();
  readonly #identity: SessionIdentity;
  readonly #liveness: Liveness;
  /** Backs off when the server has no room for the session. */
  readonly #busy: BusyBackoff;
  protected readonly loop: SendLoop;
  /** A datagram without requests, which asks for the server's start ID. */
  readonly #hello: Sendable = { ordered: false, sends: 0, datagram: undefined };
  readonly #isResumed: boolean;
  /** Whether an earlier session may have sent requests that this one does not know, and nothing has come of them yet. */
  #isInDoubt: boolean;
  /** Whether a later session may go on as this one. */
  #isKept: boolean;
  /** Whether the first number waits for {@linkcode SessionEnvironment.onBegin}. */
  #isBeginning = false;
  /** Whether the server has this session, as far as is known; and whether it ever had. */
  #isKnown = false;
  #wasKnown: boolean;
  /** The server has performed everything up to this number. */
  #done = 0;
  /** The highest number that had its outcome when the server was restarted: what it has performed is no less. */
  #doneBefore = 0;
  #receivedAt: number;
  #closing: PromiseWithResolvers<void> | undefined;
  #hasSaidBye = false;
  #ended: ((sent: boolean) => SessionEndError) | undefined;

  /** @param resume The state of an earlier session, to go on with its number `next`. */
  constructor(environment: SessionEnvironment, decodeLine: DecodeLine<A>, resume?: SessionResume) {
    this.#decodeLine = decodeLine;
    this.environment = environment;
    this.#inFlight = new InFlight(environment.roundTrip);
    this.#isResumed =
      this.#isKept =
      this.#isInDoubt =
      this.#wasKnown =
        resume !== undefined;
    this.#liveness = new Liveness(environment.timeout, environment.server);
    this.#busy = new BusyBackoff(environment.onBusy);
    this.#identity = new SessionIdentity(environment.random, resume);
    this.ordered = new OrderedRequests(this.#inFlight, resume?.next ?? 1);
    // tags of the earlier session may name leases that still run
    const start = this.#isResumed ? environment.random(4) : [];
    this.unordered = new UnorderedRequests(this.#inFlight, new BusyBackoff(environment.onBusy), start);
    this.#receivedAt = environment.monotonicClock();
    this.loop = new SendLoop(environment, this.#inFlight, {
      prepare: () => {
        this.#sharing.begin();
        this.prepare();
      },
      nextDatagram: (now) => this.#nextDatagram(now),
      deadline: (now) => this.#deadline(now),
      due: (now, lateMs) => this.#due(now, lateMs),
    });
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#identity.startId !== "";
  }

  /** What a later session needs to go on as this one: see {@linkcode keep}. */
  get state(): SessionState {
    const { id, startTime } = this.#identity;
    return { id, startTime, next: this.ordered.next, low: this.ordered.low };
  }

  /** Makes the server remember the session when it has ended. */
  keep() {
    this.#isKept = true;
  }

  /** Milliseconds of its monotonic clock. */
  now(): number {
    return this.environment.monotonicClock();
  }

  /** Adds the requests that were gathered since the last datagram. */
  protected prepare() {}

  /**
   * Prepares for one more request.
   *
   * @throws {SessionEndError} The session has ended, or is being closed.
   */
  protected begin() {
    if (this.#ended !== undefined) throw this.#ended(false);
    if (this.#closing !== undefined) throw closed(false);
    const mayBeStale = !this.#isResumed && this.#isIdle;
    if (mayBeStale && this.now() - this.#receivedAt > STALE_MS) this.#beginAnew();
    this.loop.sendSoon();
  }

  /** Sends an ordered request. Returns whether there is room for more. */
  protected add(request: OrderedRequest, { wait, signal }: Withdrawal): boolean {
    this.ordered.checkCapacity();
    this.begin();
    this.ordered.add(request, this.environment.monotonicClock, wait);
    if (signal !== undefined) {
      request.onAbort(signal, () => {
        this.ordered.withdraw(request, this.now());
        this.loop.sendSoon();
      });
    }
    return this.ordered.hasRoom;
  }

  /**
   * Sends an ordered request; resolves when it is performed and on the server's disk.
   *
   * @param fields What stands between number and text, the comma at its beginning included.
   * @throws {RefusedError} The server refuses it.
   * @throws {FullError} It was withdrawn before it was performed.
   * @throws {SessionEndError} The session has ended; `sent` says whether it may have been performed.
   */
  request(kind: string, fields: string, text = "", options: Withdrawal = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => error === undefined ? resolve() : reject(error);
      this.add(textRequest(kind, measured(fields), measured(text), settle), options);
    });
  }

  /**
   * Sends an unordered request until its answer is complete, and resolves to the result.
   *
   * @throws {RefusedError} The server refuses it.
   * @throws {SessionEndError} The session has ended.
   */
  async query<T>(query: Query<A, T>): Promise<T> {
    this.begin();
    return await this.unordered.query(query, this.now());
  }

  /**
   * Ends the session once everything has its outcome. Waits for messages end at once.
   *
   * @param limit Milliseconds after which what has no outcome ends with a {@linkcode ClosedError}.
   */
  async close(limit = 5000): Promise<void> {
    if (this.#ended !== undefined) return;
    if (this.#closing === undefined) {
      this.prepare();
      this.#closing = Promise.withResolvers<void>();
      this.unordered.cancelAll(() => closed(false));
      const cancel = this.environment.setTimer(limit, () => this.fail(closed));
      this.#closing.promise.then(cancel);
      this.loop.sendSoon();
    }
    await this.#closing.promise;
  }

  /** Ends the session at once. */
  fail(error: (sent: boolean) => SessionEndError) {
    if (this.#ended !== undefined) return;
    this.prepare();
    this.#ended = error;
    this.loop.stop();
    this.ordered.end(error);
    this.unordered.endAll(() => error(true));
    this.#closing?.resolve();
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    if (this.#ended !== undefined) return;
    const decoded = decodeAnswers(datagram, this.#decodeLine);
    if (decoded === undefined) return;
    const { header: { session, startId, cookie, done }, answers } = decoded;
    if (!this.#identity.isAddressed(session, startId)) return;
    const now = this.#receivedAt = this.now(), wasBusy = this.#isBusy;
    this.#identify(startId, cookie, now);
    this.#done = done;
    for (const answer of answers) {
      if (this.#ended !== undefined) return;
      this.#answer(answer, now);
    }
    if (this.#ended !== undefined) return;
    if (wasBusy && !this.#isBusy) this.#liveness.hasRoom(now);
    for (const request of this.#inFlight.takeLost(now)) this.#resend(request);
    this.#liveness.received(now, !this.#inFlight.isEmpty);
    this.#sharing.received();
    this.loop.sendAtEnd();
  }

  #answer(answer: SessionAnswer | A, now: number) {
    switch (answer.kind) {
      case "unknown":
        return this.#unknown();
      case "busy":
        return this.#serverIsBusy(now);
      case "ending":
        return this.unordered.ending(now);
      case "login":
        return this.fail(notLoggedIn);
      case "owned":
        return this.fail(owned);
    }
    // its state is older than what it has answered before (session.md 8.12)
    if (this.#done < this.#doneBefore) return this.#unknown();
    // the server has answered a request: it has this session
    this.#isKnown = this.#wasKnown = true;
    this.#isInDoubt = false;
    this.#busy.hasRoom();
    if ("t" in answer) return this.unordered.answer(answer, now);
    switch (answer.kind) {
      case "ok":
        return this.ordered.ok(answer.from, answer.to, now);
      case "have":
        return this.ordered.have(answer.from, answer.to, now);
      case "lost":
        return this.ordered.lost(answer.n, answer.ids, now);
      case "bad":
        return this.ordered.bad(answer.n, answer.reason, now);
      case "full":
      case "storage":
        return this.ordered.refuse(answer.n, answer.kind === "full" ? answer.limit : "storage", now);
    }
  }

  /** Takes the server's start ID and cookie. If one is new, the server has performed nothing of what was sent without it. */
  #identify(startId: string, cookie: string, now: number) {
    const isRestarted = startId !== this.#identity.startId;
    if (isRestarted) {
      this.#identity.setStartId(startId);
      this.#doneBefore = this.ordered.highest;
      this.#inFlight.answered(this.#hello, now);
      this.#busy.retryNow();
    }
    const { isChanged, isFirst } = this.#identity.setCookie(cookie, now);
    if (isFirst) this.#begun();
    if (!isRestarted && !isChanged || !this.#mayRestart(now)) return;
    this.#isKnown = false;
    this.ordered.repeat(now);
    this.unordered.repeat();
  }

  /** The session has begun on the server: no number is sent before the program has noted that. */
  #begun() {
    const { onBegin } = this.environment, { id } = this.#identity;
    if (onBegin === undefined) return;
    this.#isBeginning = true;
    const fail = (error: Error) => {
      this.fail((sent) => new ClosedError(`The session can't begin: ${error.message}`, sent));
    };
    onBegin(this.state).then(() => {
      // it may have begun anew since, which calls onBegin again
      if (id === this.#identity.id) this.#isBeginning = false;
      this.loop.sendSoon();
    }, fail);
  }

  /** Whether it is too late for the first number, and another session costs nothing but a round trip. */
  #isTooLate(now: number): boolean {
    if (this.#isResumed || this.ordered.hasNumbers || this.ordered.isEmpty) return false;
    // a program that knows the ID goes on as this session; leases and waits belong to it
    const isNamed = this.#isKept && this.environment.onBegin === undefined;
    const isFree = !isNamed && this.unordered.isEmpty && !this.unordered.isSessionNeeded;
    return isFree && this.#identity.isTooOldToBegin(now);
  }

  /** `unknown`: the server does not have the session. */
  #unknown() {
    if (this.ordered.hasOpen || this.#isInDoubt) this.fail(unknownOutcome);
    else if (this.#mayRestart(this.#receivedAt)) this.#beginAnew();
  }

  #mayRestart(now: number): boolean {
    const error = this.#liveness.restart(now, this.#done);
    if (error !== undefined) this.fail(error);
    return error === undefined;
  }

  #beginAnew() {
    this.#identity.renew();
    this.#isKnown = this.#isBeginning = false;
    this.#done = this.#doneBefore = 0;
    this.#inFlight.forget(this.#hello);
    this.ordered.restart();
    this.unordered.restart();
  }

  /** `busy`: the server has no room for the session; or, if it has the session, for an unordered request. */
  #serverIsBusy(now: number) {
    const { server } = this.environment;
    if (this.#isKnown) return this.unordered.busy(now, () => new BusyError(busyText(server), false));
    if (now < this.#busy.retryAt) return;
    if (!this.#busy.busy(now)) {
      return this.fail((sent) => new BusyError(busyText(server), sent && this.#wasKnown));
    }
    this.ordered.repeat(now);
    this.unordered.repeat();
  }

  #nextDatagram(now: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#closing !== undefined && this.#isIdle) return this.#bye();
    if (now < this.#busy.retryAt) return undefined;
    if (this.#isTooLate(now)) this.#beginAnew();
    const builder = new DatagramBuilder();
    if (this.hasAnswered) {
      const { maySend, datagrams } = this.#inFlight;
      if (!maySend || this.#sharing.waits(this.#isScarce, datagrams, now)) return undefined;
      this.unordered.fill(builder, now);
      if (!this.#isBeginning) this.ordered.fill(builder, now);
    } else if (!this.#isIdle && this.#hello.datagram === undefined) builder.requests.push(this.#hello);
    if (builder.requests.length === 0) return undefined;
    const datagram = encodeRequests(this.#identity.header(this.ordered.low), builder.lines);
    this.#inFlight.sent(builder.requests, datagram.length, now);
    this.#liveness.sent(now);
    this.#sharing.sent(now);
    return datagram;
  }

  /** Whether what there is to send does not fill a datagram, and may wait for more. */
  get #isScarce(): boolean {
    return this.ordered.isScarce && !this.unordered.isQueued && this.#closing === undefined;
  }

  /** Lets the server forget the session, which it would keep for a day; then ends it (session.md 8.4). */
  #bye(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#isKept || this.#hasSaidBye || !this.hasAnswered || !this.ordered.hasNumbers) {
      this.fail(closed);
      return undefined;
    }
    this.#hasSaidBye = true;
    return encodeRequests(this.#identity.header(this.ordered.low), ["bye"]);
  }

  #resend(request: Sendable) {
    if (request instanceof OrderedRequest) this.ordered.resend(request);
    else if (request instanceof UnorderedRequest) this.unordered.resend(request);
  }

  #deadline(now: number): number {
    return Math.min(
      this.#inFlight.deadline,
      this.#sharing.deadline,
      this.ordered.deadline(now),
      this.unordered.deadline(now),
      this.#liveness.deadline(this.#stuckSince, this.#isBusy),
      this.#busy.deadline(now),
    );
  }

  #due(now: number, lateMs: number) {
    this.#liveness.heldUp(now, lateMs);
    const error = this.#liveness.giveUp(now, this.#stuckSince, this.#isBusy);
    if (error !== undefined) return this.fail(error);
    if (now >= this.#inFlight.deadline) {
      for (const request of this.#inFlight.timeOut(now)) this.#resend(request);
    }
    this.ordered.due(now, this.#done);
    this.unordered.due(now);
  }

  get #stuckSince(): number {
    return Math.min(this.ordered.stuckSince, this.unordered.stuckSince);
  }

  get #isBusy(): boolean {
    return this.#busy.isBusy || this.unordered.isBusy;
  }

  get #isIdle(): boolean {
    return this.ordered.isEmpty && this.unordered.isEmpty;
  }
}
