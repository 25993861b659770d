/**
 * What carries the requests of a session to the server, and their answers back: who the server is, when something is
 * sent again, and when it is in vain. `protocol/README.md`, "Address", "Forgetting" and "Loss".
 *
 * @module
 */

import { decodeServiceAnswer, type ServiceAnswer } from "../../protocol/service_requests.ts";
import { decodeAnswers, encodeRequests, type SessionAnswer } from "../../protocol/session.ts";
import { Busy, busyText, type OnBusy } from "./busy.ts";
import { OrderedRequest } from "./ordered_request.ts";
import { OrderedRequests } from "./ordered_requests.ts";
import { DatagramBuilder } from "./datagram_builder.ts";
import { InFlight, type Sendable } from "./in_flight.ts";
import { Patience } from "./patience.ts";
import { UnorderedRequests } from "./unordered_requests.ts";
import { SessionIdentity } from "./identity.ts";
import {
  BusyError,
  ClosedError,
  LoginError,
  NotLoggedInError,
  OutcomeUnknownError,
  ServerGoneError,
  type SessionEndError,
} from "./errors.ts";

/** What a session needs from where it runs. */
export interface SessionEnvironment {
  /** Milliseconds that never go back. */
  monotonicClock(): number;
  /** Calls back once, after so many milliseconds; the function returned takes that back. */
  setTimer(ms: number, callback: () => void): () => void;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
  /** Sends a datagram to the server. It is not called again before this is done. */
  send(datagram: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Milliseconds without any valid datagram after which the server is gone; 10 s by default. */
  readonly timeout?: number;
  /** What the server is called where it is gone. */
  readonly server?: string;
  /** Is told when the server has no room for this client, and when it has some again. */
  readonly onBusy?: OnBusy;
  /**
   * Is told what a later session needs to go on as this one, before the first number is sent, which waits for it. It is
   * told again where the session had to begin anew, and not at all under a seal.
   */
  onBegin?(state: SessionState): Promise<void>;
  /** Calls back at the end of this turn, when all that it asks for is there; a microtask by default. */
  defer?(callback: () => void): void;
}

/** What a later session needs to go on as this one. */
export interface SessionState {
  id: string;
  /** When it began, as the server has said; `""` until then, and under a seal. */
  born: string;
  /** The number that the next request gets. */
  next: number;
  /** The outcome of every number below is known. */
  low: number;
}

/** The same, as far as it is known: without `born`, a server that does not know the session has forgotten it. */
export type SessionResume = Pick<SessionState, "id" | "next"> & Partial<SessionState>;

/** Milliseconds without any valid datagram after which the server is gone. */
const SERVER_TIMEOUT_MS = 10_000;

/** A session that has been silent so long, in milliseconds, is given up while nothing is open: the server may soon. */
const STALE = 12 * 60 * 60 * 1000;

/**
 * Milliseconds from the beginning of a session within which it sends its first number: later the server may have to say
 * that it has forgotten it, because it can't know that there was nothing to forget.
 */
const FIRST_NUMBER = 1000;

/** Probes that go out whatever the window is, when a probe time-out has passed (RFC 9002, sections 6.2.4 and 7.5). */
const PROBES = 2;

export class Link {
  readonly ordered: OrderedRequests;
  readonly unordered: UnorderedRequests;
  readonly #environment: SessionEnvironment;
  readonly #onProgress: () => void;
  readonly #timeout: number;
  readonly #patience: Patience;
  readonly #flight = new InFlight();
  /** Asks who the server is: a datagram without requests. */
  readonly #hello: Sendable = { ordered: false, sends: 0, datagram: undefined };
  /** Whether the session is one of a name, that has to stay. */
  readonly #resumed: boolean;
  /** Whether an earlier one may have sent what this one knows nothing of, until the server has answered anything. */
  #isInDoubt: boolean;
  /** Whether a later one may go on as this one. */
  #isKept: boolean;
  readonly #identity: SessionIdentity;
  /** Whether the first number waits until {@linkcode SessionEnvironment.onBegin} has taken note. */
  #isBeginning = false;
  /** Whether the server has this session, as far as is known. */
  #known = false;
  /** Whether any server has ever had it. */
  #wasKnown: boolean;
  #done = 0;
  /** Of the session. */
  readonly #busy: Busy;
  #probes = 0;
  #deferred = false;
  #sending = false;
  #heardAt: number;
  /** Since when an answer is due; Infinity while none is. */
  #dueSince = Infinity;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;
  #closing: PromiseWithResolvers<void> | undefined;
  #ended: ((sent: boolean) => SessionEndError) | undefined;

