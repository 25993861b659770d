/**
 * Fetches messages ahead of a loop that takes them one by one: about as many as it takes in 200 ms, so that a fast loop
 * does not wait for each, and a slow one takes none from other receivers.
 *
 * Invariant: a message that the loop did not get is released, and counts as no attempt.
 *
 * @module
 */

import { MAX_LEASE_MESSAGES } from "../../protocol/mailbox_requests.ts";
import { Queue } from "../session/queue.ts";
import type { ReceivedLease, ReceivedMessage } from "./received_message.ts";

/** Most messages that are requested at a time, in all leases. */
export const MAX_PREFETCH = 1024;

/** The longest wait that is requested at a time. */
export const MAX_WAIT_MS = 3_600_000;

/** Most leases at a time, and about how many bytes in all of them: they have to fit in the socket's buffer. */
const MAX_LEASES = MAX_PREFETCH / MAX_LEASE_MESSAGES, MAX_LEASED_BYTES = 64 * 1024;

/** How much of a loop's work is fetched ahead of it, beside what it does while a fetch takes place. */
const AHEAD_MS = 200;

/**
 * Time after which a loop that has not come back keeps only what it was given, and how often that is checked
 * (session.md 6.10).
 */
const MAX_HOLD_MS = 1000, CHECK_EVERY_MS = 250;

/** Length of the texts above which nothing more is fetched ahead. */
const MAX_BUFFERED = 1024 ** 2;

/** Bytes from which a lease has rather reached its own limit than the end of the mailbox. */
const FULL_LEASE_BYTES = 4096;

/**
 * How many leases to request at a time. It begins with one, and doubles as long as every lease brings something: a
 * receiver of few messages takes nothing from others, and one of very long messages is not flooded.
 */
export class LeaseCount {
  #leases = 1;

  /** How many messages to request in each lease, if `messages` are wanted in all. */
  split(messages: number): number[] {
    const sizes: number[] = [];
    for (let left = messages; left > 0 && sizes.length < this.#leases; left -= MAX_LEASE_MESSAGES) {
      sizes.push(Math.min(left, MAX_LEASE_MESSAGES));
    }
    return sizes;
  }

  /** So many leases were requested, and these came. */
  received(leases: readonly ReceivedLease[], requested: number) {
    const doubled = leases.length < requested ? 1 : 2 * this.#leases;
    const fitting = Math.floor(MAX_LEASED_BYTES / Math.max(1, ...leases.map(({ bytes }) => bytes)));
    this.#leases = Math.max(1, Math.min(doubled, MAX_LEASES, fitting));
  }
}

/** The messages of all leases, in their order: leases that are requested at the same time may overtake each other. */
export function inOrder(leases: readonly ReceivedLease[]): ReceivedMessage[] {
  return leases.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
}

/**
 * Requests leases of these sizes. The first one alone waits for a message. Resolves to those that came, or to undefined
 * if the signal was aborted.
 */
export type RequestLeases = (
  sizes: readonly number[],
  waitMs: number,
  signal: AbortSignal | undefined,
  ahead: boolean,
) => Promise<ReceivedLease[] | undefined>;

interface PrefetchOptions {
  /** Milliseconds to wait for each message. */
  wait: number;
  /** Most messages in all. */
  count: number;
  /** Most messages that are requested at a time. */
  max: number;
  signal: AbortSignal | undefined;
  monotonicClock(): number;
  requestLeases: RequestLeases;
}

