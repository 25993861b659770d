import {
  decodeTransferAnswer,
  encodeTransferRequest,
  MAX_ANSWER_BYTES,
  type TransferAnswer,
  type TransferRequest,
} from "../../protocol/transfer.ts";

/** The connection ended before its transfer did, or was not made: it can be tried again. */
export class ConnectionLostError extends Error {
  override name = "CutError";
}

export interface TransferTarget {
  hostname: string;
  port: number;
  signal?: AbortSignal | undefined;
  /** Milliseconds without a byte either way after which the server counts as gone. */
  silence: number;
  /** When the transfer has taken too long to move, in milliseconds of `performance.now()`. */
  deadline(): number;
  /** Is called when the server says that it works. */
  waits(): void;
}

const NO_FURTHER = "the transfer comes no further";

const decoder = new TextDecoder();
const LF = 0x0a;

/** A connection of the file transfer: answers in lines, content as it is, and an end to silence. */
export class TransferConnection implements Disposable {
  readonly #socket: Deno.TcpConn;
  readonly #target: TransferTarget;
  readonly #signal: AbortSignal | undefined;
  /** What was read and not yet given out: part of a line, or content behind one. */
  #ahead = new Uint8Array(0);
  #heard = performance.now();
  #timer: ReturnType<typeof setTimeout>;
  #why = "the connection was reset";
  #isClosed = false;

  private constructor(socket: Deno.TcpConn, target: TransferTarget) {
    this.#socket = socket;
    // an upload's last bytes and its proof would wait for the server's system to acknowledge what came before them
    socket.setNoDelay(true);
    this.#target = target;
    this.#signal = target.signal;
    this.#timer = setTimeout(() => this.#watch(), this.#left);
    target.signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Connects, and sends the request.
   *
   * @throws {ConnectionLostError} There is no connection.
   */
  static async open(target: TransferTarget, request: TransferRequest): Promise<TransferConnection> {
    const { hostname, port, signal, silence } = target;
    const ended = AbortSignal.any([AbortSignal.timeout(silence), ...signal ? [signal] : []]);
    let socket: Deno.TcpConn;
    try {
      socket = await Deno.connect({ hostname, port, signal: ended });
    } catch (error) {
      signal?.throwIfAborted();
      throw new ConnectionLostError(`no connection: ${(error as Error).message}`);
    }
    const connection = new TransferConnection(socket, target);
    try {
      await connection.ask(request);
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
  async ask(request: TransferRequest) {
    await this.write(encodeTransferRequest(request));
  }

  /**
   * The next answer that is not `wait`.
   *
   * @throws {ConnectionLostError} The connection ended, or what came is no answer.
   */
  async answer(): Promise<Exclude<TransferAnswer, { kind: "wait" }>> {
    const buffer = new Uint8Array(MAX_ANSWER_BYTES + 1);
    for (;;) {
      const end = this.#ahead.indexOf(LF);
      if (end >= 0) {
        const answer = decodeTransferAnswer(decoder.decode(this.#ahead.subarray(0, end)));
        this.#ahead = this.#ahead.slice(end + 1);
        if (answer === undefined) throw new ConnectionLostError("the server's answer is none");
        if (answer.kind !== "wait") return answer;
        this.#target.waits();
        if (this.#target.deadline() <= performance.now()) throw new ConnectionLostError(NO_FURTHER);
        continue;
      }
      const room = buffer.length - this.#ahead.length;
      if (room === 0) throw new ConnectionLostError("the server's answer is none");
      const read = await this.#receive(buffer.subarray(0, room));
      if (read === null) throw new ConnectionLostError("the server closed the connection");
      const both = new Uint8Array(this.#ahead.length + read);
      both.set(this.#ahead);
      both.set(buffer.subarray(0, read), this.#ahead.length);
      this.#ahead = both;
    }
  }

  /**
   * Reads content.
   *
   * @returns How many bytes.
   * @throws {ConnectionLostError} The connection ended.
   */
  async read(buffer: Uint8Array): Promise<number> {
    if (this.#ahead.length > 0) {
      const bytes = this.#ahead.subarray(0, buffer.length);
      this.#ahead = this.#ahead.subarray(bytes.length);
      buffer.set(bytes);
      return bytes.length;
    }
    const read = await this.#receive(buffer);
    if (read === null) throw new ConnectionLostError("the server closed the connection");
    return read;
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
        this.#heard = performance.now();
      }
    } catch {
      throw this.#cut();
    }
  }

  [Symbol.dispose]() {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  async #receive(buffer: Uint8Array): Promise<number | null> {
    try {
      const read = await this.#socket.read(buffer);
      this.#heard = performance.now();
      return read;
    } catch {
      throw this.#cut();
    }
  }

  #cut(): Error {
    return this.#signal?.aborted ? this.#signal.reason : new ConnectionLostError(this.#why);
  }

  /** Milliseconds until the connection has been silent, or the transfer has not moved, for too long. */
  get #left(): number {
    const { silence, deadline } = this.#target;
    return Math.min(this.#heard + silence, deadline()) - performance.now();
  }

  #watch() {
    const { silence } = this.#target, left = this.#left;
    if (left > 0) {
      this.#timer = setTimeout(() => this.#watch(), left);
      return;
    }
    this.#why = performance.now() - this.#heard >= silence
      ? `the server has been silent for ${silence / 1000} s`
      : NO_FURTHER;
    this[Symbol.dispose]();
  }

  #abort = () => this[Symbol.dispose]();
}
