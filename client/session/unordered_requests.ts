/**
 * The requests of a session that have no order: leases, with the waiting for them and the word that they came, and
 * whatever else is asked. `protocol/README.md`, "Leases" and "Waiting".
 *
 * @module
 */

import {
  encodeMailboxRequest,
  type LeasedMessage,
  type MailboxAnswer,
} from "../../protocol/mailbox_requests.ts";
import type { TaggedAnswer } from "../../protocol/service_requests.ts";
import { Assembly } from "./assembly.ts";
import type { Busy } from "./busy.ts";
import type { DatagramBuilder } from "./datagram_builder.ts";
import type { InFlight, Sendable, SentDatagram } from "./in_flight.ts";
import { RefusedError } from "./errors.ts";

/** How often a wait is refreshed, in milliseconds. */
const REFRESH = 5000;

/** How often, in milliseconds, a wait is asked about that should be over: the server may look at its clock no sooner. */
const OVERDUE = 1000;

/**
 * Milliseconds from the messages to `got`: the server is to know within 200. Where they were waited for, it keeps back
 * what comes behind them until then.
 */
const CONFIRM = 100, CONFIRM_WAITED = 1;

/** Milliseconds since a wait was sent after which `pending` asks for it anew, and is no late answer. */
const ASKED_ANEW = 1000;

/** Milliseconds for a lease to come in whole. Past 5,000 the server takes it back. */
const ASSEMBLE = 4000;

/** How often `got` and `cancel` are said, where no answer comes. */
const MAX_TOLD = 16;

/** How often a lease is asked for under another tag, because what came under the last one does not fit together. */
const MAX_TRIES = 16;

/** What a lease brought. */
export interface Leased {
  tag: number;
  token: string;
  messages: LeasedMessage[];
}

/** A request whose answers are its asker's own affair. It is asked for until they are there. */
export interface Query {
  /** The request's line with this tag, for what is still missing. */
  line(t: number): string;
  /** Takes an answer. Returns whether nothing is missing any more. */
  take(answer: TaggedAnswer): boolean;
  /** There is no answer. */
  fail(error: Error): void;
}

/** Who asked, and what is told. */
interface LeaseCall {
  mailbox: string;
  max: number;
  duration: number;
  /** When the wait begins, and when it ends. */
  since: number;
  until: number;
  ahead: boolean;
  /** How often it was asked for under another tag. */
  tries: number;
  settle: (error: Error | undefined, leased: Leased | undefined) => void;
}

/**
 * - `ask`: sent, or to be sent, until it is answered.
 * - `wait`: the answer was `pending`.
 * - `have`: the messages have come. The server is told when it has not understood so by itself.
 * - `got`, `cancel`: being told so, until that is answered.
 * - `inquiry`: sent, or to be sent, until all of its answer is there.
 */
type Phase = "ask" | "wait" | "have" | "got" | "cancel" | "inquiry";

class UnorderedRequest implements Sendable {
  readonly ordered = false;
  sends = 0;
  datagram: SentDatagram | undefined;
  readonly t: number;
  phase: Phase;
  /** Whether it is in the line of what is to be sent. */
  queued = false;
  /** When it was sent last, and when it is next to be looked after, if no answer comes. */
  sentAt = -Infinity;
  at = Infinity;
  /** Whether it had to wait. */
  waited = false;
  /** When an `ending` was last acted on, and how often `got` or `cancel` was said. */
  hurriedAt = -Infinity;
  told = 0;
  /** When a lease that has begun to come in is given up. */
  giveUp = Infinity;
  call: LeaseCall | undefined;
  assembly: Assembly | undefined;
  token = "";
  inquiry: Query | undefined;
  /** When the inquiry was made. */
  since = Infinity;

  constructor(t: number, phase: Phase) {
    this.t = t;
    this.phase = phase;
  }

  line(now: number): string {
    const { t, call } = this;
    switch (this.phase) {
      case "got":
      case "cancel":
        return encodeMailboxRequest({ kind: this.phase, t });
      case "inquiry":
        return this.inquiry!.line(t);
      default: {
        const { mailbox, max, duration, until, ahead } = call!;
        // what is left of the wait: a server that has forgotten it begins anew
        const wait = Math.max(0, Math.ceil(until - now));
        return encodeMailboxRequest({
          kind: "lease",
          t,
          mailbox,
          max,
          duration,
          wait,
          ...ahead ? { ahead } : {},
        });
      }
    }
  }
}

export class UnorderedRequests {
  readonly #flight: InFlight;
  readonly #open = new Map<number, UnorderedRequest>();
  #queue: UnorderedRequest[] = [];
  #tag: number;
  /** Of leases. */
  readonly #busy: Busy;
  #leased = false;

  /** @param tag The first tag. */
  constructor(flight: InFlight, tag: number, busy: Busy) {
    this.#flight = flight;
    this.#tag = tag;
    this.#busy = busy;
  }