  /**
   * @param onProgress Called after what a datagram brought was dealt with, and when the session has ended.
   * @param resume The state of an earlier session.
   */
  constructor(
    environment: SessionEnvironment,
    onProgress: () => void,
    resume: SessionResume | undefined,
  ) {
    this.#environment = environment;
    this.#onProgress = onProgress;
    this.#timeout = environment.timeout ?? SERVER_TIMEOUT_MS;
    this.#patience = new Patience(this.#timeout);
    this.#resumed = resume !== undefined;
    this.#isKept = this.#isInDoubt = this.#wasKnown = this.#resumed;
    this.#busy = new Busy(environment.onBusy);
    const newId = () => environment.random(16).toBase64({ alphabet: "base64url", omitPadding: true });
    this.#identity = new SessionIdentity(newId, resume);
    this.ordered = new OrderedRequests(this.#flight, resume?.next ?? 1);
    // tags of the earlier session may stand for leases that still run
    const [a = 0, b = 0, c = 0, d = 0] = this.#resumed ? environment.random(4) : [];
    const tag = 1 + (((a * 256 + b) * 256 + c) * 256 + d) * 1024;
    this.unordered = new UnorderedRequests(this.#flight, tag, new Busy(environment.onBusy));
    this.#heardAt = environment.monotonicClock();
  }

  get state(): SessionState {
    const { id, born } = this.#identity;
    return { id, born, next: this.ordered.next, low: this.ordered.low };
  }

  /** Has the server remember the session when this has ended. */
  keep() {
    this.#isKept = true;
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#identity.startId !== "";
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * Makes ready for one more request.
   *
   * @throws {SessionEndError} The session has ended, or is being closed.
   */
  begin() {
    if (this.#ended !== undefined) throw this.#ended(false);
    if (this.#closing !== undefined) throw closed(false);
    const idle = this.ordered.requests === 0 && this.unordered.idle;
    if (idle && !this.#resumed && this.#environment.monotonicClock() - this.#heardAt > STALE) {
      this.#newSession();
    }
    this.later();
  }

  /** Ends the session once everything has its outcome, or after so many milliseconds. */
  async close(limit: number): Promise<void> {
    if (this.#ended !== undefined) return;
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      this.unordered.cancelAll(() => closed(false));
      const cancel = this.#environment.setTimer(limit, () => this.#end(closed));
      this.#closing.promise.then(cancel);
      this.later();
    }
    await this.#closing.promise;
  }

  /** Ends the session at once. */
  fail(error: (sent: boolean) => SessionEndError) {
    this.#end(error);
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    if (this.#ended !== undefined) return;
    const decoded = decodeAnswers(datagram, decodeServiceAnswer);
    if (decoded === undefined) return;
    const { header: { session, startId, cookie, done }, answers } = decoded;
    if (!this.#identity.isMeant(session, startId)) return;
    const now = this.#heardAt = this.#environment.monotonicClock();
    this.#introduced(startId, cookie, now);
    if (this.#ended !== undefined) return;
    this.#done = done;
    const wasBusy = this.#isBusyNow;
    for (const answer of answers) {
      this.#answer(answer, now);
      if (this.#ended !== undefined) return;
    }
    if (wasBusy && !this.#isBusyNow) this.#patience.hasRoom(now);
    for (const request of this.#flight.lost(now)) this.#resend(request);
    this.#dueSince = this.#flight.waiting ? now : Infinity;
    this.#onProgress();
    this.later();
  }

  #answer(answer: SessionAnswer | ServiceAnswer, now: number) {
    switch (answer.kind) {
      case "unknown":
        return this.#unknown();
      case "busy":
        return this.#isBusy(now);
      case "ending":
        return this.unordered.ending(now);
      case "login":
        return this.#end(notLoggedIn);
      case "owned":
        return this.#end(owned);
    }
    this.#known = this.#wasKnown = true;
    this.#isInDoubt = false;
    this.#busy.end();
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
        return this.ordered.refuse(answer.n, answer.limit, now);
      case "storage":
        return this.ordered.refuse(answer.n, "storage", now);
      default:
        return this.unordered.answer(answer, now);
    }
  }

  /** Takes what the server says of itself, and of when the session began. */
  #introduced(startId: string, cookie: string, now: number) {
    const isOther = startId !== this.#identity.startId;
    if (isOther) {
      // it knows of nothing that is not on its disk
      this.#identity.meet(startId);
      this.#flight.answered(this.#hello, now);
      this.#busy.forget();
    }
    const { isNew, begins } = this.#identity.take(cookie, now);
    if (begins) this.#begins();
    if (!isOther && !isNew) return;
    if (!this.#restart(now)) return;
    // nothing of what was sent without this cookie is carried out
    this.#known = false;
    this.ordered.repeat(now);
    this.unordered.repeat();
  }

  #begins() {
    const { onBegin } = this.#environment, { id } = this.#identity;
    if (onBegin === undefined) return;
    this.#isBeginning = true;
    onBegin(this.state).then(
      () => {
        // it may have begun anew meanwhile, of which it is told then
        if (id !== this.#identity.id) return;
        this.#isBeginning = false;
        this.later();
      },
      (error) => this.#end((sent) => new ClosedError(`The session can't begin: ${error.message}`, sent)),
    );
  }

  /** Whether it is too late for the first number of this session, and another one costs nothing but a round trip. */
  #isTooLate(now: number): boolean {
    const { ordered, unordered } = this;
    if (this.#resumed || ordered.begun || ordered.requests === 0) return false;
    // who knows its name goes on as this one, and leases and waits are those of this one
    const isNamed = this.#isKept && this.#environment.onBegin === undefined;
    return this.#identity.isOlder(FIRST_NUMBER, now) && !isNamed && unordered.idle && !unordered.leased;
  }

  /** The server does not know the session. */
  #unknown() {
    if (this.ordered.open || this.#isInDoubt) return this.#end(unknownOutcome);
    if (this.#restart(this.#heardAt)) this.#newSession();
  }

  /** Counts that it begins anew at the server's word, and ends it where that was too often. Returns whether it goes on. */
  #restart(now: number): boolean {
    if (this.#patience.restart(now)) return true;
    this.#end((sent) => this.#stuck("lets the session begin anew again and again", sent));
    return false;
  }

  #newSession() {
    this.#identity.renew();
    this.#known = this.#isBeginning = false;
    this.#done = 0;
    this.#flight.forget(this.#hello);
    this.ordered.restart();
    this.unordered.restart();
  }

  /** The server has no room: for the session, unless it has that already; then for a lease. */
  #isBusy(now: number) {
    const { server } = this.#environment;
    if (this.#known) return this.unordered.busy(now, () => new BusyError(busyText(server), false));
    if (now < this.#busy.until) return;
    if (!this.#busy.begin(now)) {
      return this.#end((sent) => new BusyError(busyText(server), sent && this.#wasKnown));
    }
    this.ordered.repeat(now);
    this.unordered.repeat();
  }

  /** Sends what there is at the end of this turn, so that requests of one turn share datagrams. */
  later() {
    if (this.#deferred || this.#ended !== undefined) return;
    this.#deferred = true;
    const callback = () => {
      this.#deferred = false;
      this.#send();
    };
    if (this.#environment.defer === undefined) queueMicrotask(callback);
    else this.#environment.defer(callback);
  }

  /** Sends one datagram after the other: several sends of a Deno socket at a time may overtake each other. */
  async #send() {
    if (this.#sending) return;
    this.#sending = true;
    for (let datagram; (datagram = this.#datagram()) !== undefined;) {
      try {
        const sent = this.#environment.send(datagram);
        if (sent !== undefined) await sent;
      } catch {
        // as if the network had lost it
      }
    }
    const isOver = this.#closing !== undefined && this.ordered.requests === 0 && this.unordered.idle;
    if (isOver && this.#ended === undefined) {
      await this.#leave();
      this.#end(closed);
    }
    this.#sending = false;
    this.#setTimer();
  }

  /** Lets the server forget the session, which would keep it for a day. Where this is lost, it does. */
  async #leave() {
    if (this.#isKept || this.#identity.startId === "" || !this.ordered.begun) return;
    try {
      const header = this.#identity.header(this.ordered.low);
      await this.#environment.send(encodeRequests(header, ["bye"]));
    } catch {
      // as if the network had lost it
    }
  }

  /** The next datagram to be sent, if one may be. */
  #datagram(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#ended !== undefined) return undefined;
    const now = this.#environment.monotonicClock(), draft = new DatagramBuilder();
    if (now < this.#busy.until) return undefined;
    if (this.#isTooLate(now)) this.#newSession();
    if (this.#identity.startId === "") {
      const needed = this.ordered.requests > 0 || !this.unordered.idle;
      if (!needed || this.#hello.datagram !== undefined) return undefined;
      draft.requests.push(this.#hello);
    } else {
      if (this.#probes === 0 && !this.#flight.window.open) return undefined;
      this.unordered.fill(draft, now);
      if (!this.#isBeginning) this.ordered.fill(draft, now);
      if (draft.requests.length === 0) return undefined;
    }
    if (this.#probes > 0) this.#probes--;
    const header = this.#identity.header(this.ordered.low);
    const datagram = encodeRequests(header, draft.lines);
    this.#flight.sent(draft.requests, datagram.length, now);
    this.#dueSince = Math.min(this.#dueSince, now);
    return datagram;
  }

  #resend(request: Sendable) {
    if (request instanceof OrderedRequest) this.ordered.resend(request);
    else this.unordered.resend(request);
  }

  #setTimer() {
    if (this.#ended !== undefined) return;
    const now = this.#environment.monotonicClock();
    const at = Math.min(
      this.#flight.deadline,
      this.ordered.deadline(now),
      this.unordered.deadline(now),
      this.#dueSince + this.#timeout,
      this.#stuckAt,
      this.#busy.until > now ? this.#busy.until : Infinity,
    );
    // one that comes too early is set again then: most move on with every answer
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#environment.setTimer(Math.max(0, Math.ceil(at - now)), () => this.#due());
  }

  #due() {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    const now = this.#environment.monotonicClock();
    if (now >= this.#dueSince + this.#timeout) return this.#end((sent) => this.#gone(sent));
    if (now >= this.#stuckAt) {
      const complaint = this.#patience.complaint(this.#isBusyNow);
      return this.#end((sent) => this.#stuck(complaint, sent));
    }
    if (now >= this.#flight.deadline) {
      for (const request of this.#flight.probe(now)) this.#resend(request);
      this.#probes = PROBES;
    }
    this.ordered.due(now, this.#done);
    this.unordered.due(now);
    this.#send();
  }

  /** When a server that answers, and carries nothing out, is given up. */
  get #stuckAt(): number {
    const since = Math.min(this.ordered.stuckSince, this.unordered.stuckSince);
    return this.#patience.end(since, this.#isBusyNow);
  }

  /** Whether that was its last word, about the session or about a lease. */
  get #isBusyNow(): boolean {
    return this.#busy.isOn || this.unordered.isBusy;
  }

  #stuck(what: string, sent: boolean): ServerGoneError {
    const { server = "the server" } = this.#environment;
    return new ServerGoneError(`Cannot go on: ${server} answers, but ${what}`, sent);
  }

  #gone(sent: boolean): ServerGoneError {
    const { server = "the server" } = this.#environment;
    const seconds = this.#timeout / 1000;
    return new ServerGoneError(`No answer from ${server} within ${seconds} s: is the server running?`, sent);
  }

  #end(error: (sent: boolean) => SessionEndError) {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#cancelTimer?.();
    this.ordered.end(error);
    this.unordered.end(() => error(true));
    this.#onProgress();
    this.#closing?.resolve();
  }
}

function closed(sent: boolean): ClosedError {
  return new ClosedError(`The session is closed: ${told(sent)}`, sent);
}

function notLoggedIn(sent: boolean): NotLoggedInError {
  return new NotLoggedInError(`The server does not know who asks: ${told(sent)}`, sent);
}

function owned(sent: boolean): LoginError {
  return new LoginError(`The session belongs to an account: ${told(sent)}`, sent, "denied");
}

function unknownOutcome(sent: boolean): OutcomeUnknownError {
  return new OutcomeUnknownError(`The server does not know the session any more: ${told(sent)}`, sent);
}

function told(sent: boolean): string {
  return sent ? "outcome unknown" : "nothing was sent";
}
