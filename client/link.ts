/**
 * What carries the requests of a session to the server, and their answers back: who the server is, when something is
 * sent again, and when it is in vain. `protocol/README.md`, "Address", "Forgetting" and "Loss".
 *
 * @module
 */

import { decodeAnswers, encodeRequest, encodeRequests, type SessionAnswer } from "../protocol/session.ts";
import { Busy, busyText, type OnBusy } from "./busy.ts";
import { Change } from "./change.ts";
import { Changes } from "./changes.ts";
import { Draft } from "./draft.ts";
import { Flight, type Sendable } from "./flight.ts";
import { Questions } from "./questions.ts";
import {
  BusyError,
  ClosedError,
  LoginError,
  NotLoggedInError,
  OutcomeUnknownError,
  ServerGoneError,
  type SessionEndError,
} from "./session_errors.ts";

/** What a session needs from where it runs. */
export interface SessionEnvironment {
  /** Milliseconds that never go back. */
  now(): number;
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
  /** Calls back at the end of this turn, when all that it asks for is there; a microtask by default. */
  defer?(callback: () => void): void;
}

/** What a later session needs to go on as this one. */
export interface SessionState {
  id: string;
  /** The number that the next request gets. */
  next: number;
  /** The outcome of every number below is known. */
  low: number;
}

/** Milliseconds without any valid datagram after which the server is gone. */
const GONE = 10_000;

/** A session that has been silent so long, in milliseconds, is given up while nothing is open: the server may soon. */
const STALE = 12 * 60 * 60 * 1000;

/** Earlier epochs that are remembered, so that a late datagram of one is told from a new start of the server. */
const MAX_PAST = 64;

/** Probes that go out whatever the window is, when a probe time-out has passed (RFC 9002, sections 6.2.4 and 7.5). */
const PROBES = 2;

