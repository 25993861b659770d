/**
 * The messages that a program has received: each is leased to this client until the program acknowledges or releases it.
 *
 * Invariant: a lease is extended for as long as a message of it is open.
 *
 * @module
 */

import { utf8Length } from "../../protocol/mailbox.ts";
import { type Failure, failureFields, type LeasedMessage } from "../../protocol/mailbox_requests.ts";
import { checkFailure, type Lease, LEASE_MS } from "./lease.ts";

/** How often a lease is extended. */
const EXTEND_EVERY_MS = 10_000;

/** Bytes that a message takes beside its text, about. */
const OVERHEAD_BYTES = 80;

/** A loop that acknowledges a message at once has done so after this many microtasks: `begin` is not needed then. */
const AT_ONCE_MICROTASKS = 16;

/** Attempts at a message before it is a dead letter, by default. */
export const ATTEMPTS = 5;

/** Wait after the first failed attempt, and the longest one, by default. */
export const FIRST_RETRY_DELAY_MS = 1000, MAX_RETRY_DELAY_MS = 300_000;

/**
 * Milliseconds to wait after the `attempt`th attempt failed: `firstMs`, doubled with each further attempt, up to 5
 * minutes, or to `firstMs` if that is longer.
 */
export function retryDelay(attempt: number, firstMs = FIRST_RETRY_DELAY_MS): number {
  return Math.min(firstMs * 2 ** (attempt - 1), Math.max(firstMs, MAX_RETRY_DELAY_MS));
}

/** What a program does with a message: the method of its lease, or how an attempt failed. */
type Outcome = "ack" | "release" | Failure;

interface Finished {
  id: number;
  resolve: (wasLeased: boolean) => void;
  reject: (error: Error) => void;
}

/** All leases with open messages. */
export class ReceivedLeases {
  readonly #leases = new Set<ReceivedLease>();
  #timer: ReturnType<typeof setInterval> | undefined;

  add(lease: Lease): ReceivedLease {
    const received = new ReceivedLease(lease, () => this.#remove(received));
    this.#leases.add(received);
    this.#timer ??= setInterval(() => this.#extend(), EXTEND_EVERY_MS);
    return received;
  }

  #extend() {
    // if one fails, its messages are given to a client again, and acknowledging them reports that
    for (const lease of this.#leases) lease.extend().catch(() => this.#remove(lease));
  }

  #remove(lease: ReceivedLease) {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.close();
  }

