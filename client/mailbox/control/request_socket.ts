/**
 * A UDP socket for the requests of the original wire: one at a time, repeated until it is answered. Answers that nobody
 * waits for are kept.
 *
 * @module
 */

import { decodeOriginalReply, MAX_DATAGRAM_BYTES, type OriginalReply } from "../../../protocol/mailbox.ts";
import { type Address, formatAddress } from "../../../protocol/syntax/address.ts";
import { SessionEndError } from "../../session/errors.ts";
import { noAnswer } from "../../session/liveness.ts";
import { setSocketTimer } from "../../session/socket_timer.ts";
import { ServerSocket } from "../../stream/server_socket.ts";

/**
 * Wait before a request is repeated, doubled each time, up to the last: RFC 8085, section 3.1.1, wants a sender that
 * knows no round-trip time to begin no lower and to back off (mailbox.md 6.2).
 */
export const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 2000;

/** Most answers that are kept: more than a client can be due. */
const MAX_ANSWERS = 4096;

/** Most bytes that they have together: that many times the longest reply of a server with the usual options. */
const MAX_ANSWERS_BYTES = MAX_ANSWERS * MAX_DATAGRAM_BYTES;

/** On what datagrams go both ways: a socket, or a seal. */
export interface DatagramChannel {
  send(datagram: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}

/** Opens such a channel; `received` gets every datagram that comes from the server. */
export type OpenChannel = (received: (datagram: Uint8Array) => void) => DatagramChannel;

export class RequestSocket implements AsyncDisposable {
  readonly #socket: DatagramChannel;
  readonly #server: Address;
  readonly #takeControl: ((text: string) => boolean) | undefined;
  #answers: OriginalReply[] = [];
  /** Bytes that came since there was no answer. */
  #bytes = 0;
  /** Requests that were sent and may still be answered. */
  unanswered = 0;
  #wake: (() => void) | undefined;

  /**
   * @param takeControl Takes the text of a control message that answers no request, and returns whether it was one.
   * @param open By default, a socket of its own.
   */
  constructor(
    server: Address,
    takeControl?: (text: string) => boolean,
    open: OpenChannel = (received) => new ServerSocket(server, received),
  ) {
    this.#server = server;
    this.#takeControl = takeControl;
    this.#socket = open((datagram) => this.#received(datagram));
  }

  #received(datagram: Uint8Array) {
    const answer = decodeOriginalReply(datagram);
    if (answer?.kind === "control" && this.#takeControl?.(answer.text)) return;
    if (this.#answers.length === 0) this.#bytes = 0;
    if (answer === undefined || this.#answers.length >= MAX_ANSWERS) return;
    if ((this.#bytes += datagram.length) > MAX_ANSWERS_BYTES) return;
    this.#answers.push(answer);
    this.#wake?.();
  }

  /** @throws {Error} The system cannot send to the server. */
  async send(datagram: Uint8Array<ArrayBuffer>) {
    try {
      await this.#socket.send(datagram);
    } catch (error) {
      // a seal whose log-in has ended
      if (error instanceof SessionEndError) throw error;
      throw new Error(`Cannot send to ${formatAddress(this.#server)}: ${(error as Error).message}`);
    }
  }

  /**
   * Sends the request, again and again, until there is an answer to it; a message that came late is taken first.
   *
   * @throws {ServerTimeoutError} There is none within `timeoutMs`.
   * @throws {Error} The system cannot send to the server.
   */
  async request(
    request: Uint8Array<ArrayBuffer>,
    isAnswer: (reply: OriginalReply) => boolean,
    timeoutMs: number,
  ): Promise<OriginalReply> {
    const late = this.#take((answer) => answer.kind === "mail" && isAnswer(answer));
    if (late !== undefined) return late;
    // what is left from before answers an earlier request
    this.#answers = [];
    let end = performance.now() + timeoutMs;
    for (let retryMs = FIRST_RETRY_MS;; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
      const leftMs = end - performance.now();
      if (leftMs <= 0) throw noAnswer(formatAddress(this.#server), timeoutMs, true);
      await this.send(request);
      this.unanswered++;
      const waitMs = Math.min(retryMs, leftMs), dueAt = performance.now() + waitMs;
      const answer = await this.#wait(isAnswer, waitMs);
      if (answer !== undefined) return answer;
      // time in which this process did not run does not count as the server's
      end += Math.max(0, performance.now() - dueAt);
    }
  }

  /** The answers that are still due, if they come within `waitMs` of each other. */
  async late(waitMs: number): Promise<OriginalReply[]> {
    const answers = this.#answers.splice(0);
    // no more than were requested: a server may send without an end
    for (let due = this.unanswered - answers.length; due > 0; due--) {
      const answer = await this.#wait(() => true, waitMs);
      if (answer === undefined) break;
      answers.push(answer);
    }
    this.unanswered = 0;
    return answers;
  }

  async #wait(isAnswer: (reply: OriginalReply) => boolean, ms: number): Promise<OriginalReply | undefined> {
    let isOver = false;
    const cancel = setSocketTimer(ms, () => {
      isOver = true;
      this.#wake?.();
    });
    try {
      for (;;) {
        const answer = this.#take(isAnswer);
        if (answer !== undefined || isOver) return answer;
        await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      cancel();
      this.#wake = undefined;
    }
  }

  #take(isAnswer: (reply: OriginalReply) => boolean): OriginalReply | undefined {
    const i = this.#answers.findIndex(isAnswer);
    if (i < 0) return undefined;
    this.unanswered = Math.max(0, this.unanswered - 1);
    return this.#answers.splice(i, 1)[0];
  }

  async close() {
    await this.#socket.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
