/**
 * A request for messages under one tag: the wait for them, and the confirmation that they came.
 * session.md sections 6 and 7.
 *
 * @module
 */

import {
  encodeMailboxRequest,
  type LeasedMessage,
  type MailboxAnswer,
} from "../../../protocol/session/mailbox_requests.ts";
import { RefusedError } from "../../session/errors.ts";
import { UnorderedRequest } from "../../session/requests/unordered_requests.ts";
import { LeaseAssembly } from "./lease_assembly.ts";

/** How often a wait is refreshed (session.md 7.2). */
const REFRESH_MS = 5000;

/** How often a wait that should be over is asked about: the server may look at its clock no sooner. */
const OVERDUE_MS = 1000;

/** Time after a wait was sent from which `pending` asks whether it goes on, and is no late answer (session.md 7.5). */
const LATE_ANSWER_MS = 1000;

/**
 * Time from the messages to `got`, unless an acknowledgement says the same: the server expects it within 200. If they
 * were waited for, it delays all later messages of the mailbox until then (session.md 6.5).
 */
const CONFIRM_MS = 100, CONFIRM_WAITED_MS = 1;

/** Time for all messages of a lease to come. After 5,000 the server takes it back. */
const ASSEMBLE_MS = 4000;

/** How often `got` or `cancel` is sent if it is not answered (session.md 9.6). */
const MAX_LAST_SENDS = 16;

/** How often a lease is requested under another tag because its answers do not fit together (session.md 9.8). */
const MAX_RETRIES = 16;

/** The messages of a lease, the token that names it, and the request that it answers. */
interface LeaseContent {
  token: string;
  messages: LeasedMessage[];
  /** Bytes of their texts. */
  bytes: number;
  request: LeaseRequest;
}

/** The lease that a program has asked for. It may take several requests, one after another. */
interface LeaseCall {
  mailbox: string;
  max: number;
  durationMs: number;
  /** When the wait ends. */
  until: number;
  ahead: boolean;
  /** Called once: with an error, a lease, or nothing if no message came in time. */
  settle(error: Error | undefined, content?: LeaseContent): void;
}

/**
 * - `ask`: sent, and not answered.
 * - `wait`: answered with `pending`.
 * - `have`: the messages have come; nothing is sent unless no acknowledgement follows.
 * - `got`: sent until the server answers: the messages have arrived.
 * - `cancel`: the lease is not wanted any more, until the server answers.
 */
type Phase = "ask" | "wait" | "have" | "got" | "cancel";

export class LeaseRequest extends UnorderedRequest<MailboxAnswer> {
  #phase: Phase = "ask";
  /** Undefined when its outcome is known. */
  #call: LeaseCall | undefined;
  /** How often the call was requested under another tag. */
  readonly #retries: number;
  /** The request that follows this one under another tag. */
  #successor: LeaseRequest | undefined;
  #hasWaited = false;
  #assembly: LeaseAssembly | undefined;
  /** When a lease that has come in part is given up. */
  #giveUpAt = Infinity;
  #endingAt = -Infinity;
  /** `sends` at which `got` or `cancel` was sent often enough. */
  #lastSend = Infinity;

  constructor(call: LeaseCall, retries = 0) {
    super();
    this.#call = call;
    this.#retries = retries;
  }

  override get needsRoom(): boolean {
    return this.#phase === "ask";
  }

