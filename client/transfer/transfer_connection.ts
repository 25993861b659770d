import {
  decodeTransferAnswer,
  encodeTransferRequest,
  MAX_ANSWER_BYTES,
  type TransferAnswer,
  type TransferRequest,
} from "../../protocol/transfer.ts";
import { type Attempts, ConnectionLostError } from "./transfer.ts";

const NO_PROGRESS = "the transfer makes no progress";
export const MALFORMED = "the server's answer is malformed";

const decoder = new TextDecoder();
const LF = 0x0a;

/** A connection of the file transfer: answers in lines, raw content, and a limit to silence. */
export class TransferConnection implements Disposable {
  readonly #socket: Deno.TcpConn;
  readonly #attempts: Attempts;
  /** What was read and not yet returned: part of a line, or content behind one. */
  #buffered = new Uint8Array(0);
  #lastActive = performance.now();
  #timer: ReturnType<typeof setTimeout>;
  /** Why reads and writes fail. */
  #why = "the connection was reset";
  #isClosed = false;

  private constructor(socket: Deno.TcpConn, attempts: Attempts) {
    this.#socket = socket;
    // an upload's last bytes and its proof would wait until the server's system acknowledges the bytes before them
    socket.setNoDelay(true);
    this.#attempts = attempts;
    this.#timer = setTimeout(() => this.#watch(), this.#msLeft);
    attempts.options.signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Connects, and sends the request.
   *
   * @throws {ConnectionLostError} There is no connection.
   */
  static async open(attempts: Attempts, request: TransferRequest): Promise<TransferConnection> {
    const { hostname, port, signal, idleMsMax } = attempts.options;
    const ended = AbortSignal.any([AbortSignal.timeout(idleMsMax), ...signal ? [signal] : []]);
    let socket: Deno.TcpConn;
    try {
      socket = await Deno.connect({ hostname, port, signal: ended });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ConnectionLostError(`no connection: ${(error as Error).message}`);
    }
    const connection = new TransferConnection(socket, attempts);
    try {
      await connection.send(request);
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
    return connection;
  }

  /**
   * Sends a line.
   *
   * @throws {ConnectionLostError} The connection ended.
   */
  async send(request: TransferRequest) {
    await this.write(encodeTransferRequest(request));
  }

  /**
   * The next answer that is not `wait`.
   *
   * @throws {ConnectionLostError} The connection ended, or the answer is malformed.
   */
  async answer(): Promise<Exclude<TransferAnswer, { kind: "wait" }>> {
    const buffer = new Uint8Array(MAX_ANSWER_BYTES + 1);
    for (;;) {
      const end = this.#buffered.indexOf(LF);
      if (end >= 0) {
        const answer = decodeTransferAnswer(decoder.decode(this.#buffered.subarray(0, end)));
        this.#buffered = this.#buffered.slice(end + 1);
        if (answer === undefined) throw new ConnectionLostError(MALFORMED);
        if (answer.kind !== "wait") return answer;
        this.#attempts.serverWorked();
        if (this.#attempts.deadline <= performance.now()) throw new ConnectionLostError(NO_PROGRESS);
        continue;
      }
      const length = this.#buffered.length;
      if (length === buffer.length) throw new ConnectionLostError(MALFORMED);
      buffer.set(this.#buffered);
      const read = await this.#receive(buffer.subarray(length));
      this.#buffered = buffer.slice(0, length + read);
    }
  }

  /**
   * Reads content.
   *
   * @returns How many bytes.
   * @throws {ConnectionLostError} The connection ended.
   */
  async read(buffer: Uint8Array): Promise<number> {
    if (this.#buffered.length === 0) return await this.#receive(buffer);
    const bytes = this.#buffered.subarray(0, buffer.length);
    this.#buffered = this.#buffered.subarray(bytes.length);
    buffer.set(bytes);
    return bytes.length;
  }

  /**
   * Writes all of it.
   *
   * @throws {ConnectionLostError} The connection ended.
   */
  async write(bytes: Uint8Array) {
    try {
      for (let at = 0; at < bytes.length;) {
        at += await this.#socket.write(bytes.subarray(at));
        this.#lastActive = performance.now();
      }
    } catch {
      throw this.#lost();
    }
  }

  [Symbol.dispose]() {
    clearTimeout(this.#timer);
    this.#attempts.options.signal?.removeEventListener("abort", this.#abort);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  async #receive(buffer: Uint8Array): Promise<number> {
    let read: number | null;
    try {
      read = await this.#socket.read(buffer);
      this.#lastActive = performance.now();
    } catch {
      throw this.#lost();
    }
    if (read === null) throw new ConnectionLostError("the server closed the connection");
    return read;
  }

  #lost(): Error {
    const { signal } = this.#attempts.options;
    return signal?.aborted ? signal.reason : new ConnectionLostError(this.#why);
  }

  /** Milliseconds until the connection has been idle for too long, or the transfer has stalled. */
  get #msLeft(): number {
    const { options: { idleMsMax }, deadline } = this.#attempts;
    return Math.min(this.#lastActive + idleMsMax, deadline) - performance.now();
  }

  #watch() {
    const left = this.#msLeft, { idleMsMax } = this.#attempts.options;
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(), left);
      return;
    }
    const isIdle = performance.now() - this.#lastActive >= idleMsMax;
    this.#why = isIdle ? `the server has been silent for ${idleMsMax / 1000} s` : NO_PROGRESS;
    this[Symbol.dispose]();
  }

  #abort = () => this[Symbol.dispose]();
}