  /** Extends nothing any more. Messages that a loop has and did not finish count as an attempt. */
  close() {
    for (const lease of this.#leases) lease.sendBegun();
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** One lease. What is done with its messages in one turn is sent in one request. */
export class ReceivedLease {
  readonly messages: readonly ReceivedMessage[];
  /** Bytes of the messages, about. */
  readonly bytes: number;
  readonly #lease: Lease;
  readonly #open: Set<number>;
  /** Messages that were finished in this turn, by what is sent for them. */
  readonly #finished = new Map<string, { outcome: Outcome; messages: Finished[] }>();
  /** Messages that a loop has begun with; the server does not know that yet. */
  readonly #begun = new Set<number>();
  readonly #onFinished: () => void;

  /** @param onFinished Called when no message is open any more. */
  constructor(lease: Lease, onFinished: () => void) {
    this.#lease = lease;
    this.messages = lease.messages.map((message) => new ReceivedMessage(message, this));
    this.bytes = lease.messages.reduce((sum, { text }) => sum + utf8Length(text) + OVERHEAD_BYTES, 0);
    this.#open = new Set(lease.messages.map(({ id }) => id));
    this.#onFinished = onFinished;
  }

  async extend() {
    await this.#lease.extend(LEASE_MS);
  }

  /** The message is given to a loop: if it is not finished at once, the attempt is counted. */
  begin(id: number) {
    if (!this.#lease.ahead) return;
    if (this.#begun.size === 0) this.#sendBegunLater();
    this.#begun.add(id);
  }

  async #sendBegunLater() {
    for (let i = 0; i < AT_ONCE_MICROTASKS; i++) await undefined;
    this.sendBegun();
  }

  /** Sends now which messages a loop has. */
  sendBegun() {
    const ids = [...this.#begun];
    this.#begun.clear();
    // if it fails, the lease ends, and it counts as no attempt
    if (ids.length > 0) this.#lease.begin(ids).catch(() => {});
  }

  /** Resolves to whether the message was still leased. */
  finish(id: number, outcome: Outcome): Promise<boolean> {
    this.#begun.delete(id);
    this.#open.delete(id);
    if (this.#open.size === 0) this.#onFinished();
    if (this.#finished.size === 0) queueMicrotask(() => this.#sendFinished());
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const key = typeof outcome === "string" ? outcome : failureFields(outcome);
    const same = this.#finished.get(key) ?? { outcome, messages: [] };
    this.#finished.set(key, same);
    same.messages.push({ id, resolve, reject });
    return promise;
  }

  #sendFinished() {
    const all = [...this.#finished.values()];
    this.#finished.clear();
    for (const { outcome, messages } of all) {
      const ids = messages.map(({ id }) => id);
      const sent = typeof outcome === "string" ? this.#lease[outcome](ids) : this.#lease.fail(outcome, ids);
      sent.then(
        (lost) => messages.forEach(({ id, resolve }) => resolve(!lost.includes(id))),
        (error) => messages.forEach(({ reject }) => reject(error)),
      );
    }
  }
}

/** A message that is leased to this client until it is acknowledged or released. The lease is extended until then. */
export class ReceivedMessage implements LeasedMessage {
  /** Its number in the mailbox. */
  readonly id: number;
  /** How many attempts at it there were, this one included. */
  readonly attempt: number;
  /** When the server received it, in milliseconds since 1970. */
  readonly time: number;
  /** ID of the sender; `""` in the shared queue. */
  readonly sender: string;
  /** The text, as it was sent. */
  readonly text: string;
  readonly #lease: ReceivedLease;

  /** @ignore */
  constructor(message: LeasedMessage, lease: ReceivedLease) {
    ({ id: this.id, attempt: this.attempt, time: this.time, sender: this.sender, text: this.text } = message);
    this.#lease = lease;
  }

  /** @ignore */
  begin() {
    this.#lease.begin(this.id);
  }

  /**
   * Acknowledges it: it is removed. Resolves to whether it was still leased to this client; if not, another client has it
   * or has had it. Messages of one lease that are acknowledged in one turn share a request.
   *
   * @throws {SessionEndError} The session has ended. With `sent`, it may have been removed.
   */
  ack(): Promise<boolean> {
    return this.#lease.finish(this.id, "ack");
  }

  /**
   * Releases it: it comes again at its place in the order, and this was no attempt.
   *
   * @returns Whether it was still leased to this client.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease ends.
   */
  release(): Promise<boolean> {
    return this.#lease.finish(this.id, "release");
  }

  /**
   * Releases it because the attempt failed: it comes again after `delay` milliseconds, 0 to 86,400,000, at its place in
   * the order, while later messages go on; or it is a dead letter, if this was the last of `attempts`. By default it
   * waits 1 s, doubled with each attempt, up to 5 minutes, and there are 5 attempts. The dead letter keeps `reason`, up to
   * 64 bytes without a comma.
   *
   * @returns Whether it was still leased to this client.
   * @throws {RangeError} It is not what the wire allows.
   * @throws {SessionEndError} The session has ended. The message comes again when its lease ends.
   */
  async fail(
    { delay = retryDelay(this.attempt), attempts = ATTEMPTS, reason = "failed" }: Partial<Failure> = {},
  ): Promise<boolean> {
    checkFailure({ delay, attempts, reason });
    return await this.#lease.finish(this.id, { delay, attempts, reason });
  }
}
