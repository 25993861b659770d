/**
 * Sends messages to a mailbox server and receives them through the reliable session: what `send` resolves for is on the
 * server's disk, once, and what is received is given out again until it is acknowledged.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectMailbox } from "./mailbox.ts";
 *
 * await using mailbox = await connectMailbox({ port: 21001 });
 * await mailbox.send("bob", "alice", "How are you?");
 * for await (const message of mailbox.messages("bob", { wait: 1000, count: 1 })) {
 *   console.log(message.sender, message.text); // alice How are you?
 *   await message.ack();
 * }
 * ```
 *
 * @module
 */

import { MAILBOX_PORT } from "../protocol/mailbox.ts";
import { LEASE, type ReceivedLease, ReceivedLeases, ReceivedMessage } from "./mailbox/received_message.ts";
import type { PutMessage, Session, SessionResume, SessionState } from "./session/session.ts";
import { type ConnectOptions, SessionConnection } from "./seal/session_connection.ts";
import { Prefetch } from "./mailbox/prefetch.ts";
import { MAX_PREFETCH, PrefetchSize } from "./mailbox/prefetch_size.ts";

export { KnownServers, ServerKeyError } from "./seal/known_servers.ts";
export type { Credentials } from "./seal/login.ts";
export * from "./session/errors.ts";
export { SHARED_QUEUE } from "../protocol/mailbox.ts";
export type { ConnectOptions, ReceivedMessage, SessionResume, SessionState };

/** What is wanted beside the text of a message. */
export type SendOptions = Pick<PutMessage, "delay" | "ttl" | "wait" | "signal">;

export interface ReceiveOptions {
  /** Milliseconds to wait for each message; without an end by default. */
  wait?: number;
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Most messages; without an end by default. */
  count?: number;
  /**
   * Most messages that are asked for at a time, 1 to 1,024. `messages` asks by itself for as many as its loop takes in
   * about 200 ms, at most for these, 1,024 by default, and with 1 for none before the loop wants it; `batches` asks for 1
   * by default.
   */
  prefetch?: number;
}

/** The longest wait that is asked for at a time, in milliseconds. */
const LONGEST_WAIT = 3_600_000;

/**
 * Looks the server up and makes ready to talk to it. Nothing is sent yet, unless it is to log in: then it has, and the
 * mailbox of the name is its own, if the account covers it; otherwise whatever is asked for is refused.
 *
 * ```ts
 * import { connectMailbox } from "./mailbox.ts";
 *
 * const first = await connectMailbox({ hostname: "127.0.0.1", port: 21001 });
 * const { id, next } = first.state; // to be kept, in a file for instance
 * await first.send("bob", "alice", "one");
 * await first.close();
 *
 * // whoever does not know how far he came sends it all again, under the same numbers
 * await using second = await connectMailbox({ port: 21001, resume: { id, next } });
 * await second.send("bob", "alice", "one");
 * await second.send("bob", "alice", "two");
 * console.log((await second.stat("bob")).messages); // 2
 * ```
 *
 * @throws {Error} There is no server of that name.
 * @throws {LoginError} The server refuses the log-in, or could not prove who it is.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was told to it.
 * @throws {ServerGoneError} There was no answer to the log-in.
 */
export async function connectMailbox(options: ConnectOptions = {}): Promise<Mailbox> {
  return new Mailbox(await SessionConnection.open(options, { service: "mailbox", port: MAILBOX_PORT }));
}

/** A connection to a mailbox server: one socket, and one session on it. */
export class Mailbox implements AsyncDisposable {
  readonly #connection: SessionConnection;
  readonly #session: Session;
  readonly #holds = new ReceivedLeases();
  /** What is fetched for loops that run. */
  readonly #prefetches = new Set<Prefetch>();

  /** @ignore */
  constructor(connection: SessionConnection) {
    this.#connection = connection;
    this.#session = connection.session;
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#session.hasAnswered;
  }

