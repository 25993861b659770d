/**
 * Sends messages to a mailbox server and receives them, on the original wire: with no more than that wire can promise.
 * A datagram that the network loses is a message lost, whichever way it goes.
 *
 * Needs Deno's unstable `net` feature (`"unstable": ["net"]` in deno.json, or `--unstable-net`) and `--allow-net`.
 *
 * ```ts
 * import { connectOriginalMailbox } from "./original_mailbox.ts";
 *
 * await using mailbox = await connectOriginalMailbox({ port: 21001 });
 * await mailbox.send("bob", "alice", "How are you?");
 * const message = await mailbox.receive("bob");
 * console.log(message?.sender, message?.text); // alice How are you?
 * ```
 *
 * @module
 */

import { setTimeout as pause } from "node:timers/promises";
import {
  checkId,
  encodePut,
  encodeTake,
  MAILBOX_PORT,
  maxMessage,
  type OriginalMessage,
  type OriginalReply,
  PUTS_BEFORE_CHECK,
  SHARED_QUEUE,
  utf8Length,
} from "../protocol/mailbox.ts";
import type { Address } from "../protocol/syntax/address.ts";
import type { WatchFilter } from "../protocol/watch.ts";
import { checkMessage } from "./mailbox/check_message.ts";
import { RefusedCommandError, sendControl } from "./mailbox/control/control.ts";
import { FIRST_RETRY_MS, type OpenChannel, RequestSocket } from "./mailbox/control/request_socket.ts";
import { SealedControl } from "./mailbox/control/sealed_control.ts";
import { watchEvents, type WatchUpdate } from "./mailbox/control/watch_events.ts";
import type { Credentials } from "./session/seal/login.ts";
import type { ConnectOptions } from "./session/seal/session_connection.ts";
import { resolveServer } from "./stream/address.ts";

export { type OriginalMessage, SHARED_QUEUE };
export { ACCOUNT_REFUSALS, type AccountRefusal } from "../protocol/admin.ts";
export type { WatchedService, WatchEvent, WatchFilter } from "../protocol/watch.ts";
export { RefusedCommandError } from "./mailbox/control/control.ts";
export type { WatchUpdate } from "./mailbox/control/watch_events.ts";
export { ServerTimeoutError, SessionEndError } from "./session/errors.ts";

/** Where a server is. */
export interface OriginalMailboxOptions {
  /** Name or address of the server. */
  hostname?: string;
  /** Its UDP port. */
  port?: number;
  /** Milliseconds without an answer after which the server is given up; 5 s by default. */
  timeout?: number;
}

/** Wait before a command is sent again because the server is busy. */
const BUSY_PAUSE_MS = 200;

/** Looks the server up and opens a mailbox there. Nothing is sent yet. */
export async function connectOriginalMailbox(options: OriginalMailboxOptions = {}): Promise<OriginalMailbox> {
  const { hostname = "127.0.0.1", port = MAILBOX_PORT, timeout = 5000 } = options;
  return new OriginalMailbox(await resolveServer(hostname, port), timeout);
}

/** The secret of an administrator who is one by the account that has logged in: the seal is the proof (admin.md 8.2). */
export const NO_SECRET: Uint8Array = new Uint8Array(0);

/**
 * Logs in to an account with the role `admin`. On the connection that this returns, {@linkcode OriginalMailbox.control}
 * and {@linkcode OriginalMailbox.watch} travel under the seal, with {@linkcode NO_SECRET}, and nothing else does.
 *
 * @throws {LoginError} The server refuses it, or could not prove that it knows the account.
 * @throws {ServerTimeoutError} The server does not answer.
 */
export async function connectAdministrator(
  options: ConnectOptions & { as: Credentials },
): Promise<OriginalMailbox> {
  const sealed = await SealedControl.open(options, MAILBOX_PORT);
  return new OriginalMailbox(sealed.server, options.timeout ?? 5000, sealed);
}

/**
 * A connection to a mailbox server: a socket for sending, and one for each mailbox that is received from, because a
 * reply does not name its mailbox. Await each call of a method before the next one of it.
 *
 * A program that receives should take the {@linkcode late} messages before it closes: the server has removed them.
 */
export class OriginalMailbox implements AsyncDisposable {
  readonly #server: Address;
  readonly #timeoutMs: number;
  readonly #sealed: SealedControl | undefined;
  readonly #receiving = new Map<string, RequestSocket>();
  #sending: RequestSocket | undefined;
  /** A mailbox without messages: the answer `X` shows that the server has read what was sent before. */
  readonly #emptyMailbox = `nobody-${crypto.randomUUID()}`;
  /** Messages that were sent, and that the server may not have read yet. */
  #unread = 0;
  /** Whether the last flush had no answer, and nothing was sent since. */
  #hasFailed = false;

