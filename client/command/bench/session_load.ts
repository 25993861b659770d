/**
 * Measures a mailbox server through the reliable session, with a number of messages in flight.
 *
 * @module
 */

import {
  connectMailbox,
  type ConnectOptions,
  type Mailbox,
  type ReceivedMessage,
  SessionEndError,
} from "../../mailbox.ts";
import { MAX_LEASE_MESSAGES } from "../../../protocol/session/mailbox_requests.ts";
import { type LoadResult, type TimedLoadResult, timedResult } from "./result.ts";

/** Least bytes of a message: the number in it takes as many. */
export const MIN_LOAD_TEXT = 8;

export interface SessionLoadOptions extends Omit<ConnectOptions, "resume"> {
  /** Sessions, each with its socket and mailbox; they take turns. */
  sessions: number;
  /** Messages on their way at a time, of all sessions together. */
  inFlight: number;
  /** Messages of each measurement. */
  count: number;
  /** Bytes of a message, from {@linkcode MIN_LOAD_TEXT}. */
  size: number;
  /** How long to wait for room in a full mailbox, and for the next message; 5,000 by default. */
  waitMs?: number;
}

/** Mailboxes that are emptied at a time in the end. */
const CLEARED_AT_ONCE = 64;

/**
 * Puts messages into its own mailboxes and receives them, one measurement at a time. {@linkcode clear} removes what is
 * left, also after a failure.
 */
export class SessionLoad implements AsyncDisposable {
  /** Prefix of its mailboxes' names, so that two loads don't meet. */
  readonly name = `bench-${crypto.randomUUID().slice(0, 8)}`;
  readonly #options: SessionLoadOptions;
  readonly #mailboxes: readonly Mailbox[];
  readonly #waitMs: number;
  /** Aborts the measurement. */
  #stop = new AbortController();
  /** Messages of the current measurement that are through. */
  done = 0;
  /** Messages that were received and acknowledged since the beginning. */
  removed = 0;
  /** Whether a message may have been stored. */
  #mayHaveStored = false;
  /** Puts without an outcome. */
  readonly #pending = new Set<Promise<boolean>>();

  private constructor(options: SessionLoadOptions, mailboxes: readonly Mailbox[]) {
    this.#options = options;
    this.#mailboxes = mailboxes;
    this.#waitMs = options.waitMs ?? 5000;
  }

  /** Makes the sessions. Nothing is sent yet. */
  static async connect(options: SessionLoadOptions): Promise<SessionLoad> {
    const mailboxes: Mailbox[] = [];
    try {
      for (let i = 0; i < options.sessions; i++) mailboxes.push(await connectMailbox(options));
    } catch (error) {
      for (const mailbox of mailboxes) await mailbox.close();
      throw error;
    }
    return new SessionLoad(options, mailboxes);
  }

  /** Aborts the measurement: it rejects with this. */
  stop(reason: Error) {
    this.#stop.abort(reason);
  }