  get stuckSince(): number {
    if (this.#call === undefined) return Infinity;
    return this.#retries > MAX_RETRIES ? -Infinity : this.#call.until;
  }

  override get deadline(): number {
    return Math.min(this.dueAt, this.#giveUpAt);
  }

  line(now: number): string | undefined {
    const { t } = this, phase = this.#phase;
    if (phase === "have") return undefined;
    if (phase === "got" || phase === "cancel") {
      if (this.sends < this.#lastSend) return encodeMailboxRequest({ kind: phase, t });
      this.requests.remove(this);
      return undefined;
    }
    const { mailbox, max, durationMs: duration, until, ahead } = this.#call!;
    // the rest of the wait: a server that has forgotten it begins anew
    const wait = Math.max(0, Math.ceil(until - now));
    return encodeMailboxRequest({ kind: "lease", t, mailbox, max, duration, wait, ahead });
  }

  receive(answer: MailboxAnswer, now: number) {
    switch (answer.kind) {
      case "msg":
      case "piece":
        return this.#message(answer, now);
      case "pending":
        return this.#pending(now);
      case "none":
        // if messages are here, it is a late answer to an earlier copy
        if (this.#phase === "have" || this.#phase === "got" || this.#assembly !== undefined) return;
        return this.#end(now);
      case "denied":
        return this.#end(now, denied(this.#call?.mailbox ?? ""));
      case "got":
        if (this.#phase === "got") this.requests.end(this, now);
    }
  }

  #end(now: number, error?: Error) {
    this.requests.end(this, now);
    this.#settle(error);
  }

  #settle(error: Error | undefined, content?: LeaseContent) {
    const call = this.#call;
    this.#call = this.#assembly = undefined;
    this.#giveUpAt = Infinity;
    call?.settle(error, content);
  }

  #pending(now: number) {
    if (this.#phase !== "ask" && this.#phase !== "wait") return;
    // the server asks whether this client still waits
    if (this.datagram === undefined && now - this.sentAt >= LATE_ANSWER_MS) return this.requests.send(this);
    const { inFlight } = this.requests;
    inFlight.answered(this, now);
    this.#phase = "wait";
    this.#hasWaited = true;
    // if no answer comes when the wait is over, it was lost
    const overMs = this.#call!.until - now + inFlight.timeout.after(0);
    this.dueAt = now + Math.min(REFRESH_MS, Math.max(overMs, OVERDUE_MS));
  }

  #message(answer: MailboxAnswer & { kind: "msg" | "piece" }, now: number) {
    const call = this.#call;
    if (call === undefined) return;
    if (this.#assembly === undefined) {
      this.#assembly = new LeaseAssembly(call.max);
      this.#giveUpAt = now + ASSEMBLE_MS;
    }
    this.partlyAnswered(now);
    const assembly = this.#assembly;
    if (answer.kind === "piece") assembly.piece(answer);
    else if (!assembly.message(answer)) return this.#askAgain();
    const { messages, token, bytes } = assembly;
    if (messages === undefined) return;
    this.#phase = "have";
    this.requests.isSessionNeeded = true;
    this.dueAt = now + (this.#hasWaited ? CONFIRM_WAITED_MS : CONFIRM_MS);
    this.#settle(undefined, { token, messages, bytes, request: this });
  }

  /** Asks under another tag, because the answers to this one may be of two leases. */
  #askAgain() {
    const call = this.#call!;
    this.#call = this.#assembly = undefined;
    this.#giveUpAt = Infinity;
    this.#sendLast("cancel");
    this.#succeed(call, this.#retries + 1);
  }

  #succeed(call: LeaseCall, retries: number) {
    this.#successor = new LeaseRequest(call, retries);
    this.requests.add(this.#successor);
  }

  #sendLast(phase: "got" | "cancel") {
    this.#phase = phase;
    this.#lastSend = this.sends + MAX_LAST_SENDS;
    this.requests.send(this);
  }

  override due(now: number) {
    if (now >= this.#giveUpAt) this.#askAgain();
    else if (now < this.dueAt) return;
    else if (this.#phase === "have") this.#sendLast("got");
    else this.requests.send(this);
  }

  override repeat() {
    if (this.#phase !== "have") this.requests.send(this);
  }

  override restart() {
    this.requests.remove(this);
    if (this.#call !== undefined) this.#succeed(this.#call, this.#retries);
  }

  override ending(now: number) {
    if (this.#phase !== "wait" || now - this.#endingAt < OVERDUE_MS) return;
    this.#endingAt = now;
    this.dueAt = Math.min(this.dueAt, now + this.requests.inFlight.timeout.after(0));
  }

  override cancel(error: Error): void {
    if (this.#successor !== undefined) return this.#successor.cancel(error);
    if (this.#call === undefined) return;
    if (this.sends === 0) this.requests.remove(this);
    else this.#sendLast("cancel");
    this.#settle(error);
  }

  fail(error: Error) {
    this.#settle(error);
  }

  /** An acknowledgement is about to be sent, which says the same as `got`. */
  acknowledging(monotonicClock: () => number) {
    if (this.#phase === "have") this.dueAt = monotonicClock() + CONFIRM_MS;
  }

  /**
   * A release is about to be sent. A `got` that came before it would let a later message be given out before what is
   * released.
   */
  releasing() {
    if (this.#phase === "have") this.dueAt = Infinity;
  }

  /** The server has performed a request that names the lease, so it knows that the messages came. */
  confirmed(monotonicClock: () => number) {
    if (this.#phase === "have" || this.#phase === "got") this.requests.end(this, monotonicClock());
  }
}

/** The error if the mailbox belongs to an account. */
export function denied(mailbox: string): RefusedError {
  return new RefusedError(
    "denied",
    `Cannot receive for '${mailbox}': the name has an account, and only its owner may`,
  );
}