  /** @ignore */
  constructor(server: Address, timeoutMs: number, sealed?: SealedControl) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.#sealed = sealed;
  }

  /**
   * Sends a message. It resolves when the datagram is sent; every 32 messages it first waits until the server has read
   * them, so that the server's socket does not overflow.
   *
   * @param receiver ID of the receiver, or {@linkcode SHARED_QUEUE}, which names no senders.
   * @param sender ID of the sender, not `admin`.
   * @throws {TypeError} An ID or the text is not what the wire allows.
   * @throws {RangeError} The text is too long for a datagram of 1,024 bytes, to the server or from it.
   * @throws {ServerTimeoutError} The server does not answer.
   */
  async send(receiver: string, sender: string, text: string): Promise<void> {
    checkMessage(receiver, sender, text);
    const bytes = utf8Length(text), max = maxMessage(receiver, sender);
    if (bytes > max) throw new RangeError(`Cannot send a message of ${bytes} bytes: at most ${max} fit`);
    if (this.#unread >= PUTS_BEFORE_CHECK) await this.flush();
    this.#sending ??= new RequestSocket(this.#server);
    await this.#sending.send(encodePut(receiver, sender, text));
    this.#unread++;
    this.#hasFailed = false;
  }

  /**
   * Waits until the server has read every message that reached it. What was lost on the way can't be known.
   *
   * @throws {ServerTimeoutError} The server does not answer.
   */
  async flush(): Promise<void> {
    if (this.#unread === 0) return;
    const sending = this.#sending ??= new RequestSocket(this.#server);
    this.#hasFailed = true;
    try {
      await sending.request(encodeTake(this.#emptyMailbox), ({ kind }) => kind === "none", this.#timeoutMs);
      this.#unread = 0;
      this.#hasFailed = false;
    } finally {
      if (sending.unanswered > 0) {
        // a late `X` must not answer the next request
        this.#sending = undefined;
        await sending.close();
      }
    }
  }

  /**
   * The next message for `id`, or undefined if there is none. A request without an answer is repeated: if the answer was
   * lost, its message is lost, and the next one comes.
   *
   * @param id ID of the receiver, or {@linkcode SHARED_QUEUE}.
   * @param limit Milliseconds for the answer, if that is less than the time-out.
   * @throws {TypeError} It is no ID.
   * @throws {ServerTimeoutError} The server does not answer.
   */
  async receive(id: string, limit = Infinity): Promise<OriginalMessage | undefined> {
    const isShared = id === SHARED_QUEUE;
    if (!isShared) checkId(id);
    let socket = this.#receiving.get(id);
    if (socket === undefined) this.#receiving.set(id, socket = new RequestSocket(this.#server));
    const isAnswer = (reply: OriginalReply) => reply.kind !== "control" && reply.shared === isShared;
    const answer = await socket.request(encodeTake(id), isAnswer, Math.min(this.#timeoutMs, limit));
    return answer.kind === "mail" ? answer.mail : undefined;
  }

  /** Messages that answered repeated requests late. After {@linkcode close} they are lost. */
  async late(id: string): Promise<OriginalMessage[]> {
    const answers = await this.#receiving.get(id)?.late(FIRST_RETRY_MS) ?? [];
    return answers.flatMap((answer) => answer.kind === "mail" ? [answer.mail] : []);
  }

  /**
   * Sends a control command with its proof. Resolves to the fields or rows of the answer, without `ok`.
   *
   * @param secret The administrator's secret, as the server has it.
   * @throws {RefusedCommandError} The server answers with an error.
   * @throws {ServerTimeoutError} The server does not answer.
   */
  async control(secret: Uint8Array, command: string): Promise<string[]> {
    const end = performance.now() + this.#timeoutMs;
    for (;;) {
      try {
        return await this.#control(secret, command);
      } catch (error) {
        // it remembers a limited number of commands, each for 30 s: long lists go slower then
        const isBusy = error instanceof RefusedCommandError && error.code === "busy";
        if (!isBusy || performance.now() > end) throw error;
        await pause(BUSY_PAUSE_MS);
      }
    }
  }

  get #open(): OpenChannel | undefined {
    const sealed = this.#sealed;
    return sealed && ((received) => sealed.channel(received));
  }

  async #control(secret: Uint8Array, command: string): Promise<string[]> {
    // both requests come from one socket, which nothing else uses
    await using socket = new RequestSocket(this.#server, undefined, this.#open);
    return await sendControl(socket, secret, command, this.#timeoutMs);
  }

  /**
   * What arrives at the server and what leaves it, decoded, as it comes: for an administrator. It goes on until the
   * signal is aborted or the loop over it ends.
   *
   * @param secret The administrator's secret, as the server has it.
   * @throws {RefusedCommandError} The server refuses it.
   * @throws {ServerTimeoutError} The server does not answer any more.
   */
  watch(
    secret: Uint8Array,
    filter: WatchFilter,
    options: { signal?: AbortSignal; onBegin?: () => void } = {},
  ): AsyncGenerator<WatchUpdate, void> {
    return watchEvents({
      ...options,
      server: this.#server,
      open: this.#open,
      secret,
      filter,
      timeoutMs: this.#timeoutMs,
    });
  }

  /**
   * Closes the sockets, after a last {@linkcode flush} if something was sent, unless a flush has just failed. Messages
   * that are {@linkcode late} and were not taken are lost.
   *
   * @throws {ServerTimeoutError} The server does not answer. The sockets are closed nevertheless.
   */
  async close(): Promise<void> {
    try {
      if (!this.#hasFailed) await this.flush();
    } finally {
      await Promise.all([this.#sending, ...this.#receiving.values()].map((socket) => socket?.close()));
      this.#sending = undefined;
      this.#receiving.clear();
      await this.#sealed?.close();
    }
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