  /**
   * Puts `count` messages. A latency is the time from the call to the answer that the message is on the server's disk.
   *
   * @throws {FullError} There was no room for them in time.
   * @throws {SessionEndError} The server is gone.
   */
  async put(): Promise<TimedLoadResult> {
    const { count, inFlight } = this.#options, latencies = new Float64Array(count);
    const { elapsed } = await this.#measure(() =>
      this.#each(count, inFlight, async (number) => {
        const since = performance.now();
        if (await this.#post(number)) latencies[this.done++] = performance.now() - since;
      })
    );
    return timedResult(latencies, elapsed);
  }

  /**
   * Receives and acknowledges the messages of {@linkcode put}. A message counts when its acknowledgement is answered.
   *
   * @throws {SessionEndError} The server is gone.
   * @throws {Error} Not all of them came.
   */
  async receive(): Promise<LoadResult> {
    const { inFlight, sessions } = this.#options, each = Math.ceil(inFlight / sessions);
    const prefetch = Math.min(MAX_LEASE_MESSAGES, each), takers = Math.ceil(each / prefetch);
    return await this.#measure(async () => {
      let before = -1;
      // a message that is given out again may come after all others
      for (let wait = 0; this.#missing > 0 && this.done > before; wait = this.#waitMs) {
        before = this.done;
        await this.#each(takers * sessions, inFlight, async (i) => {
          const options = { prefetch, wait };
          await this.#take(i % sessions, options, () => true, () => this.done++);
        });
      }
    });
  }

  /**
   * Puts `count` messages to receivers that wait for them. A latency is the time from the call until its receiver has it.
   *
   * @throws {FullError} There was no room for them in time.
   * @throws {SessionEndError} The server is gone.
   * @throws {Error} Not all of them came.
   */
  async pass(): Promise<TimedLoadResult> {
    const { count, sessions, inFlight } = this.#options;
    const latencies = new Float64Array(count), since = new Float64Array(count);
    const prefetch = Math.min(MAX_LEASE_MESSAGES, Math.ceil(inFlight / sessions));
    const { elapsed } = await this.#measure(async () => {
      let started = 0;
      const next = () => {
        if (started === count || this.#stop.signal.aborted) return;
        since[started] = performance.now();
        this.#post(started++);
      };
      const receiving = this.#each(sessions, sessions, async (session) => {
        let left = Math.ceil((count - session) / sessions), before = -1, mayCome = true;
        const receive = (message: ReceivedMessage) => {
          const number = parseInt(message.text, 36), sent = since[number]!;
          // a message that is given out again counts once
          if (sent === 0) return left > 0;
          since[number] = 0;
          latencies[this.done++] = performance.now() - sent;
          next();
          return --left > 0;
        };
        // another session may have its turn, and a put may take longer than the wait
        while (left > 0 && !this.#stop.signal.aborted && (this.done > before || mayCome)) {
          mayCome = before < 0 || this.#pending.size > 0;
          before = this.done;
          await this.#take(session, { prefetch, wait: this.#waitMs }, receive, () => {});
        }
      });
      for (let i = 0; i < inFlight; i++) next();
      await receiving;
    });
    return timedResult(latencies, elapsed);
  }

  /**
   * Receives what is left in its mailboxes.
   *
   * @returns How many messages are still there.
   * @throws {SessionEndError} The server is gone.
   */
  async clear(): Promise<number> {
    if (!this.#mayHaveStored) return 0;
    this.#stop = new AbortController();
    let left = 0;
    await this.#each(this.#options.sessions, CLEARED_AT_ONCE, async (session) => {
      const mailbox = this.#mailboxes[session]!;
      let messages = Infinity;
      // messages for a receiver that was stopped come back a little later
      for (let wait = 0, before = -1; messages > 0 && this.removed > before; wait = this.#waitMs) {
        before = wait === 0 ? -1 : this.removed;
        await this.#take(session, { prefetch: MAX_LEASE_MESSAGES, wait }, () => --messages > 0, () => {});
        ({ messages = 0 } = await mailbox.stat(this.#mailbox(session)));
      }
      left += messages;
    });
    this.#stop.signal.throwIfAborted();
    return left;
  }

  /** Ends the sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#mailboxes.map((mailbox) => mailbox.close(0)));
  }

  get #missing(): number {
    return this.#stop.signal.aborted ? 0 : this.#options.count - this.done;
  }

  #mailbox(session: number): string {
    return `${this.name}-${session}`;
  }

  /** Runs a measurement to its end, or until it is stopped, and waits until every put has its outcome. */
  async #measure(run: () => Promise<void>): Promise<LoadResult> {
    const { count } = this.#options, { signal } = this.#stop;
    signal.throwIfAborted();
    this.done = 0;
    const begin = performance.now();
    await run();
    const elapsed = performance.now() - begin;
    const missing = this.#missing;
    await Promise.all(this.#pending);
    signal.throwIfAborted();
    if (missing > 0) {
      throw new Error(
        `Cannot measure: ${missing} of ${count} messages did not come: does the server drop them?`,
      );
    }
    return { elapsed, rate: count / elapsed * 1000 };
  }

  /** Does `work` for every number below `count`, `width` of them at a time. An error stops all. */
  async #each(count: number, width: number, work: (i: number) => Promise<void>) {
    let started = 0;
    const worker = async () => {
      while (started < count && !this.#stop.signal.aborted) {
        try {
          await work(started++);
        } catch (error) {
          this.#stop.abort(error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
  }

  /** Puts a message. Resolves to whether it is stored and the measurement goes on. */
  #post(number: number): Promise<boolean> {
    const { sessions, size } = this.#options, session = number % sessions;
    const text = number.toString(36).padStart(MIN_LOAD_TEXT, "0").padEnd(size, ".");
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const settle = (error: Error | undefined) => {
      this.#pending.delete(promise);
      if (error === undefined || error instanceof SessionEndError && error.sent) this.#mayHaveStored = true;
      if (error !== undefined) this.#stop.abort(error);
      resolve(!this.#stop.signal.aborted);
    };
    this.#pending.add(promise);
    try {
      this.#mailboxes[session]!.post(this.#mailbox(session), "bench", text, settle, { wait: this.#waitMs });
    } catch (error) {
      settle(error as Error);
    }
    return promise;
  }

  /** Receives and acknowledges until none comes in time, or `received` returns false. */
  async #take(
    session: number,
    options: { prefetch: number; wait: number },
    received: (message: ReceivedMessage) => boolean,
    acknowledged: () => void,
  ) {
    const { signal } = this.#stop, acks = new Set<Promise<void>>();
    const messages = this.#mailboxes[session]!.messages(this.#mailbox(session), { ...options, signal });
    for await (const message of messages) {
      const more = received(message);
      const ack = message.ack().then((was) => {
        if (!was) return;
        this.removed++;
        acknowledged();
      }).catch((error) => this.#stop.abort(error)).finally(() => acks.delete(ack));
      acks.add(ack);
      if (acks.size >= options.prefetch) await Promise.all(acks);
      if (!more) break;
    }
    await Promise.all(acks);
  }
}
