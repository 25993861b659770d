/**
 * Sends messages to a mailbox server and receives them through the reliable session: what `send` resolves for is on the
 * server's disk, once, and what is received is given out again until it is acknowledged.
 *
 * On Deno it needs the unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`,
 * on Node nothing.
 *
 * ```ts
 * import { connectMailbox } from "wirepost/mailbox";
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
import type { SeenMessage, ServerInfo } from "../protocol/session/mailbox_requests.ts";
import { MailboxSession, type SendOptions } from "./mailbox/mailbox_session.ts";
import { MAX_PREFETCH, MessageLoop } from "./mailbox/message_loop.ts";
import type { SeenPage } from "./mailbox/peek_query.ts";
import { ReceivedLeases } from "./mailbox/lease/received_lease.ts";
import type { ReceivedMessage } from "./mailbox/lease/received_message.ts";
import { type ConnectOptions, SessionConnection } from "./session/seal/session_connection.ts";
import type { SessionState } from "./session/identity.ts";

export { type KnownServer, KnownServers, ServerKeyError } from "./session/seal/known_servers.ts";
export type { Credentials } from "./session/seal/login.ts";
export type { OnBusy } from "./session/busy_backoff.ts";
export * from "./session/errors.ts";
export type { SessionResume } from "./session/identity.ts";
export { ATTEMPTS, FIRST_RETRY_DELAY_MS, retryDelay } from "./mailbox/lease/received_message.ts";
export type {
  Failure,
  LeasedMessage,
  SeenMessage,
  ServerInfo,
} from "../protocol/session/mailbox_requests.ts";
export { SHARED_QUEUE } from "../protocol/mailbox.ts";
export type { ConnectOptions, ReceivedMessage, SendOptions, SessionState };

/** How messages are received. */
export interface ReceiveOptions {
  /** Milliseconds to wait for each message; no limit by default. */
  wait?: number;
  /** Ends the iteration. */
  signal?: AbortSignal;
  /** Most messages; no limit by default. */
  count?: number;
  /**
   * Most messages that are requested at a time, 1 to 1,024. By default as many are requested ahead as the program works on
   * in about 200 ms, up to 1,024. `messages` requests no more than this ahead; with 1, none before the loop wants it.
   * `batches` requests this many whenever the loop wants a batch, and none ahead.
   */
  prefetch?: number;
}

/**
 * Looks the server up and prepares a session. Nothing is sent yet, unless `as` is given: then it logs in, and the mailbox
 * of the name is its own, if the account covers it; otherwise every request is refused.
 *
 * ```ts
 * import { connectMailbox } from "wirepost/mailbox";
 *
 * const first = await connectMailbox({ hostname: "127.0.0.1", port: 21001 });
 * const { id, next } = first.state; // to be kept, in a file for instance
 * await first.send("bob", "alice", "one");
 * await first.close();
 *
 * // a program that was killed sends everything again, under the same numbers
 * await using second = await connectMailbox({ port: 21001, resume: { id, next } });
 * await second.send("bob", "alice", "one");
 * await second.send("bob", "alice", "two");
 * console.log((await second.stat("bob")).messages); // 2
 * ```
 *
 * @throws {Error} There is no server of that name.
 * @throws {LoginError} The server refuses the log-in, or could not prove that it knows the account.
 * @throws {ServerKeyError} The server has another key than it should have; nothing was sent to it.
 * @throws {ServerTimeoutError} There was no answer to the log-in.
 */
export async function connectMailbox(options: ConnectOptions = {}): Promise<Mailbox> {
  const served = { service: "mailbox", port: MAILBOX_PORT } as const;
  return new Mailbox(
    await SessionConnection.open(options, served, (...session) => new MailboxSession(...session)),
  );
}

/** What a mailbox needs of its connection. */
interface MailboxConnection {
  readonly session: MailboxSession;
  close(limit: number): Promise<void>;
}

/** A connection to a mailbox server: one socket, and one session on it. */
export class Mailbox implements AsyncDisposable {
  readonly #connection: MailboxConnection;
  readonly #session: MailboxSession;
  readonly #leases: ReceivedLeases;
  /** Those that run. */
  readonly #loops = new Set<MessageLoop>();

  /** @ignore */
  constructor(connection: MailboxConnection) {
    this.#connection = connection;
    this.#session = connection.session;
    this.#leases = new ReceivedLeases(this.#session);
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#session.hasAnswered;
  }

  /**
   * What a later connection needs to go on as this one. Once a program has read it, the server keeps the session for a
   * day. By `startTime`, which is known with the first answer, a server that had to forget the session can distinguish it from
   * a new one: see `onBegin` of {@linkcode ConnectOptions}. Without it, a forgotten session ends with an
   * {@linkcode OutcomeUnknownError}.
   */
  get state(): SessionState {
    this.#session.keep();
    return this.#session.state;
  }

  /**
   * Sends a message; resolves when it is on the server's disk. Messages of one connection are stored in the order of the
   * calls, however many are in flight.
   *
   * ```ts
   * import { connectMailbox, FullError } from "wirepost/mailbox";
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
   * @throws {SessionEndError} The session has ended: the server does not answer, or does not know it any more.
   */
  send(receiver: string, sender: string, text: string, options: SendOptions = {}): Promise<void> {
    return this.#session.put({ receiver, sender, text }, options);
  }

