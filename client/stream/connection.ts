/**
 * A connection to a server over a stream: TCP today. What speaks over it knows nothing of what is below.
 *
 * @module
 */

import { formatAddress } from "../../protocol/address.ts";

/** Milliseconds after which a server that has not accepted the connection counts as not there. */
export const CONNECT_TIMEOUT_MS = 2000;

/** Longest time that a timer takes, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Where a server is, and how long to try it. */
export interface ConnectOptions {
  /** Name or address of the server: 127.0.0.1 unless told otherwise. */
  hostname?: string;
  /** Its TCP port. */
  port?: number;
  /** Milliseconds for looking it up and connecting, 2,000 unless told otherwise. */
  timeout?: number;
  /** Ends the connecting, and then the connection. */
  signal?: AbortSignal;
}

/** Bytes in both directions. */
export interface Connection {
  /**
   * Bytes that came, at most as many as `buffer` holds; null where the other side says no more. One call at a time.
   *
   * @throws {Error} The connection is broken, or was closed.
   */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null>;
  /**
   * Writes all of the bytes, behind those of earlier calls. It resolves when the system took them, which is as fast as
   * the other side reads.
   *
   * @throws {Error} The connection is broken, or was closed.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Says that nothing more is written, after what was. What comes can still be read. */
  closeWrite(): Promise<void>;
  /** Closes it at once; what the system has not sent yet, it may drop. */
  close(): void;
}

/**
 * Connects over TCP, to the first of the name's addresses that accepts.
 *
 * @throws {Error} None did, in time.
 */
export async function connectTcp(
  { hostname = "127.0.0.1", port, timeout = CONNECT_TIMEOUT_MS, signal }: ConnectOptions & { port: number },
): Promise<Connection> {
  signal?.throwIfAborted();
  const trying = new AbortController();
  const abort = () => trying.abort(signal!.reason);
  const late = new Error(`no answer within ${timeout / 1000} s`);
  const timer = setTimeout(() => trying.abort(late), Math.min(timeout, MAX_TIMER_MS));
  signal?.addEventListener("abort", abort);
  let socket: Deno.TcpConn;
  try {
    socket = await Deno.connect({ hostname, port, signal: trying.signal });
  } catch (error) {
    signal?.throwIfAborted();
    const { message } = trying.signal.aborted ? late : error as Error;
    throw new Error(`Cannot connect to ${formatAddress({ hostname, port })}: ${message}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
  // a small message goes out at once, behind one that is not acknowledged
  socket.setNoDelay(true);
  return new TcpConnection(socket);
}

class TcpConnection implements Connection {
  readonly #socket: Deno.TcpConn;
  #closed = false;
  /** The last write, behind which the next one goes. */
  #writing: Promise<void> = Promise.resolve();

  constructor(socket: Deno.TcpConn) {
    this.#socket = socket;
  }

  async read(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
    const length = await this.#socket.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#behind(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    });
  }

  closeWrite(): Promise<void> {
    return this.#behind(() => this.#socket.closeWrite());
  }

  #behind(next: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(next);
    // whoever awaits it learns of the failure; the next write fails by itself
    this.#writing = done.catch(() => {});
    return done;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