export class Link {
  readonly changes: Changes;
  readonly questions: Questions;
  readonly #environment: SessionEnvironment;
  readonly #onProgress: () => void;
  readonly #timeout: number;
  readonly #flight = new Flight();
  /** Asks who the server is: a datagram without requests. */
  readonly #hello: Sendable = { ordered: false, sends: 0, datagram: undefined };
  /** Whether the session is one of a name, that has to stay. */
  readonly #resumed: boolean;
  /** Whether a later one may go on as this one. */
  #isKept: boolean;
  #id: string;
  #epoch = "";
  #cookie = "";
  readonly #past = new Set<string>();
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
    resume: Omit<SessionState, "low"> | undefined,
  ) {
    this.#environment = environment;
    this.#onProgress = onProgress;
    this.#timeout = environment.timeout ?? GONE;
    this.#resumed = resume !== undefined;
    this.#isKept = this.#wasKnown = this.#resumed;
    this.#busy = new Busy(environment.onBusy);
    this.#id = resume?.id ?? this.#newId();
    this.changes = new Changes(this.#flight, resume?.next ?? 1);
    // tags of the earlier session may stand for leases that still run
    const [a = 0, b = 0, c = 0, d = 0] = this.#resumed ? environment.random(4) : [];
    const tag = 1 + (((a * 256 + b) * 256 + c) * 256 + d) * 1024;
    this.questions = new Questions(this.#flight, tag, new Busy(environment.onBusy));
    this.#heardAt = environment.now();
  }

  get state(): SessionState {
    return { id: this.#id, next: this.changes.next, low: this.changes.low };
  }

  /** Has the server remember the session when this has ended. */
  keep() {
    this.#isKept = true;
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
    const idle = this.changes.requests === 0 && this.questions.idle;
    if (idle && !this.#resumed && this.#environment.now() - this.#heardAt > STALE) this.#newSession();
    this.later();
  }

  /** Ends the session once everything has its outcome, or after so many milliseconds. */
  async close(limit: number): Promise<void> {
    if (this.#ended !== undefined) return;
    if (this.#closing === undefined) {
      this.#closing = Promise.withResolvers<void>();
      this.questions.cancelAll(() => closed(false));
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
    const decoded = decodeAnswers(datagram);
    if (decoded === undefined) return;
    const { header: { session, epoch, cookie, done }, answers } = decoded;
    if (session !== this.#id || epoch === "" || this.#past.has(epoch)) return;
    const now = this.#heardAt = this.#environment.now();
    if (epoch !== this.#epoch) this.#newEpoch(epoch, cookie, now);
    else if (cookie !== "" && cookie !== this.#cookie) this.#newCookie(cookie, now);
    this.#done = done;
    for (const answer of answers) {
      this.#answer(answer, now);
      if (this.#ended !== undefined) return;
    }
    for (const request of this.#flight.lost(now)) this.#resend(request);
    this.#dueSince = this.#flight.waiting ? now : Infinity;
    this.#onProgress();
    this.later();
  }

  #answer(answer: SessionAnswer, now: number) {
    switch (answer.kind) {
      case "unknown":
        return this.#unknown();
      case "busy":
        return this.#isBusy(now);
      case "ending":
        return this.questions.ending(now);
      case "login":
        return this.#end(notLoggedIn);
      case "owned":
        return this.#end(owned);
    }
    this.#known = this.#wasKnown = true;
    this.#busy.end();
    switch (answer.kind) {
      case "ok":
        return this.changes.ok(answer.from, answer.to, now);
      case "have":
        return this.changes.have(answer.from, answer.to, now);
      case "lost":
        return this.changes.lost(answer.n, answer.ids, now);
      case "bad":
        return this.changes.bad(answer.n, answer.reason, now);
      case "full":
        return this.changes.refuse(answer.n, answer.limit, now);
      case "storage":
        return this.changes.refuse(answer.n, "storage", now);
      default:
        return this.questions.answer(answer, now);
    }
  }

  /** The server is another one than before, or the first: it knows of nothing that is not on its disk. */
  #newEpoch(epoch: string, cookie: string, now: number) {
    if (this.#epoch !== "") this.#past.add(this.#epoch);
    if (this.#past.size > MAX_PAST) this.#past.delete(this.#past.values().next().value!);
    this.#epoch = epoch;
    this.#flight.answered(this.#hello, now);
    this.#busy.forget();
    this.#newCookie(cookie, now);
  }

  /** Nothing of what was sent without this cookie is carried out. */
  #newCookie(cookie: string, now: number) {
    this.#cookie = cookie;
    this.#known = false;
    this.changes.repeat(now);
    this.questions.repeat();
  }

  /** The server does not know the session. */
  #unknown() {
    if (this.changes.open) return this.#end(unknownOutcome);
    this.#newSession();
  }

  #newSession() {
    this.#id = this.#newId();
    this.#epoch = this.#cookie = "";
    this.#known = false;
    this.#done = 0;
    this.#flight.forget(this.#hello);
    this.changes.restart();
    this.questions.restart();
  }

  /** The server has no room: for the session, unless it has that already; then for a lease. */
  #isBusy(now: number) {
    const { server } = this.#environment;
    if (this.#known) return this.questions.busy(now, () => new BusyError(busyText(server), false));
    if (now < this.#busy.until) return;
    if (!this.#busy.begin(now)) {
      return this.#end((sent) => new BusyError(busyText(server), sent && this.#wasKnown));
    }
    this.changes.repeat(now);
    this.questions.repeat();
  }

  #newId(): string {
    return this.#environment.random(16).toBase64({ alphabet: "base64url", omitPadding: true });
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
    const isOver = this.#closing !== undefined && this.changes.requests === 0 && this.questions.idle;
    if (isOver && this.#ended === undefined) {
      await this.#leave();
      this.#end(closed);
    }
    this.#sending = false;
    this.#setTimer();
  }

  /** Lets the server forget the session, which would keep it for a day. Where this is lost, it does. */
  async #leave() {
    if (this.#isKept || this.#epoch === "" || this.changes.next === 1) return;
    try {
      const header = {
        session: this.#id,
        epoch: this.#epoch,
        cookie: this.#cookie,
        low: this.changes.low,
      };
      await this.#environment.send(encodeRequests(header, [encodeRequest({ kind: "bye" })]));
    } catch {
      // as if the network had lost it
    }
  }

  /** The next datagram to be sent, if one may be. */
  #datagram(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#ended !== undefined) return undefined;
    const now = this.#environment.now(), draft = new Draft();
    if (now < this.#busy.until) return undefined;
    if (this.#epoch === "") {
      const needed = this.changes.requests > 0 || !this.questions.idle;
      if (!needed || this.#hello.datagram !== undefined) return undefined;
      draft.requests.push(this.#hello);
    } else {
      if (this.#probes === 0 && !this.#flight.window.open) return undefined;
      this.questions.fill(draft, now);
      this.changes.fill(draft, now);
      if (draft.requests.length === 0) return undefined;
    }
    if (this.#probes > 0) this.#probes--;
    const header = {
      session: this.#id,
      epoch: this.#epoch,
      cookie: this.#cookie,
      low: this.changes.low,
    };
    const datagram = encodeRequests(header, draft.lines);
    this.#flight.sent(draft.requests, datagram.length, now);
    this.#dueSince = Math.min(this.#dueSince, now);
    return datagram;
  }

  #resend(request: Sendable) {
    if (request instanceof Change) this.changes.resend(request);
    else this.questions.resend(request);
  }

  #setTimer() {
    if (this.#ended !== undefined) return;
    const now = this.#environment.now();
    const at = Math.min(
      this.#flight.deadline,
      this.changes.deadline(now),
      this.questions.deadline(now),
      this.#dueSince + this.#timeout,
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
    const now = this.#environment.now();
    if (now >= this.#dueSince + this.#timeout) return this.#end((sent) => this.#gone(sent));
    if (now >= this.#flight.deadline) {
      for (const request of this.#flight.probe(now)) this.#resend(request);
      this.#probes = PROBES;
    }
    this.changes.due(now, this.#done);
    this.questions.due(now);
    this.#send();
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
    this.changes.end(error);
    this.questions.end(() => error(true));
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