  /** Whether nothing is left to be told or answered. */
  get idle(): boolean {
    return this.#open.size === 0;
  }

  /** Whether the server's last word was `busy`. */
  get isBusy(): boolean {
    return this.#busy.isOn;
  }

  /** Since when something is overdue; Infinity where nothing is. Where a lease never fits together, it always is. */
  get stuckSince(): number {
    let since = Infinity;
    for (const { call, since: inquired } of this.#open.values()) {
      if (call === undefined) since = Math.min(since, inquired);
      else since = Math.min(since, call.tries > MAX_TRIES ? -Infinity : Math.max(call.since, call.until));
    }
    return since;
  }

  /** Whether a lease was given to this session. */
  get leased(): boolean {
    return this.#leased;
  }

  /** Asks for a lease. */
  lease(asked: Omit<LeaseCall, "tries">): { cancel(error: Error): void } {
    const call = { ...asked, tries: 0 };
    this.#ask(call);
    return { cancel: (error) => this.#cancel(call, error) };
  }

  query(inquiry: Query, now: number) {
    Object.assign(this.#add("inquiry"), { inquiry, since: now });
  }

  #ask(call: LeaseCall) {
    this.#add("ask").call = call;
  }

  #add(phase: Phase): UnorderedRequest {
    const question = new UnorderedRequest(this.#tag++, phase);
    this.#open.set(question.t, question);
    this.#send(question);
    return question;
  }

  #send(question: UnorderedRequest) {
    this.#flight.forget(question);
    question.at = Infinity;
    if (question.queued) return;
    question.queued = true;
    this.#queue.push(question);
  }

  /** Puts into the datagram what is to be sent. */
  fill(draft: DatagramBuilder, now: number) {
    if (this.#queue.length === 0) return;
    const left: UnorderedRequest[] = [];
    for (const question of this.#queue) {
      if (this.#open.get(question.t) !== question || question.phase === "have") question.queued = false;
      else if (question.phase === "ask" && now < this.#busy.until) left.push(question);
      else if (question.told >= MAX_TOLD) this.#open.delete(question.t);
      else if (draft.add(question, question.line(now))) {
        question.queued = false;
        question.sentAt = now;
        if (question.phase === "got" || question.phase === "cancel") question.told++;
      } else left.push(question);
    }
    this.#queue = left;
  }

  /** A request counts as lost. */
  resend(question: Sendable) {
    if (question instanceof UnorderedRequest && this.#open.get(question.t) === question) this.#send(question);
  }

  /** Takes an answer with a tag. */
  answer(answer: TaggedAnswer, now: number) {
    const question = this.#open.get(answer.t);
    if (question === undefined) return;
    if (question.inquiry !== undefined) return this.#inquiry(question, question.inquiry, answer, now);
    if (question.phase === "ask") this.#busy.end();
    switch (answer.kind) {
      case "msg":
      case "piece":
        if (question.call !== undefined) this.#message(question, question.call, answer, now);
        return;
      case "pending":
        if (question.phase !== "ask" && question.phase !== "wait") return;
        // the server asks whether this client still waits
        if (question.datagram === undefined && now - question.sentAt >= ASKED_ANEW) {
          return this.#send(question);
        }
        this.#flight.answered(question, now);
        question.phase = "wait";
        question.waited = true;
        this.#refresh(question, now);
        return;
      case "none":
        // not to a lease whose first messages are here: then it is a late answer to an earlier copy
        if (question.phase === "have" || question.phase === "got" || question.assembly !== undefined) return;
        this.#end(question, now);
        question.call?.settle(undefined, undefined);
        return;
      case "no":
      case "denied":
        this.#end(question, now);
        if (question.call !== undefined) {
          const { call } = question;
          call.settle(
            answer.kind === "no" ? new RefusedError(answer.reason) : denied(call.mailbox),
            undefined,
          );
        }
        return;
      case "got":
        if (question.phase === "got") this.#end(question, now);
    }
  }

  #inquiry(question: UnorderedRequest, inquiry: Query, answer: TaggedAnswer, now: number) {
    // it has arrived; where a part of the answer does not come, the rest is asked for
    this.#flight.answered(question, now);
    question.at = now + this.#flight.trip.timeout(question.sends - 1);
    if (inquiry.take(answer)) this.#end(question, now);
  }

  #refresh(question: UnorderedRequest, now: number) {
    // when the wait is over and no answer comes, that was lost
    const over = question.call!.until - now + this.#flight.trip.timeout(0);
    question.at = now + Math.min(REFRESH, Math.max(over, OVERDUE));
  }

  #message(
    question: UnorderedRequest,
    call: LeaseCall,
    answer: MailboxAnswer & { kind: "msg" | "piece" },
    now: number,
  ) {
    if (question.assembly === undefined) {
      question.assembly = new Assembly(call.max);
      question.giveUp = now + ASSEMBLE;
    }
    // what is still missing is asked for again, less and less often
    this.#flight.answered(question, now);
    question.at = now + this.#flight.trip.timeout(question.sends - 1);
    const { assembly } = question;
    if (answer.kind === "piece") assembly.piece(answer);
    else if (!assembly.message(answer)) return this.#again(question);
    const { messages, token } = assembly;
    if (messages === undefined) return;
    this.#flight.forget(question);
    question.phase = "have";
    this.#leased = true;
    question.token = token;
    question.at = now + (question.waited ? CONFIRM_WAITED : CONFIRM);
    question.giveUp = Infinity;
    question.call = question.assembly = undefined;
    call.settle(undefined, { tag: question.t, token, messages });
  }

  /** Asks anew under another tag, because what comes under this one may be of two leases. */
  #again(question: UnorderedRequest) {
    const call = question.call!;
    this.#drop(question);
    call.tries++;
    this.#ask(call);
  }

