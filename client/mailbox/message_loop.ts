/**
 * The messages of a mailbox for a loop that takes them one by one, or all that are there. It fetches ahead of the loop
 * about as many as the loop takes in 200 ms: a fast loop does not wait for each, and a slow one takes none from other
 * receivers.
 *
 * Invariants: a message that the loop did not get is released, and counts as no attempt. None is held ahead of the loop
 * for more than a second (session.md 6.10). The loop gets messages in their order: nothing is fetched before what was
 * released is back.
 *
 * @module
 */

import { closed } from "../session/endings.ts";
import { Queue } from "../session/requests/queue.ts";
import { inOrder, LeaseCount } from "./lease/lease_count.ts";
import { LoopSpeed } from "./loop_speed.ts";
import type { MailboxSession } from "./mailbox_session.ts";
import type { ReceivedLease, ReceivedLeases } from "./lease/received_lease.ts";
import type { ReceivedMessage } from "./lease/received_message.ts";

/** Most messages that are requested at a time, in all leases. */
export const MAX_PREFETCH = 1024;

/** The longest wait that is requested at a time. */
const MAX_WAIT_MS = 3_600_000;

/** Time after which what the loop has not come to is released. */
const MAX_HOLD_MS = 1000;

/** Most messages of a batch, unless the program asks for a number: a batch is held for as long as it is worked on. */
const MAX_BATCH = 64;

/** Length of the texts above which nothing more is fetched ahead. */
const MAX_BUFFERED = 1024 ** 2;

interface MessageLoopOptions {
  mailbox: string;
  /** Milliseconds to wait for each message. */
  wait: number;
  /** Most messages in all. */
  count: number;
  /** Most messages that are requested at a time. */
  max: number;
  /** Whether so many are requested when the loop wants them, and none ahead of it. */
  isFixed: boolean;
  signal: AbortSignal | undefined;
  session: MailboxSession;
  leases: ReceivedLeases;
  /** Those that run. */
  loops: Set<MessageLoop>;
}

const DONE = { done: true, value: undefined } as const;