  /**
   * What a later connection needs to go on as this one. Once it was asked for, the server remembers this one for a day.
   * A server that had to forget it can tell it from a new one by `born`, which is known with the first answer: see
   * `onBegin` of {@linkcode ConnectOptions}. Without it, such a session ends with an {@linkcode OutcomeUnknownError}.
   */
  get state(): SessionState {
    this.#session.keep();
    return this.#session.state;
  }

  /**
   * Sends a message; resolves when it is on the server's disk. Messages of one connection are stored in the order of the
   * calls, however many are on their way.
   *
   * ```ts
   * import { connectMailbox, FullError } from "./mailbox.ts";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * await mailbox.send("bob", "alice", "not before tomorrow", { delay: 86_400_000 });
   * await Promise.all(["one", "two"].map((text) => mailbox.send("bob", "alice", text, { ttl: 60_000 })));
   *
   * const stop = new AbortController();
   * const sending = mailbox.send("bob", "alice", "three", { wait: 5000, signal: stop.signal });
   * stop.abort();
   * await sending.catch((error) => console.log(error instanceof FullError)); // true
   * console.log((await mailbox.stat("bob")).ready); // 2
   * ```
   *
   * @param receiver ID of the receiver, or `SHARED_QUEUE`.
   * @param sender ID of the sender; `""` for the shared queue.
   * @throws {TypeError|RangeError} It is not what the wire allows.
   * @throws {FullError} There was no room for it within `wait`, or `signal` withdrew it.
   * @throws {SessionEndError} The session has ended: the server is gone, or does not know it any more.
   */
  send(receiver: string, sender: string, text: string, options: SendOptions = {}): Promise<void> {
    return this.#session.put({ receiver, sender, text, ...options });
  }

  /**
   * Sends a message and calls back when its outcome is known: for those who send many. Returns whether there is room for
   * more; if not, {@linkcode ready} tells when there is: whoever waits for that keeps no more than about 4,096 messages,
   * or 1 MiB, in memory.
   *
   * ```ts
   * import { connectMailbox } from "./mailbox.ts";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * let stored = 0;
   * const settle = (error?: Error) => error === undefined ? stored++ : console.log(error.message);
   * for (let i = 1; i <= 10_000; i++) {
   *   if (!mailbox.post("bob", "alice", `${i}`, settle)) await mailbox.ready();
   * }
   * await mailbox.close();
   * console.log(stored); // 10000
   * ```
   *
   * @throws {TypeError|RangeError} It is not what the wire allows, or too many are waiting already.
   * @throws {SessionEndError} The session has ended.
   */
  post(
    receiver: string,
    sender: string,
    text: string,
    settle: (error?: Error) => void,
    options: SendOptions = {},
  ): boolean {
    return this.#session.post({ receiver, sender, text, ...options }, settle);
  }

  /** Resolves when there is room for more to send. */
  ready(): Promise<void> {
    return this.#session.ready();
  }

