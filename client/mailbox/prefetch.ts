import { MAX_LEASE_MESSAGES } from "../../protocol/mailbox_requests.ts";
import { Queue } from "../session/queue.ts";
import { bytesOf, type ReceivedLease, type ReceivedMessage } from "./received_message.ts";
import { PrefetchSize } from "./prefetch_size.ts";

/** Milliseconds of a loop's work that are fetched ahead of it, beside what it takes to fetch. */
const AHEAD = 200;

/** Milliseconds after which a loop that has not come back holds nothing but what it was given, and how often that is looked at. */
const LONGEST_HOLD = 1000, LOOK = 250;

/** Bytes of text, about, above which nothing more is fetched ahead. */
const MAX_BYTES = 1024 ** 2;

/** Bytes with which a lease has rather come to its own limit than to the end of the mailbox. */
const FULL_LEASE = 4096;

/** The longest wait that is asked for at a time, in milliseconds. */
const LONGEST_WAIT = 3_600_000;

export interface PrefetchOptions {
  /** Milliseconds to wait for each message. */
  wait: number;
  /** Most messages in all, and fetched at a time. */
  count: number;
  max: number;
  signal: AbortSignal | undefined;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** What came of these questions, of which the first one alone waits; undefined where that was aborted. */
  lease(
    asked: readonly number[],
    wait: number,
    signal: AbortSignal,
    ahead: boolean,
  ): Promise<ReceivedLease[] | undefined>;
}

