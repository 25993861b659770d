/**
 * A connection to a server over a stream, today TCP. What uses it does not know the transport.
 *
 * @module
 */

import { formatAddress } from "../../protocol/syntax/address.ts";
import type { TcpSocket } from "./socket.ts";
import { sockets } from "./sockets.ts";

/** How long a server has to accept a connection (channels.md 3.1). */
export const CONNECT_TIMEOUT_MS = 2000;

/** Longest time of a timer, in milliseconds: what `AbortSignal.timeout` takes. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Where a server is, and how long to try it. */
export interface ConnectOptions {
  /** Name or address of the server; 127.0.0.1 by default. */
  hostname?: string;
  /** Its TCP port. */
  port?: number;
  /** Milliseconds for looking it up and connecting; 2,000 by default. */
  timeout?: number;
  /** Ends the connecting, and then the connection. */
  signal?: AbortSignal;
  /** Whether it is encrypted, and how the server's certificate is checked. */
  tls?: boolean | TlsOptions;
}

/** How a server's certificate is checked. Without `ca`, one that nobody known has signed is remembered at first use. */
export interface TlsOptions {
  /** Certificates in PEM: the server's has to be one of them, or be signed by one. No fingerprint is remembered then. */
  ca?: string;
  /** Where certificates are remembered; the user's own file by default. */
  knownServers?: KnownCertificates;
  /** `HOST:PORT` under which the server is remembered; by default the one that is connected to. */
  server?: string;
  /** Called before a certificate is remembered that nobody known has signed. */
  onFirstUse?(fingerprint: string, server: string): void | Promise<void>;
}

/** Certificates that are remembered: `KnownServers` are such ones. */
export interface KnownCertificates {
  /** The file, for messages. */
  readonly path: string;
  /** The fingerprint of a server's certificate, if it is known. */
  certificateOf(server: string): Promise<string | undefined>;
  /** Remembers it, in the place of another one. */
  addCertificate(server: string, fingerprint: string): Promise<void>;
}

/** Bytes in both directions. */
export interface Connection {
  /**
   * Bytes that were received, at most as many as `buffer` holds; null if the other side sends no more. One call at a time.
   *
   * @throws {Error} The connection is broken, or was closed.
   */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null>;
  /**
   * Writes all of the bytes, after those of earlier calls. Resolves when the system has taken them, which is as fast as
   * the other side reads.
   *
   * @throws {Error} The connection is broken, or was closed.
   */
  write(bytes: Uint8Array): Promise<void>;
  /** Ends this side after what was written. The other side can still be read. */
  closeWrite(): Promise<void>;
  /** Closes it at once. What the system has not sent yet may be lost. */
  close(): void;
}

/**
 * Connects over TCP, to the first of the name's addresses that accepts.
 *
 * @throws {Error} None did, in time.
 */
export async function connectTcp(options: ConnectOptions & { port: number }): Promise<Connection> {
  return new TcpConnection(await openTcp(options));
}

/** The socket of {@linkcode connectTcp}. */
export async function openTcp(
  { hostname = "127.0.0.1", port, timeout = CONNECT_TIMEOUT_MS, signal }: ConnectOptions & { port: number },
): Promise<TcpSocket> {
  signal?.throwIfAborted();
  const late = AbortSignal.timeout(Math.min(timeout, MAX_TIMER_MS));
  let socket: TcpSocket;
  try {
    socket = await sockets.connect({
      hostname,
      port,
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
  } catch (error) {
    signal?.throwIfAborted();
    const why = late.aborted ? `no answer within ${timeout / 1000} s` : (error as Error).message;
    throw new Error(`Cannot connect to ${formatAddress({ hostname, port })}: ${why}`);
  }
  // a small message is sent at once, even if the one before it is not acknowledged yet
  socket.setNoDelay(true);
  return socket;
}

class TcpConnection implements Connection {
  readonly #socket: TcpSocket;
  #closed = false;
  /** The last write, after which the next one begins. */
  #writing: Promise<void> = Promise.resolve();

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  async read(buffer: Uint8Array<ArrayBuffer>): Promise<Uint8Array | null> {
    const length = await this.#socket.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#queue(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#socket.write(bytes.subarray(at));
    });
  }

  closeWrite(): Promise<void> {
    return this.#queue(() => this.#socket.closeWrite());
  }

  #queue(next: () => Promise<void>): Promise<void> {
    const done = this.#writing.then(next);
    // the caller gets the error; the next write fails by itself
    this.#writing = done.catch(() => {});
    return done;
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }
}