export class MessageLoop implements AsyncGenerator<ReceivedMessage, void, void> {
  readonly #options: MessageLoopOptions;
  readonly #stop = new AbortController();
  readonly #buffer = new Queue<ReceivedMessage>();
  /** Length of the texts in the buffer. */
  #buffered = 0;
  /** The fetch that takes place: one at a time, so that messages come in their order. */
  #fetching: Promise<void> | undefined;
  /** What is being released. */
  #releasing: Promise<void> | undefined;
  /** Counts releases: what is fetched meanwhile is behind it, and is released too. */
  #releases = 0;
  readonly #leaseCount = new LeaseCount();
  /** How many messages were wanted ahead by the last fetch, and whether it has reached the end of the mailbox. */
  #size = 1;
  #isDrained = true;
  #error: unknown;
  /** Messages that may still be fetched. */
  #left: number;
  /** How long a fetch takes. */
  #fetchMs = 0;
  readonly #speed = new LoopSpeed();
  /** When the loop was given messages, and how many. */
  #givenAt = 0;
  #given = 0;
  #cancelTimer: (() => void) | undefined;
  /** The last call that has to wait: calls are answered in their order. */
  #last: Promise<unknown> | undefined;
  #ending: Promise<void> | undefined;
  #isClosed = false;
  readonly #abort = () => {
    this.#stop.abort();
    this.#release(0);
  };

  constructor(options: MessageLoopOptions) {
    this.#options = options;
    this.#left = options.count;
    const { max } = options;
    if (!Number.isInteger(max) || max < 1 || max > MAX_PREFETCH) {
      this.#error = new RangeError(`Cannot ask for ${max} messages ahead: 1 to ${MAX_PREFETCH}`);
    }
  }

  /** The next message. */
  next(): Promise<IteratorResult<ReceivedMessage, void>> {
    const message = this.#isReady ? this.#take() : undefined;
    if (message !== undefined) return Promise.resolve({ done: false, value: message });
    return this.#inTurn(async () => {
      const message = await this.#wait(() => this.#take());
      return message === undefined ? DONE : { done: false, value: message };
    });
  }

  /** Messages that are there, in their order, once there is one; undefined at the end. */
  nextBatch(): Promise<ReceivedMessage[] | undefined> {
    return this.#inTurn(() => this.#wait(() => this.#takeBatch()));
  }

  /** Ends the loop: fetches no more, and releases what it was not given. */
  async return(): Promise<IteratorResult<ReceivedMessage, void>> {
    await this.end();
    return DONE;
  }

  /** Ends the loop with an error. */
  async throw(error: unknown): Promise<IteratorResult<ReceivedMessage, void>> {
    await this.end();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end();
  }

  /** Whether a message can be given without a wait. Acknowledgements that nobody awaits must not pile up. */
  get #isReady(): boolean {
    return this.#last === undefined && this.#buffer.length > 0 && this.#options.session.ordered.hasRoom;
  }

  async #inTurn<T>(call: () => Promise<T>): Promise<T> {
    const before = this.#last, done = Promise.withResolvers<void>();
    this.#last = done.promise;
    try {
      await before;
      return await call();
    } finally {
      if (this.#last === done.promise) this.#last = undefined;
      done.resolve();
    }
  }

  /** Waits until there is something to take; undefined if nothing came in time, or no more is wanted. */
  async #wait<T>(take: () => T | undefined): Promise<T | undefined> {
    let taken: T | undefined;
    try {
      const { loops, session: { ordered } } = this.#options;
      if (this.#ending === undefined && !loops.has(this)) this.#begin();
      if (!ordered.hasRoom) await ordered.ready();
      taken = await this.#fetchUntil(take);
    } finally {
      if (taken === undefined) await this.end();
    }
    return taken;
  }

  /** The program takes the first message: a loop that is never used holds nothing. */
  #begin() {
    const { loops, signal } = this.#options;
    loops.add(this);
    signal?.addEventListener("abort", this.#abort);
  }

  async #fetchUntil<T>(take: () => T | undefined): Promise<T | undefined> {
    const { wait, max, isFixed, signal, session } = this.#options;
    this.#measure(session.now());
    while (this.#ending === undefined && !signal?.aborted) {
      const taken = take();
      if (taken !== undefined) return taken;
      if (this.#fetching !== undefined) {
        await this.#fetching;
        continue;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#left === 0) return undefined;
      await this.#fetch(isFixed ? max : Math.max(1, this.#wanted()), Math.min(wait, MAX_WAIT_MS));
      if (this.#buffer.length === 0 && this.#error === undefined && wait !== Infinity) return undefined;
    }
    if (this.#isClosed) throw closed(false);
    return undefined;
  }

  #take(): ReceivedMessage | undefined {
    const now = this.#options.session.now();
    this.#measure(now);
    this.#releaseOld(now);
    const message = this.#buffer.shift();
    if (message === undefined) return undefined;
    this.#buffered -= message.text.length;
    this.#gave([message], now);
    return message;
  }

  #takeBatch(): ReceivedMessage[] | undefined {
    const { session, isFixed } = this.#options, now = session.now(), batch: ReceivedMessage[] = [];
    this.#releaseOld(now);
    while (isFixed || batch.length < MAX_BATCH) {
      const message = this.#buffer.shift();
      if (message === undefined) break;
      this.#buffered -= message.text.length;
      batch.push(message);
    }
    if (batch.length === 0) return undefined;
    this.#gave(batch, now);
    return batch;
  }

  /** The loop has got these. */
  #gave(messages: readonly ReceivedMessage[], now: number) {
    for (const message of messages) message.begin();
    this.#givenAt = now;
    this.#given = messages.length;
    const wanted = this.#wanted(), { length } = this.#buffer;
    if (length > 2 * wanted + 1) this.#release(wanted);
    else if (wanted > 0 && 2 * length <= wanted && this.#isWorthwhile) this.#fetch(wanted - length, 0);
  }

  get #isWorthwhile(): boolean {
    return this.#fetching === undefined && !this.#isDrained && this.#error === undefined && this.#left > 0 &&
      this.#buffered < MAX_BUFFERED;
  }

  /** The loop comes back for more: measures how long it took. */
  #measure(now: number) {
    if (this.#given > 0) this.#speed.took(now - this.#givenAt, this.#given);
    this.#given = 0;
  }

  /** How many messages to have ahead: at most twice as many as were wanted before. */
  #wanted(): number {
    if (this.#options.max === 1 || this.#options.isFixed) return 0;
    return Math.min(this.#speed.ahead(this.#fetchMs), 2 * this.#size, this.#options.max);
  }

  #fetch(messages: number, waitMs: number): Promise<void> {
    return this.#fetching = this.#fetchOnce(Math.min(messages, this.#left), waitMs).finally(() => {
      this.#fetching = undefined;
    });
  }

  async #fetchOnce(messages: number, waitMs: number) {
    const { session, isFixed } = this.#options, sizes = this.#leaseCount.split(messages);
    this.#size = this.#buffer.length + sizes.reduce((sum, size) => sum + size, 0);
    if (this.#releasing !== undefined) await this.#releasing;
    const releases = this.#releases, since = session.now();
    let leases: ReceivedLease[] | undefined;
    try {
      leases = await this.#lease(sizes, waitMs, !isFixed && (messages > 1 || waitMs === 0));
    } catch (error) {
      this.#error = error;
    }
    if (leases === undefined) return;
    const now = session.now();
    this.#isDrained = this.#leaseCount.received(leases, sizes);
    // the time of a fetch that waited for a message means nothing
    if (waitMs === 0) this.#fetchMs = (7 * this.#fetchMs + now - since) / 8;
    for (const message of inOrder(leases)) {
      message.heldSince = now;
      this.#left--;
      this.#keep(message);
    }
    if (this.#stop.signal.aborted || releases !== this.#releases) this.#release(0);
  }

  /** Requests leases of these sizes; the first one alone waits for a message. Undefined if the loop has ended. */
  async #lease(
    sizes: readonly number[],
    waitMs: number,
    ahead: boolean,
  ): Promise<ReceivedLease[] | undefined> {
    const { mailbox, session, leases } = this.#options, { signal } = this.#stop;
    const answers = await Promise.allSettled(sizes.map(async (max, i) => {
      const lease = await session.lease(mailbox, { max, wait: i === 0 ? waitMs : 0, ahead, signal });
      return lease && leases.add(lease);
    }));
    const received = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value ?? [] : []);
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed === undefined) return received;
    await Promise.all(inOrder(received).map((message) => message.release())).catch(() => {});
    if (signal.aborted) return undefined;
    throw failed.reason;
  }

  #keep(message: ReceivedMessage) {
    this.#buffer.push(message);
    this.#buffered += message.text.length;
    if (this.#cancelTimer === undefined) this.#setTimer(MAX_HOLD_MS);
  }

  #setTimer(ms: number) {
    this.#cancelTimer = this.#options.session.environment.setTimer(ms, () => {
      this.#cancelTimer = undefined;
      this.#releaseOld(this.#options.session.now());
      const oldest = this.#buffer.at(0);
      if (oldest !== undefined) {
        this.#setTimer(Math.ceil(oldest.heldSince + MAX_HOLD_MS - this.#options.session.now()));
      }
    });
  }

  /** Releases what is ahead if the loop has not come to it in time: other receivers may have it. */
  #releaseOld(now: number) {
    const oldest = this.#buffer.at(0);
    if (oldest === undefined || now - oldest.heldSince < MAX_HOLD_MS) return;
    this.#speed.slowedDown(MAX_HOLD_MS);
    this.#release(0);
  }

  /** Releases what is ahead, but for the first few. Resolves when the server knows, or can't be reached. */
  #release(keep: number): Promise<void> | undefined {
    const all: ReceivedMessage[] = [];
    for (let message; (message = this.#buffer.shift()) !== undefined;) all.push(message);
    this.#buffered = 0;
    for (const message of all.slice(0, keep)) this.#keep(message);
    const released = all.slice(keep);
    if (released.length === 0) return this.#releasing;
    this.#releases++;
    this.#left += released.length;
    this.#isDrained = true;
    const outcomes = Promise.allSettled([this.#releasing, ...released.map((message) => message.release())]);
    const releasing = this.#releasing = outcomes.then(() => {
      if (this.#releasing === releasing) this.#releasing = undefined;
    });
    return releasing;
  }

  /** Fetches no more, and releases what the loop was not given. Resolves when the server knows, or can't be reached. */
  end(): Promise<void> {
    return this.#ending ??= this.#end();
  }

  async #end() {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#stop.abort();
    // a message that the loop has not finished counts as an attempt, and stays leased until the lease ends
    await Promise.all([this.#fetching, this.#release(0), this.#options.leases.begin()]);
    this.#cancelTimer?.();
    await this.#releasing;
    this.#options.loops.delete(this);
  }

  /** The connection is being closed: the loop ends with an error. */
  close(): Promise<void> {
    this.#isClosed = true;
    return this.end();
  }
}