  /**
   * The messages for `id`, as they come: each is leased to this client, and the lease is prolonged until the message is
   * acknowledged or given back. Ends when none came within `wait`, after `count` of them, or when `signal` says so.
   *
   * Messages are fetched ahead, about as many as the loop takes in 200 ms: one that takes long for each leaves the others
   * to other receivers. What was fetched and is not wanted, because the loop ends, by whatever, or has not come back for a
   * second, is given back, and counts as no attempt.
   *
   * ```ts
   * import { connectMailbox } from "./mailbox.ts";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * for (const text of ["one", "two", "three"]) await mailbox.send("bob", "alice", text);
   *
   * const stop = new AbortController();
   * for await (const message of mailbox.messages("bob", { signal: stop.signal })) {
   *   console.log(message.text); // one, two, three
   *   await message.ack();
   *   if (message.text === "three") stop.abort();
   * }
   * ```
   *
   * @throws {TypeError|RangeError} It is no ID, or an option is out of its range.
   * @throws {SessionEndError} The session has ended.
   */
  async *messages(id: string, options: ReceiveOptions = {}): AsyncGenerator<ReceivedMessage, void, void> {
    const { wait = Infinity, signal, prefetch: max = MAX_PREFETCH, count = Infinity } = options;
    checkPrefetch(max);
    const prefetch = new Prefetch({
      wait,
      count,
      max,
      signal,
      monotonicClock: () => performance.now(),
      lease: (...asked) => this.#lease(id, ...asked),
    });
    this.#prefetches.add(prefetch);
    try {
      for (let message; (message = await prefetch.next()) !== undefined;) {
        yield message;
        // acknowledgements that nobody awaits must not pile up
        if (!this.#session.hasRoom) await this.#session.ready();
      }
    } finally {
      this.#prefetches.delete(prefetch);
      // what was handed over and not acknowledged is the caller's, for as long as the lease runs
      await prefetch.end();
    }
  }

  /**
   * The messages for `id` as {@linkcode messages} gives them, but all that one question brought at a time, in their order:
   * for those who receive many, and can deal with them together.
   *
   * ```ts
   * import { connectMailbox } from "./mailbox.ts";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * for (let i = 1; i <= 100; i++) mailbox.post("bob", "alice", `${i}`, () => {});
   * await mailbox.send("bob", "alice", "the last");
   *
   * let bytes = 0;
   * for await (const batch of mailbox.batches("bob", { wait: 0, prefetch: 1024 })) {
   *   for (const { text } of batch) bytes += text.length;
   *   await Promise.all(batch.map((message) => message.ack()));
   * }
   * console.log(bytes); // 200
   * ```
   */
  async *batches(
    id: string,
    options: ReceiveOptions = {},
  ): AsyncGenerator<readonly ReceivedMessage[], void, void> {
    const { wait = Infinity, signal, prefetch = 1, count = Infinity } = options;
    checkPrefetch(prefetch);
    let left = count, share = new PrefetchSize();
    while (left > 0 && !signal?.aborted) {
      const asked = share.of(Math.min(prefetch, left));
      const holds = await this.#lease(id, asked, Math.min(wait, LONGEST_WAIT), signal);
      if (holds === undefined) return;
      share = share.next(holds, asked.length);
      // questions on their way at the same time may overtake each other
      const batch = holds.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
      left -= batch.length;
      if (batch.length > 0) yield batch;
      else if (wait !== Infinity) return;
    }
  }

  /** What came of these questions, of which the first one alone waits; undefined where that was aborted. */
  async #lease(
    id: string,
    asked: readonly number[],
    wait: number,
    signal: AbortSignal | undefined,
    ahead = false,
  ): Promise<ReceivedLease[] | undefined> {
    const options = { duration: LEASE, ahead, ...signal ? { signal } : {} };
    const answers = await Promise.allSettled(asked.map(async (max, i) => {
      const lease = await this.#session.lease(id, { ...options, max, wait: i === 0 ? wait : 0 });
      return lease && this.#holds.add(lease);
    }));
    const holds = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value ?? [] : []);
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed === undefined) return holds;
    const messages = holds.flatMap(({ messages }) => messages);
    await Promise.all(messages.map((message) => message.back())).catch(() => {});
    if (signal?.aborted) return undefined;
    throw failed.reason;
  }

  /**
   * Counts of a mailbox, or of all: messages, bytes, ready, leased, delayed, dead.
   *
   * ```ts
   * import { connectMailbox } from "./mailbox.ts";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * await mailbox.send("bob", "alice", "Ω");
   * const { messages, bytes } = await mailbox.stat("bob");
   * console.log(messages, bytes); // 1 2
   * ```
   *
   * @throws {TypeError} It is no ID.
   * @throws {SessionEndError} The session has ended.
   */
  stat(id = ""): Promise<Record<string, number>> {
    return this.#session.stat(id);
  }

  /**
   * Waits for what is open, up to `limit` milliseconds, and closes the socket. Waits for messages end at once. At the end
   * of its block, `await using` does this by itself.
   */
  async close(limit = 5000): Promise<void> {
    // what loops were not given is said to go back in the next turn: before that nothing is closed
    for (const prefetch of this.#prefetches) prefetch.end();
    await undefined;
    this.#holds.close();
    await this.#connection.close(limit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function checkPrefetch(prefetch: number) {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= MAX_PREFETCH) return;
  throw new RangeError(`Cannot ask for ${prefetch} messages ahead: 1 to ${MAX_PREFETCH}`);
}
