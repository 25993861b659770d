/**
 * Sends and receives over HTTP, where UDP does not get through: the mailbox of `client/web/mailbox.js` as the commands use
 * the one of `mailbox.ts`, with its errors, and with the server's certificate checked as on channels.
 *
 * @module
 */

import { LOG_IN_FIRST, NOT_CONFIRMED } from "../protocol/session.ts";
import type { SeenMessage } from "../protocol/session/mailbox_requests.ts";
import { SHARED_QUEUE } from "../protocol/mailbox.ts";
import { formatAddress } from "../protocol/syntax/address.ts";
import { checkMessage } from "./mailbox/check_message.ts";
import { denied } from "./mailbox/lease/lease_request.ts";
import { checkFailure } from "./mailbox/lease/lease.ts";
import type { SendOptions } from "./mailbox/mailbox_session.ts";
import type { ReceivedMessage } from "./mailbox/lease/received_message.ts";
import type { ReceiveOptions } from "./mailbox.ts";
import { BusyError, FullError, LoginError, RefusedError, ServerTimeoutError } from "./session/errors.ts";
import { connectStream } from "./session/connect_stream.ts";
import type { TlsOptions } from "./stream/connection.ts";
import { HttpConnections } from "./stream/http_connections.ts";
import { connectMailbox, type Mailbox, RequestError, UnreachableError } from "./web/mailbox.js";
import { isPrivate } from "./web/request.js";
import type { ReceivedMessage as WebReceivedMessage } from "./web/received_message.js";

export { isPrivate };

/** Where a server is, and who asks. */
export interface HttpMailboxOptions {
  /** `https://HOST:PORT`, or `http:`. */
  url: URL;
  /** Logs in with each request, over TLS or on this machine. */
  as?: { name: string; password: string };
  /** Milliseconds without any answer after which the server is given up; 10 s by default. */
  timeout?: number;
  /** How the server's certificate is checked. */
  tls?: TlsOptions;
  /**
   * Called each time when a request has to be repeated: because the server refuses it for the time being, with the code
   * `refusal`, or is silent.
   */
  onDelay?(error: Error, refusal: string | undefined): void;
}

/** How a message is sent: with a `key` it is stored once, also if it is sent again within 24 hours. */
export type HttpSendOptions = SendOptions & { key?: string };

/** A message that came over HTTP. */
export type HttpReceivedMessage = Pick<
  ReceivedMessage,
  "id" | "attempt" | "time" | "sender" | "text" | "ack" | "release" | "fail"
>;

/** How long a server may be silent, as in a session. */
const TIMEOUT_MS = 10_000;

/**
 * Prepares a client; nothing is sent yet.
 *
 * @throws {TypeError} A log-in would go over plain HTTP to another machine.
 */
export function connectHttpMailbox(options: HttpMailboxOptions): HttpMailbox {
  return new HttpMailbox(options);
}

/** A client of mailboxes over HTTP. */
export class HttpMailbox implements AsyncDisposable {
  readonly #connections: HttpConnections;
  readonly #mailbox: Mailbox;
  readonly #name: string;