  /**
   * Sends a message and calls back when its outcome is known: for programs that send many. Returns whether there is room
   * for more; if not, wait for {@linkcode ready}: then no more than about 4,096 messages, or 1 MiB, are in memory.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
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
   * @throws {TypeError|RangeError} It is not what the wire allows, or too many have no outcome.
   * @throws {SessionEndError} The session has ended.
   */
  post(
    receiver: string,
    sender: string,
    text: string,
    settle: (error?: Error) => void,
    options: SendOptions = {},
  ): boolean {
    return this.#session.post({ receiver, sender, text }, settle, options);
  }

  /** Resolves when there is room for more to send. */
  ready(): Promise<void> {
    return this.#session.ordered.ready();
  }

  /**
   * The messages for `id`, as they come: each is leased to this client, and the lease is extended until the message is
   * acknowledged or released. Ends if none came within `wait`, after `count` of them, or when `signal` is aborted.
   *
   * Messages are fetched ahead, about as many as the loop takes in 200 ms: a loop that takes long for each leaves the
   * others to other receivers. What was fetched and is not wanted, because the loop has ended or has not come back for a
   * second, is released, and counts as no attempt.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
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
   * A message whose work failed comes again:
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * await mailbox.send("bob", "alice", "a job that fails at first");
   * for await (const message of mailbox.messages("bob", { wait: 0 })) {
   *   if (message.attempt === 1) await message.fail({ delay: 0, reason: "not today" });
   *   else await message.ack();
   *   console.log(message.sender, message.attempt); // alice 1, alice 2
   * }
   * ```
   *
   * @throws {TypeError|RangeError} It is no ID, or an option is out of its range.
   * @throws {SessionEndError} The session has ended.
   */
  messages(id: string, options: ReceiveOptions = {}): AsyncGenerator<ReceivedMessage, void, void> {
    return this.#loop(id, options, false);
  }

  /**
   * The messages for `id` like {@linkcode messages}, but those that are there at a time, in their order, up to 64: for
   * programs that receive many, and can process them together.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * for (let i = 1; i <= 100; i++) mailbox.post("bob", "alice", `${i}`, () => {});
   * await mailbox.send("bob", "alice", "the last");
   *
   * let bytes = 0;
   * for await (const batch of mailbox.batches("bob", { wait: 0 })) {
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
    await using loop = this.#loop(id, options, options.prefetch !== undefined);
    for (let batch; (batch = await loop.nextBatch()) !== undefined;) yield batch;
  }

  #loop(mailbox: string, options: ReceiveOptions, isFixed: boolean): MessageLoop {
    const { wait = Infinity, signal, prefetch: max = MAX_PREFETCH, count = Infinity } = options;
    const loops = this.#loops, session = this.#session, leases = this.#leases;
    return new MessageLoop({ mailbox, wait, count, max, isFixed, signal, session, leases, loops });
  }

  /**
   * The messages that a mailbox holds, by their IDs: each with its state, and the beginning of its text. Nothing is taken,
   * and no attempt is counted. They are asked for in pages, as the loop comes to them.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * await mailbox.send("bob", "alice", "one");
   * await mailbox.send("bob", "alice", "two", { delay: 60_000 });
   * for await (const { state, text } of mailbox.peek("bob")) {
   *   console.log(state, text); // ready one, delayed two
   * }
   * ```
   *
   * @param id ID of the receiver, or `SHARED_QUEUE`.
   * @throws {TypeError} It is no ID.
   * @throws {RefusedError} The mailbox is another account's.
   * @throws {SessionEndError} The session has ended.
   */
  async *peek(id: string): AsyncGenerator<SeenMessage, void, void> {
    for (let after: number | undefined = 0; after !== undefined;) {
      const { messages, next }: SeenPage = await this.#session.peek(id, after);
      yield* messages;
      after = next;
    }
  }

  /**
   * Counts of a mailbox, or of all: messages, bytes, ready, leased, delayed, dead.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
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
   * The ports of the server's services by their names, and what the account of `name` covers.
   *
   * ```ts
   * import { connectMailbox } from "wirepost/mailbox";
   *
   * await using mailbox = await connectMailbox({ port: 21001 });
   * const { services, account } = await mailbox.info("alice");
   * console.log("mailbox" in services, account.mailbox); // true false
   * ```
   *
   * @throws {TypeError} It is no ID.
   * @throws {SessionEndError} The session has ended.
   */
  info(name = ""): Promise<ServerInfo> {
    return this.#session.info(name);
  }

  /**
   * Waits until everything has its outcome, up to `limit` milliseconds, and closes the socket. Waits for messages end at
   * once. At the end of its block, `await using` does this by itself.
   */
  async close(limit = 5000): Promise<void> {
    // what loops were not given is released before the session is closed
    for (const loop of this.#loops) loop.close();
    this.#leases.close();
    await this.#connection.close(limit);
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