/**
 * Fetches messages ahead of a loop that takes them one by one: about as many as it takes in 200 ms, so that a fast one
 * does not wait for each, and a slow one takes none from other receivers. What the loop does not get goes back, and
 * counts as no attempt.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #stop = new AbortController();
  readonly #buffer = new Queue<ReceivedMessage>();
  #bytes = 0;
  /** What is on its way. There is one round at a time, so that messages come in their order. */
  #round: Promise<void> | undefined;
  #share = new PrefetchSize();
  /** Messages that the last round asked for, and whether it has come to the end of the mailbox. */
  #asked = 1;
  #isDrained = true;
  #failed: unknown;
  /** Messages that may still be asked for. */
  #left: number;
  /** Milliseconds that a round takes, and the loop for a message; undefined before one was seen. */
  #fetching = 0;
  #pace: number | undefined;
  #givenAt: number | undefined;
  #looking: ReturnType<typeof setInterval> | undefined;
  readonly #abort = () => {
    this.#stop.abort();
    this.#giveBack(0);
  };

  constructor(options: PrefetchOptions) {
    this.#options = options;
    this.#left = options.count;
    options.signal?.addEventListener("abort", this.#abort);
  }

  /** The next message, or undefined where none came in time, or no more are wanted. */
  async next(): Promise<ReceivedMessage | undefined> {
    const { wait, signal } = this.#options;
    this.#measure();
    while (!signal?.aborted) {
      // the connection is closed: this tells how
      if (this.#stop.signal.aborted) await this.#options.lease([1], 0, new AbortController().signal, false);
      const message = this.#buffer.shift();
      if (message !== undefined) return this.#give(message);
      if (this.#round !== undefined) {
        await this.#round;
        continue;
      }
      if (this.#failed !== undefined) throw this.#failed;
      if (this.#left === 0) return undefined;
      await this.#fetch(Math.max(1, this.#wanted()), Math.min(wait, LONGEST_WAIT));
      if (this.#buffer.length === 0 && this.#failed === undefined && wait !== Infinity) return undefined;
    }
    return undefined;
  }

  #give(message: ReceivedMessage): ReceivedMessage {
    this.#bytes -= message.text.length;
    message.begin();
    const wanted = this.#wanted(), { length } = this.#buffer;
    if (length > 2 * wanted + 1) this.#giveBack(wanted);
    else if (wanted > 0 && 2 * length <= wanted && this.#isWorthwhile) this.#fetch(wanted - length, 0);
    this.#givenAt = this.#options.monotonicClock();
    return message;
  }

  get #isWorthwhile(): boolean {
    return this.#round === undefined && !this.#isDrained && this.#failed === undefined && this.#left > 0 &&
      this.#bytes < MAX_BYTES;
  }

  /** Takes note of how long the loop took. One that was held up once is not taken for slow. */
  #measure() {
    if (this.#givenAt === undefined) return;
    const took = this.#options.monotonicClock() - this.#givenAt;
    this.#pace = this.#pace === undefined ? took : (7 * this.#pace + Math.min(took, 8 * this.#pace + 1)) / 8;
    this.#givenAt = undefined;
  }

  /** Messages that are worth having ahead; at most twice as many as were asked for before. */
  #wanted(): number {
    if (this.#pace === undefined || this.#options.max === 1) return 0;
    const taken = (AHEAD + 2 * this.#fetching) / Math.max(this.#pace, 0.001);
    return Math.floor(Math.min(taken, 2 * this.#asked, this.#options.max));
  }

  #fetch(messages: number, wait: number): Promise<void> {
    return this.#round = this.#fetchRound(Math.min(messages, this.#left), wait).finally(() => {
      this.#round = undefined;
    });
  }

  async #fetchRound(messages: number, wait: number) {
    const { lease, monotonicClock } = this.#options, since = monotonicClock();
    const asked = this.#share.of(messages), isAhead = messages > 1 || wait === 0;
    let holds: ReceivedLease[] | undefined;
    try {
      holds = await lease(asked, wait, this.#stop.signal, isAhead);
    } catch (error) {
      this.#failed = error;
    }
    if (holds === undefined) return;
    const came = holds.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
    this.#left -= came.length;
    this.#asked = asked.reduce((sum, max) => sum + max, 0);
    this.#share = this.#share.next(holds, asked.length);
    this.#isDrained = holds.length < asked.length ||
      holds.some((hold, i) =>
        hold.messages.length < asked[i]! && hold.messages.length < MAX_LEASE_MESSAGES &&
        bytesOf(hold) < FULL_LEASE
      );
    // of one that waited for a message it says nothing
    if (wait === 0) this.#fetching = (7 * this.#fetching + monotonicClock() - since) / 8;
    for (const message of came) this.#add(message);
    if (this.#stop.signal.aborted || this.#options.signal?.aborted) this.#giveBack(0);
  }

  #add(message: ReceivedMessage) {
    this.#buffer.push(message);
    this.#bytes += message.text.length;
    this.#looking ??= setInterval(() => this.#look(), LOOK);
  }

  /** Others may have what a loop that does not come back keeps waiting. */
  #look() {
    if (this.#buffer.length === 0) {
      clearInterval(this.#looking);
      this.#looking = undefined;
    } else if (
      this.#givenAt !== undefined && this.#options.monotonicClock() - this.#givenAt >= LONGEST_HOLD
    ) {
      this.#giveBack(0);
      this.#pace = LONGEST_HOLD;
    }
  }

  /** Gives back what is fetched, but for so many messages. Resolves when the server knows, or can't be told. */
  async #giveBack(keep: number) {
    const all: ReceivedMessage[] = [], kept: ReceivedMessage[] = [];
    for (let message; (message = this.#buffer.shift()) !== undefined;) all.push(message);
    this.#bytes = 0;
    for (const message of all) {
      if (kept.length === keep) break;
      kept.push(message);
      this.#add(message);
    }
    const back = all.slice(keep);
    this.#left += back.length;
    if (back.length > 0) this.#isDrained = true;
    await Promise.all(back.map((message) => message.back())).catch(() => {});
  }

  /** Fetches no more, and gives back what the loop was not given. */
  async end() {
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#stop.abort();
    clearInterval(this.#looking);
    await Promise.all([this.#round, this.#giveBack(0)]);
    await this.#giveBack(0);
    clearInterval(this.#looking);
  }
}