  /** @ignore */
  constructor({ url, as, timeout = TIMEOUT_MS, tls = {}, onDelay }: HttpMailboxOptions) {
    const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1"), isTls = url.protocol === "https:";
    const port = Number(url.port) || (isTls ? 443 : 80);
    const trust = { ...tls, server: formatAddress({ hostname, port }) };
    this.#name = as?.name ?? "";
    this.#connections = new HttpConnections(() =>
      connectStream({ hostname, port, ...isTls ? { tls: trust } : {} })
    );
    this.#mailbox = connectMailbox({
      url,
      timeout,
      fetch: this.#connections.fetch,
      ...as === undefined ? {} : { as },
      ...onDelay === undefined ? {} : {
        onDelay: (error: Error) => onDelay(error, error instanceof RequestError ? error.code : undefined),
      },
    });
  }

  /** Whether the server has answered anything yet. */
  get hasAnswered(): boolean {
    return this.#mailbox.hasAnswered;
  }

  /**
   * Sends a message; resolves when it is on the server's disk. Those for one receiver are stored in the order of the calls.
   *
   * @throws {TypeError|RangeError} It is not what the wire allows.
   * @throws {FullError} There was no room for it within `wait`.
   * @throws {RefusedError} The server refuses it.
   * @throws {ServerTimeoutError} There is no answer: it may be stored.
   */
  async send(receiver: string, sender: string, text: string, options: HttpSendOptions = {}): Promise<void> {
    checkMessage(receiver, sender, text);
    await this.#mailbox.send(receiver, sender, text, options).catch((error) => {
      throw this.#putError(error);
    });
  }

  /**
   * Sends a message and calls back when its outcome is known. Returns whether there is room for more. Where one fails,
   * those of the same receiver that were posted behind it fail too, and are not sent.
   */
  post(
    receiver: string,
    sender: string,
    text: string,
    settle: (error?: Error) => void,
    options: HttpSendOptions = {},
  ): boolean {
    checkMessage(receiver, sender, text);
    const settled = (error?: Error) => error === undefined ? settle() : settle(this.#putError(error));
    return this.#mailbox.post(receiver, sender, text, settled, options);
  }

  /** Resolves when there is room for more to send. */
  ready(): Promise<void> {
    return this.#mailbox.ready();
  }

  /** The messages for `id` that are there at a time; see `Mailbox` of `mailbox.ts`. */
  async *batches(
    id: string,
    options: ReceiveOptions = {},
  ): AsyncGenerator<readonly HttpReceivedMessage[], void, void> {
    try {
      for await (const batch of this.#mailbox.batches(id, options)) {
        yield batch.map((message) => this.#received(message, id));
      }
    } catch (error) {
      throw this.#error(error, id);
    }
  }

  #received(message: WebReceivedMessage, mailbox: string): HttpReceivedMessage {
    const { id, attempt, time, sender, text } = message;
    const outcome = (done: Promise<boolean>) =>
      done.catch((error) => {
        throw this.#error(error, mailbox);
      });
    return {
      ...{ id, attempt, time, sender, text },
      ack: () => outcome(message.ack()),
      release: () => outcome(message.release()),
      fail: (failure) => {
        checkFailure({ delay: 0, attempts: 1, reason: "failed", ...failure });
        return outcome(message.fail(failure));
      },
    };
  }

  /** The messages that a mailbox holds. Nothing is taken. */
  async *peek(id: string): AsyncGenerator<SeenMessage, void, void> {
    try {
      yield* this.#mailbox.peek(id);
    } catch (error) {
      throw this.#error(error, id);
    }
  }

  /**
   * Whether the server lets this client see a mailbox: another one has to log in.
   *
   * @throws {ServerTimeoutError} It does not answer.
   */
  async mayRead(id: string): Promise<boolean> {
    try {
      await this.#mailbox.stat(id);
      return true;
    } catch (error) {
      if (error instanceof RequestError) return error.status !== 401;
      throw this.#error(error, id);
    }
  }

  #putError(error: unknown): Error {
    if (!(error instanceof RequestError) || error.status !== 507 && error.status !== 429) {
      return this.#error(error, SHARED_QUEUE);
    }
    const { code } = error;
    return new FullError(`Cannot put the message: withdrawn while the server refused it: ${code}`, code);
  }

  /** The error as a session has it. */
  #error(error: unknown, mailbox: string): Error {
    if (error instanceof UnreachableError) {
      return new ServerTimeoutError(`${error.message}${reasonOf(error)}`, true);
    }
    if (!(error instanceof RequestError)) return error as Error;
    const { status, code, message } = error;
    if (status === 429 || status === 503) return new BusyError(`Cannot be served: ${message}`, false);
    switch (code) {
      case "account":
      case "not your mailbox":
        return denied(mailbox);
      case "wrong log-in":
        return new LoginError(`Cannot log in as '${this.#name}': ${message}`, false, "wrong password");
      case "no log-in":
        return new RefusedError(LOG_IN_FIRST);
      case "not confirmed":
        return new RefusedError(NOT_CONFIRMED);
      default:
        return new RefusedError(code, `The server refuses it: ${OF_SESSIONS.has(code) ? code : message}`);
    }
  }

  /** Waits until everything has its outcome, up to `limit` milliseconds, and closes the connections. */
  async close(limit = 5000): Promise<void> {
    await this.#mailbox.close(limit);
    this.#connections[Symbol.dispose]();
  }

  /** Closes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Reasons for which a session is refused with the same words. */
const OF_SESSIONS: ReadonlySet<string> = new Set([
  ...["sender has an account", "not your name", "banned", "muted"],
]);

/** What the system says of a server that can't be reached, in parentheses. */
function reasonOf(error: Error): string {
  let last: unknown = error;
  while (last instanceof Error && last.cause !== undefined) last = last.cause;
  return last instanceof Error && last !== error ? ` (${last.message})` : "";
}