  #drop(question: UnorderedRequest) {
    question.phase = "cancel";
    question.call = question.assembly = undefined;
    question.giveUp = Infinity;
    this.#send(question);
  }

  /** Ends every wait. */
  cancelAll(error: () => Error) {
    for (const { call } of [...this.#open.values()]) if (call !== undefined) this.#cancel(call, error());
  }

  #cancel(call: LeaseCall, error: Error) {
    for (const question of [...this.#open.values()]) {
      if (question.call !== call) continue;
      if (question.sends === 0) this.#open.delete(question.t);
      else this.#drop(question);
      call.settle(error, undefined);
    }
  }

  /** A change of the lease with this tag is about to be sent, which says as much as `got`. */
  named(tag: number, now: number) {
    const question = this.#open.get(tag);
    if (question?.phase === "have") question.at = now + CONFIRM;
  }

  /** The server has shown that it knows of the messages: by carrying out a change of the lease with this tag. */
  confirmed(tag: number, now: number) {
    const question = this.#open.get(tag);
    if (question?.phase === "have" || question?.phase === "got") this.#end(question, now);
  }

  #end(question: UnorderedRequest, now: number) {
    this.#flight.answered(question, now);
    this.#open.delete(question.t);
  }

  /** `busy`: what asks for a lease waits, or is given up where that has been so for too long. */
  busy(now: number, error: () => Error) {
    const asking = [...this.#open.values()].filter(({ phase, datagram }) => {
      return phase === "ask" && datagram !== undefined;
    });
    if (asking.length === 0) return;
    const isGivenUp = !this.#busy.begin(now);
    for (const question of asking) {
      this.#flight.heard(question, now);
      if (!isGivenUp) {
        this.#send(question);
        continue;
      }
      const { call } = question;
      this.#end(question, now);
      call?.settle(error(), undefined);
    }
    if (isGivenUp) this.#busy.giveUp();
  }

  /** `ending`: waits end with the server, and are begun again with the next one. */
  ending(now: number) {
    for (const question of this.#open.values()) {
      if (question.phase !== "wait" || now - question.hurriedAt < OVERDUE) continue;
      question.hurriedAt = now;
      question.at = Math.min(question.at, now + this.#flight.trip.timeout(0));
    }
  }

  /** When {@linkcode due} has something to do; Infinity where it has nothing. */
  deadline(now: number): number {
    let deadline = this.#busy.until > now ? this.#busy.until : Infinity;
    for (const { at, giveUp } of this.#open.values()) deadline = Math.min(deadline, at, giveUp);
    return deadline;
  }

  due(now: number) {
    for (const question of [...this.#open.values()]) {
      if (now >= question.giveUp) this.#again(question);
      else if (now >= question.at) {
        if (question.phase === "have") question.phase = "got";
        this.#send(question);
      }
    }
  }

  /** The server has started anew: it knows nothing of waits, and what was on its way is not carried out. */
  repeat() {
    for (const question of this.#open.values()) {
      if (question.phase !== "have") this.#send(question);
    }
  }

  /** A new session begins: what was told to the old one does not concern it. */
  restart() {
    this.#leased = false;
    for (const question of [...this.#open.values()]) {
      const { call } = question;
      if (question.inquiry !== undefined) continue;
      this.#flight.forget(question);
      this.#open.delete(question.t);
      if (call !== undefined) this.#ask(call);
    }
  }

  /** Ends everything with an error. What nobody waits for is let go. */
  end(error: () => Error) {
    const all = [...this.#open.values()];
    this.#open.clear();
    this.#queue = [];
    for (const question of all) {
      this.#flight.forget(question);
      question.call?.settle(error(), undefined);
      question.inquiry?.fail(error());
    }
  }
}

export function denied(mailbox: string): RefusedError {
  return new RefusedError(
    "denied",
    `Cannot receive for '${mailbox}': the name has an account, and only its owner may`,
  );
}
