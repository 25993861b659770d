/**
 * The client half of the reliable session: what is put is stored once and in order, and what is received is given out
 * again until it is acknowledged. `protocol/README.md`, "Session", is the specification.
 *
 * It has no socket, clock or randomness of its own: see {@linkcode SessionEnvironment}.
 *
 * @module
 */

import { encodeMailboxRequest, MAX_LEASE_MESSAGES } from "../../protocol/mailbox_requests.ts";
import { checkId, SHARED_QUEUE } from "../../protocol/mailbox.ts";
import { OrderedRequest, textChange } from "./ordered_request.ts";
import { checkDuration, Lease, type LeaseChange } from "../mailbox/lease.ts";
import { Link, type SessionEnvironment, type SessionResume, type SessionState } from "./link.ts";
import { denied, type Query } from "./unordered_requests.ts";
import { putFields, type PutMessage } from "./put.ts";
import { RefusedError, type SessionEndError } from "./errors.ts";

export {
  Lease,
  type PutMessage,
  type Query as Inquiry,
  type SessionEnvironment,
  type SessionResume,
  type SessionState,
};
export type { Failure, LeasedMessage } from "../../protocol/mailbox_requests.ts";
export * from "./errors.ts";

/** What is asked of a lease. */
export interface LeaseOptions {
  /** Most messages, 1 to 64. */
  max?: number;
  /** Milliseconds for which they are leased, 1,000 to 86,400,000. */
  duration?: number;
  /** Milliseconds to wait for a message where there is none. */
  wait?: number;
  /** Whether messages count as given out only once they are begun with. */
  ahead?: boolean;
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** Requests and bytes without an outcome, from which a sender should wait; and those beyond which none is taken. */
const ROOM = 4096, ROOM_BYTES = 1024 ** 2;
const MAX_OPEN = 1024 ** 2, MAX_OPEN_BYTES = 256 * 1024 ** 2;

export class Session {
  readonly #environment: SessionEnvironment;
  readonly #link: Link;
  #room: PromiseWithResolvers<void> | undefined;

  /** @param resume The state of an earlier session, to go on with its number `next`. */
  constructor(environment: SessionEnvironment, resume?: SessionResume) {
    this.#environment = environment;
    this.#link = new Link(environment, () => this.#progress(), resume);
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#link.hasAnswered;
  }

  /** What a later session needs to go on as this one: see {@linkcode keep}. */
  get state(): SessionState {
    return this.#link.state;
  }

  /** Has the server remember the session when this has ended: a later one is to go on as this one. */
  keep() {
    this.#link.keep();
  }

