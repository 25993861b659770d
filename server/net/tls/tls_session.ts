/**
 * TLS 1.2 and 1.3 on a stream, from the server's side (channels.md section 10).
 *
 * Invariant: what is written is taken from the caller only as fast as the client reads, and what the client sends is read
 * only as fast as the caller reads. So the limits of a plain connection hold for this one too.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type SecureContext, TLSSocket } from "node:tls";
import { within } from "../../quota/uptime.ts";
import { DuplexReader } from "../duplex_reader.ts";
import type { Stream } from "../listener.ts";

/** Bytes that are read at once: each idle connection has a buffer of them. */
const READ_BYTES = 4096;

/** Most bytes of one write: so often is seen whether the client reads. */
const MAX_WRITE_BYTES = 65_536;

/** How long the client has to take the end of the session, in milliseconds. */
const MAX_END_MS = 1000;

export class TlsSession {
  readonly #stream: Stream;
  readonly #socket: TLSSocket;
  readonly #reader: DuplexReader;
  /** Resolves when the handshake is done; rejects when it has failed. */
  readonly secured: Promise<void>;
  #isSecured = false;
  #isWriting = false;
  #isClosed = false;
  /**
   * Resolves when the socket has set itself up, in the same turn of the event loop. One that is destroyed before that, also
   * because of bytes that are no handshake, throws an error that nobody can catch (Deno 2.9.6).
   */
  readonly #started = nextTurn();

  /** @param first What was read of the stream already. */
  constructor(stream: Stream, first: Uint8Array, secureContext: SecureContext) {
    this.#stream = stream;
    const options = { isServer: true, secureContext, allowHalfOpen: true };
    const socket = this.#socket = new TLSSocket(duplexOf(stream, first, this.#started), options);
    const secured = Promise.withResolvers<void>();
    this.secured = secured.promise;
    // nobody may wait for it any more
    this.secured.catch(() => {});
    const reader = this.#reader = new DuplexReader(socket);
    const fail = (error: Error) => {
      reader.fail(error);
      secured.reject(error);
    };
    socket.on("secure", () => {
      this.#isSecured = true;
      secured.resolve();
    });
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the client is gone")));
    socket.on("end", () => {
      if (!this.#isSecured) fail(new Error("the client has ended its side"));
    });
  }

  /** As {@linkcode Stream.read}. */
  read(buffer: Uint8Array): Promise<number | null> {
    return this.#reader.read(buffer);
  }

  /** As {@linkcode Stream.write}. Resolves when the system has taken the encrypted bytes. One call at a time. */
  write(bytes: Uint8Array): Promise<number> {
    const piece = bytes.length > MAX_WRITE_BYTES ? bytes.subarray(0, MAX_WRITE_BYTES) : bytes;
    this.#isWriting = true;
    return new Promise((resolve, reject) =>
      this.#socket.write(piece, (error) => {
        this.#isWriting = false;
        if (error) reject(error);
        else resolve(piece.length);
      })
    );
  }

  /** Closes the connection. Where nothing waits to be sent, the client learns that this is the end and nothing was cut. */
  async close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isSecured && !this.#isWriting && this.#reader.error === undefined) {
      await within(MAX_END_MS, new Promise<void>((resolve) => this.#socket.end(() => resolve())));
    }
    await this.#started;
    this.#socket.destroy();
    this.#stream.close();
  }
}

/** The stream as node:tls takes it; `first` comes once it has started. */
function duplexOf(stream: Stream, first: Uint8Array, started: Promise<unknown>): Duplex {
  let waiting: Uint8Array | undefined = first;
  const duplex: Duplex = new Duplex({
    read() {
      if (waiting !== undefined) {
        const bytes = waiting;
        waiting = undefined;
        started.then(() => this.push(bytes));
        return;
      }
      const buffer = new Uint8Array(READ_BYTES);
      stream.read(buffer).then(
        (length) => this.push(length === null ? null : buffer.subarray(0, length)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(stream, chunk).then(() => done(), done);
    },
  });
  // the session has it from its own socket
  duplex.on("error", () => {});
  return duplex;
}

async function writeAll(stream: Stream, bytes: Uint8Array) {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}
