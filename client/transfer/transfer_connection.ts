import {
  decodeTransferAnswer,
  encodeTransferRequest,
  MAX_ANSWER_BYTES,
  type TransferAnswer,
  type TransferRequest,
} from "../../protocol/transfer.ts";
import type { DirectionKey } from "../../protocol/seal/keys.ts";
import { TransferInput } from "../../protocol/transfer/input.ts";
import {
  eraseTransferKeys,
  RecordWriter,
  type TransferKeys,
  TruncatedError,
  WrongRecordError,
} from "../../protocol/transfer/records.ts";
import type { TcpSocket } from "../stream/socket.ts";
import { sockets } from "../stream/sockets.ts";
import { type Attempts, ConnectionLostError } from "./transfer.ts";

const NO_PROGRESS = "the transfer makes no progress";
export const MALFORMED = "the server's answer is malformed";

const CLOSED = "the server closed the connection";
const CHANGED = "what came was changed on its way";

/** A line begins with it, and no record does. */
const P = 0x50;

/** A ticket for one attempt, and the keys with which that is sealed; without them, it travels in the clear. */
export interface Ticket {
  ticket: string;
  keys?: TransferKeys | undefined;
}

/** A connection of the file transfer: answers in lines, raw content, and a limit to silence. */
export class TransferConnection implements Disposable {
  readonly #socket: TcpSocket;
  readonly #attempts: Attempts;
  readonly #input = new TransferInput((buffer) => this.#receive(buffer));
  /** There if the transfer is sealed; and the key of what comes, until something does. */
  #writer: RecordWriter | undefined;
  #key: DirectionKey | undefined;
  #keys: TransferKeys | undefined;
  #lastActive = performance.now();
  #timer: ReturnType<typeof setTimeout>;
  /** Why reads and writes fail. */
  #why = "the connection was reset";
  #isClosed = false;

  private constructor(socket: TcpSocket, attempts: Attempts) {
    this.#socket = socket;
    // an upload's last bytes and its proof would wait until the server's system acknowledges the bytes before them
    socket.setNoDelay(true);
    this.#attempts = attempts;
    // what has stalled ends with its next wait: a negative time would be warned of
    this.#timer = setTimeout(() => this.#watch(), Math.max(0, this.#msLeft));
    attempts.options.signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Connects, and sends the request.
   *
   * @param keys They are overwritten. Without them, everything travels in the clear.
   * @throws {ConnectionLostError} There is no connection.
   */
  static async open(
    attempts: Attempts,
    request: TransferRequest & { kind: "upload" | "download" },
    keys: TransferKeys | undefined,
  ): Promise<TransferConnection> {
    const { hostname, port, signal, idleMsMax } = attempts.options;
    const ended = AbortSignal.any([AbortSignal.timeout(idleMsMax), ...signal ? [signal] : []]);
    let socket: TcpSocket;
    try {
      socket = await sockets.connect({ hostname, port, signal: ended });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ConnectionLostError(`no connection: ${(error as Error).message}`);
    }
    const connection = new TransferConnection(socket, attempts);
    try {
      if (keys !== undefined) await connection.#seal(request.ticket, keys);
      await connection.send(request, request.kind === "download");
    } catch (error) {
      connection[Symbol.dispose]();
      throw error;
    }
    return connection;
  }

  /**
   * Sends a line.
   *
   * @param isLast Whether nothing follows.
   * @throws {ConnectionLostError} The connection ended.
   */
  async send(request: TransferRequest, isLast = false) {
    await this.write(encodeTransferRequest(request), isLast);
  }

  /** From here on everything is in records. */
  async #seal(ticket: string, keys: TransferKeys) {
    this.#keys = keys;
    await this.#send(encodeTransferRequest({ kind: "sealed", ticket }));
    this.#writer = new RecordWriter(keys.toServer, (record) => this.#send(record));
    this.#key = keys.toClient;
  }

  /**
   * The next answer that is not `wait`.
   *
   * @throws {ConnectionLostError} The connection ended, or the answer is malformed.
   */
  async answer(): Promise<Exclude<TransferAnswer, { kind: "wait" }>> {
    for (;;) {
      const line = await this.#read((input) => input.line(MAX_ANSWER_BYTES));
      if (line === null) throw new ConnectionLostError(CLOSED);
      const answer = line === undefined ? undefined : decodeTransferAnswer(line);
      if (answer === undefined) throw new ConnectionLostError(MALFORMED);
      if (answer.kind !== "wait") return answer;
      this.#attempts.serverWorked();
      if (this.#attempts.deadline <= performance.now()) throw new ConnectionLostError(NO_PROGRESS);
    }
  }

  /**
   * The next bytes of content, `limit` at most, which stay as they are until the next call but one.
   *
   * @throws {ConnectionLostError} The connection ended.
   */
  async piece(limit: number): Promise<Uint8Array> {
    const piece = await this.#read((input) => input.piece(limit));
    if (piece === null) throw new ConnectionLostError(CLOSED);
    return piece;
  }

  async #read<T>(read: (input: TransferInput) => Promise<T>): Promise<T> {
    try {
      if (this.#key !== undefined) await this.#sealInput(this.#key);
      return await read(this.#input);
    } catch (error) {
      if (this.#isClosed) throw this.#lost();
      if (error instanceof WrongRecordError) throw new ConnectionLostError(CHANGED);
      throw error instanceof TruncatedError ? new ConnectionLostError(CLOSED) : error;
    }
  }

  /** What comes is sealed, but for one line if the server can't: that proves nothing, and is no answer (transfer.md 10.9). */
  async #sealInput(key: DirectionKey) {
    if (await this.#input.peek() === P) {
      const answer = decodeTransferAnswer(await this.#input.line(MAX_ANSWER_BYTES) ?? "");
      const why = answer?.kind === "no" ? answer.text || answer.code : undefined;
      throw new ConnectionLostError(why === undefined ? MALFORMED : `the server answers: ${why}`);
    }
    this.#key = undefined;
    this.#input.seal(key);
  }

  /**
   * Writes all of it.
   *
   * @param isLast Whether nothing follows.
   * @throws {ConnectionLostError} The connection ended.
   */
  async write(bytes: Uint8Array, isLast = false) {
    try {
      await (this.#writer?.write(bytes, isLast) ?? this.#send(bytes));
    } catch (error) {
      // its keys are overwritten when it is closed
      throw this.#isClosed ? this.#lost() : error;
    }
  }

  async #send(bytes: Uint8Array) {
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
    this.#writer?.erase();
    this.#input.close();
    if (this.#keys !== undefined) eraseTransferKeys(this.#keys);
  }

  async #receive(buffer: Uint8Array): Promise<number | null> {
    let read: number | null;
    try {
      read = await this.#socket.read(buffer);
      this.#lastActive = performance.now();
    } catch {
      throw this.#lost();
    }
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