export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #stop = new AbortController();
  readonly #buffer = new Queue<ReceivedMessage>();
  /** Length of the texts in the buffer. */
  #buffered = 0;
  /** The fetch that takes place: one at a time, so that messages come in their order. */
  #fetching: Promise<void> | undefined;
  readonly #leaseCount = new LeaseCount();
  /** Messages that the last fetch requested, and whether it has reached the end of the mailbox. */
  #requested = 1;
  #isDrained = true;
  #error: unknown;
  /** Messages that may still be fetched. */
  #left: number;
  /** How long a fetch takes, and the loop for a message; undefined until it has taken one. */
  #fetchMs = 0;
  #loopMs: number | undefined;
  #givenAt: number | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #abort = () => {
    this.#stop.abort();
    this.#release(0);
  };

  constructor(options: PrefetchOptions) {
    this.#options = options;
    this.#left = options.count;
    options.signal?.addEventListener("abort", this.#abort);
  }

  /** The next message, or undefined if none came in time, or no more are wanted. */
  async next(): Promise<ReceivedMessage | undefined> {
    const { wait, signal, requestLeases } = this.#options;
    this.#measureLoop();
    while (!signal?.aborted) {
      // the connection is closed: this throws its error
      if (this.#stop.signal.aborted) await requestLeases([1], 0, undefined, false);
      const message = this.#buffer.shift();
      if (message !== undefined) return this.#give(message);
      if (this.#fetching !== undefined) {
        await this.#fetching;
        continue;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#left === 0) return undefined;
      await this.#fetch(Math.max(1, this.#wanted()), Math.min(wait, MAX_WAIT_MS));
      if (this.#buffer.length === 0 && this.#error === undefined && wait !== Infinity) return undefined;
    }
    return undefined;
  }

  #give(message: ReceivedMessage): ReceivedMessage {
    this.#buffered -= message.text.length;
    message.begin();
    const wanted = this.#wanted(), { length } = this.#buffer;
    if (length > 2 * wanted + 1) this.#release(wanted);
    else if (wanted > 0 && 2 * length <= wanted && this.#isWorthwhile) this.#fetch(wanted - length, 0);
    this.#givenAt = this.#options.monotonicClock();
    return message;
  }

  get #isWorthwhile(): boolean {
    return this.#fetching === undefined && !this.#isDrained && this.#error === undefined && this.#left > 0 &&
      this.#buffered < MAX_BUFFERED;
  }

  /** Measures how long the loop took. A single long time counts little. */
  #measureLoop() {
    if (this.#givenAt === undefined) return;
    const ms = this.#options.monotonicClock() - this.#givenAt, average = this.#loopMs;
    this.#loopMs = average === undefined ? ms : (7 * average + Math.min(ms, 8 * average + 1)) / 8;
    this.#givenAt = undefined;
  }

  /** How many messages to have ahead: at most twice as many as were requested before. */
  #wanted(): number {
    if (this.#loopMs === undefined || this.#options.max === 1) return 0;
    const taken = (AHEAD_MS + 2 * this.#fetchMs) / Math.max(this.#loopMs, 0.001);
    return Math.floor(Math.min(taken, 2 * this.#requested, this.#options.max));
  }

  #fetch(messages: number, waitMs: number): Promise<void> {
    return this.#fetching = this.#fetchOnce(Math.min(messages, this.#left), waitMs).finally(() => {
      this.#fetching = undefined;
    });
  }

  async #fetchOnce(messages: number, waitMs: number) {
    const { requestLeases, monotonicClock, signal } = this.#options, since = monotonicClock();
    const sizes = this.#leaseCount.split(messages), isAhead = messages > 1 || waitMs === 0;
    let leases: ReceivedLease[] | undefined;
    try {
      leases = await requestLeases(sizes, waitMs, this.#stop.signal, isAhead);
    } catch (error) {
      this.#error = error;
    }
    if (leases === undefined) return;
    this.#requested = sizes.reduce((sum, size) => sum + size, 0);
    this.#leaseCount.received(leases, sizes.length);
    this.#isDrained = leases.length < sizes.length || leases.some(({ messages: { length }, bytes }, i) => {
      return length < sizes[i]! && length < MAX_LEASE_MESSAGES && bytes < FULL_LEASE_BYTES;
    });
    // the time of a fetch that waited for a message means nothing
    if (waitMs === 0) this.#fetchMs = (7 * this.#fetchMs + monotonicClock() - since) / 8;
    for (const message of inOrder(leases)) {
      this.#left--;
      this.#keep(message);
    }
    if (this.#stop.signal.aborted || signal?.aborted) this.#release(0);
  }

  #keep(message: ReceivedMessage) {
    this.#buffer.push(message);
    this.#buffered += message.text.length;
    this.#timer ??= setInterval(() => this.#check(), CHECK_EVERY_MS);
  }

  /** Releases what a loop that does not come back delays: other receivers may have it. */
  #check() {
    if (this.#buffer.length === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (
      this.#givenAt !== undefined && this.#options.monotonicClock() - this.#givenAt >= MAX_HOLD_MS
    ) {
      this.#release(0);
      this.#loopMs = MAX_HOLD_MS;
    }
  }

  /** Releases what is fetched, but for the first few. Resolves when the server knows, or can't be reached. */
  async #release(keep: number) {
    const all: ReceivedMessage[] = [];
    for (let message; (message = this.#buffer.shift()) !== undefined;) all.push(message);
    this.#buffered = 0;
    for (const message of all.slice(0, keep)) this.#keep(message);
    const released = all.slice(keep);
    this.#left += released.length;
    if (released.length > 0) this.#isDrained = true;
    await Promise.all(released.map((message) => message.release())).catch(() => {});
  }

  /** Fetches no more, and releases what the loop was not given. */
  async end() {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#stop.abort();
    clearInterval(this.#timer);
    await Promise.all([this.#fetching, this.#release(0)]);
    await this.#release(0);
    clearInterval(this.#timer);
  }
}