  /**
   * Puts a message; resolves when it is on the server's disk. Messages are stored in the order of the calls.
   *
   * @throws {TypeError|RangeError} It is not what the wire allows.
   * @throws {RefusedError} The server refuses it.
   * @throws {FullError} It was withdrawn before it was stored.
   * @throws {SessionEndError} The session has ended; `sent` tells whether it may have been stored.
   */
  put(message: PutMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.post(message, (error) => error === undefined ? resolve() : reject(error));
    });
  }

  /**
   * Puts a message and calls back when its outcome is known: {@linkcode put} for those who send many.
   *
   * @param settle Called with nothing when the message is on the server's disk, else with what `put` would throw.
   * @returns Whether there is room for more; else {@linkcode ready} tells when there is.
   * @throws What `put` would throw before anything is sent.
   */
  post(message: PutMessage, settle: (error?: Error) => void): boolean {
    return this.#post(textChange("put", putFields(message), message.text, settle), message);
  }

  /**
   * Sends a change of another service than the mailbox's; resolves when it is carried out and on the server's disk.
   *
   * @param fields What stands between number and text, the comma at its beginning included.
   * @throws What {@linkcode put} throws.
   */
  change(
    kind: OrderedRequest["kind"],
    fields: string,
    text = "",
    options: { wait?: number; signal?: AbortSignal } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => error === undefined ? resolve() : reject(error);
      this.#post(textChange(kind, fields, text, settle), options);
    });
  }

  /** Asks what has no order, until the answer is there. */
  query(inquiry: Query) {
    this.#link.begin();
    this.#link.unordered.query(inquiry, this.#environment.monotonicClock());
  }

  #post(change: OrderedRequest, { wait, signal }: { wait?: number; signal?: AbortSignal }): boolean {
    if (this.#link.ordered.requests >= MAX_OPEN || this.#link.ordered.bytes >= MAX_OPEN_BYTES) {
      throw new RangeError(`Cannot put more than ${MAX_OPEN} messages at a time: wait for ready()`);
    }
    if (wait !== undefined) change.deadline = this.#environment.monotonicClock() + wait;
    if (signal !== undefined) this.#watch(change, signal);
    this.#add(change);
    if (signal?.aborted) this.#withdraw(change);
    return this.hasRoom;
  }

  /** Resolves when there is room for more to put, or the session has ended. */
  async ready(): Promise<void> {
    if (this.hasRoom || this.#link.ended) return;
    this.#room ??= Promise.withResolvers<void>();
    await this.#room.promise;
  }

  /**
   * Leases the oldest messages of a mailbox that nobody has. Resolves to undefined where none came in time.
   *
   * @param mailbox ID of the receiver, or `SHARED_QUEUE`.
   * @throws {TypeError|RangeError} It is no ID, or an option is out of its range.
   * @throws {SessionEndError} The session has ended.
   * @throws The reason of `signal`.
   */
  async lease(mailbox: string, options: LeaseOptions = {}): Promise<Lease | undefined> {
    const { max = 1, duration = 30_000, wait = 0, ahead = false, signal } = options;
    if (mailbox !== SHARED_QUEUE) checkId(mailbox);
    if (!Number.isInteger(max) || max < 1 || max > MAX_LEASE_MESSAGES) {
      throw new RangeError(`Cannot lease ${max} messages: 1 to ${MAX_LEASE_MESSAGES}`);
    }
    checkDuration(duration);
    signal?.throwIfAborted();
    this.#link.begin();
    const since = this.#environment.monotonicClock(), until = since + wait;
    const { promise, resolve, reject } = Promise.withResolvers<Lease | undefined>();
    const asked = this.#link.unordered.lease({
      mailbox,
      max,
      duration,
      since,
      until,
      ahead,
      settle: (error, leased) => {
        signal?.removeEventListener("abort", abort);
        if (error !== undefined) return reject(error);
        if (leased === undefined) return resolve(undefined);
        const { tag, token, messages } = leased;
        resolve(
          new Lease(mailbox, token, messages, ahead, ({ kind, rest }) => this.#changeLease(tag, kind, rest)),
        );
      },
    });
    const abort = () => {
      asked.cancel(signal!.reason);
      this.#link.later();
    };
    signal?.addEventListener("abort", abort);
    return await promise;
  }

  #changeLease(
    tag: number,
    kind: LeaseChange["kind"],
    rest: string,
  ): Promise<readonly number[] | undefined> {
    this.#link.unordered.named(tag, this.#environment.monotonicClock());
    return new Promise((resolve, reject) => {
      this.#add(
        new OrderedRequest(kind, rest, rest.length, (error, lost) => {
          if (error !== undefined) return reject(error);
          this.#link.unordered.confirmed(tag, this.#environment.monotonicClock());
          resolve(lost);
        }),
      );
    });
  }

  /**
   * Counts of a mailbox, or of all where none is named, by their names.
   *
   * @throws {TypeError} It is no ID.
   * @throws {SessionEndError} The session has ended.
   */
  async stat(mailbox = ""): Promise<Record<string, number>> {
    if (mailbox !== "") checkId(mailbox);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.query({
      line: (t) => encodeMailboxRequest({ kind: "stat", t, mailbox }),
      take(answer) {
        if (answer.kind === "stat") resolve(answer.values);
        else if (answer.kind === "no") reject(new RefusedError(answer.reason));
        else if (answer.kind === "denied") reject(denied(mailbox));
        // what is no answer to this question
        else return false;
        return true;
      },
      fail: reject,
    });
    const fields = (await promise).split(",").map((field) => field.split(" "));
    return Object.fromEntries(fields.map(([name, value]) => [name, Number(value)]));
  }

  /**
   * Ends the session once everything has its outcome. Waits for messages end at once.
   *
   * @param limit Milliseconds after which what has no outcome ends with a {@linkcode ClosedError}.
   */
  async close(limit = 5000): Promise<void> {
    await this.#link.close(limit);
  }

  /** Takes a datagram that came from the server's address. */
  received(datagram: Uint8Array) {
    this.#link.received(datagram);
  }

  /** Ends the session at once: what carries it has failed. */
  fail(error: (sent: boolean) => SessionEndError) {
    this.#link.fail(error);
  }

  /** Whether there is room for more to be sent; else {@linkcode ready} tells when there is. */
  get hasRoom(): boolean {
    return this.#link.ordered.requests < ROOM && this.#link.ordered.bytes < ROOM_BYTES;
  }

  /** Tells those who wait for room once there is plenty. */
  #progress() {
    const { ordered, ended } = this.#link;
    if (this.#room === undefined || !ended && (!this.hasRoom || ordered.requests > ROOM / 2)) return;
    this.#room.resolve();
    this.#room = undefined;
  }

  #add(change: OrderedRequest) {
    this.#link.begin();
    this.#link.ordered.add(change, this.#environment.monotonicClock());
  }

  #watch(change: OrderedRequest, signal: AbortSignal) {
    const abort = () => this.#withdraw(change);
    signal.addEventListener("abort", abort);
    change.onSettled = () => signal.removeEventListener("abort", abort);
  }

  #withdraw(change: OrderedRequest) {
    this.#link.ordered.withdraw(change, this.#environment.monotonicClock());
    this.#link.later();
  }
}
