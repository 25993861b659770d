/**
 * A port on which clients may speak TLS, by their first byte, or must.
 *
 * @module
 */

import { within } from "../../quota/uptime.ts";
import type { Beginning, Stream, StreamSocket } from "../listener.ts";
import type { Certificate } from "./certificate.ts";
import type { Handshake, Handshakes } from "./handshakes.ts";
import { Hello } from "./hello.ts";
import { TlsSession } from "./tls_session.ts";

/** How long a client may take until its first byte, and from there for all of the handshake, in ms (channels.md 10.3). */
export const HANDSHAKE_TIMEOUT_MS = 10_000;

/** The first byte of every client that speaks TLS: the type of a record with a handshake (RFC 8446, 5.1). */
const HANDSHAKE_RECORD = 0x16;

/** Bytes of a read before the handshake: a plain client's first message, or most of a hello. */
const READ_BYTES = 512;

const TOO_MANY: Beginning = { outcome: "too many handshakes" };

const GONE_MEANWHILE: Beginning = { outcome: "tls failed", why: "the client is gone" };

export interface TlsPortOptions {
  certificate: Pick<Certificate, "context">;
  /** Whether a client may also speak without TLS; then it may be silent for as long as it likes. */
  takesPlain: boolean;
  /** Those of all ports. */
  handshakes: Pick<Handshakes, "begin">;
  handshakeTimeoutMs?: number;
}

export class TlsPort implements StreamSocket {
  readonly #socket: StreamSocket;
  readonly #options: TlsPortOptions;

  constructor(socket: StreamSocket, options: TlsPortOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  async accept(): Promise<Stream> {
    return new TlsPortStream(await this.#socket.accept(), this.#options);
  }

  close() {
    this.#socket.close();
  }
}

class TlsPortStream implements Stream {
  readonly #stream: Stream;
  readonly #options: TlsPortOptions;
  #session: TlsSession | undefined;
  #isClosed = false;
  readonly #closed = Promise.withResolvers<Beginning>();
  /** What a plain client has sent, and was not read yet. */
  #first: Uint8Array | undefined;

  constructor(stream: Stream, options: TlsPortOptions) {
    this.#stream = stream;
    this.#options = options;
  }

  get remoteAddr(): Deno.Addr {
    return this.#stream.remoteAddr;
  }

  get isTls(): boolean {
    return this.#session !== undefined;
  }

  async begin(): Promise<Beginning> {
    const reading = this.#readFirst(), { takesPlain } = this.#options;
    const first = takesPlain ? await reading : await this.#inTime(reading);
    if (first === "timed out") return this.#timedOut;
    if (first === undefined) return { outcome: "gone" };
    if (first[0] !== HANDSHAKE_RECORD) {
      this.#first = first;
      return { outcome: takesPlain ? "plain" : "plaintext refused" };
    }
    const { hostname } = this.#stream.remoteAddr as Deno.NetAddr,
      givenUp = Promise.withResolvers<Beginning>();
    const handshake = this.#options.handshakes.begin(hostname, () => givenUp.resolve(TOO_MANY));
    const securing = Promise.race([this.#secure(first, handshake), givenUp.promise, this.#closed.promise]);
    const beginning = await this.#inTime(securing);
    handshake.end();
    return beginning === "timed out" ? this.#timedOut : beginning;
  }

  get #timedOut(): Beginning {
    const { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = this.#options;
    return { outcome: "tls timed out", why: `no handshake in ${handshakeTimeoutMs / 1000} s` };
  }

  async #inTime<T>(work: Promise<T>): Promise<T | "timed out"> {
    const { handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS } = this.#options;
    return await within(handshakeTimeoutMs, work) ? await work : "timed out";
  }

  /** The first bytes; undefined if there are none. */
  async #readFirst(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(READ_BYTES);
    const length = await this.#stream.read(buffer).catch(() => null);
    return length === null ? undefined : buffer.subarray(0, length);
  }

  /** Waits for the whole hello, then for its turn, and answers it. */
  async #secure(first: Uint8Array, handshake: Handshake): Promise<Beginning> {
    const hello = new Hello();
    for (let bytes: Uint8Array | undefined = first;; bytes = await this.#readFirst()) {
      if (bytes === undefined) return GONE_MEANWHILE;
      const state = hello.add(bytes);
      if (state === "malformed") {
        return { outcome: "tls failed", why: "the client's first message is no hello" };
      }
      if (state === "whole") break;
    }
    const buffer = new Uint8Array(READ_BYTES), reading = this.#stream.read(buffer);
    const turn = handshake.turn();
    const gone = reading.then<boolean | "gone", "gone">(
      (length) => length === null ? "gone" : turn,
      () => "gone",
    );
    const isItsTurn = await Promise.race([turn, gone]);
    if (isItsTurn === "gone") return GONE_MEANWHILE;
    if (!isItsTurn) return TOO_MANY;
    if (this.#isClosed) return { outcome: "gone" };
    const stream = withRead(this.#stream, buffer, reading);
    this.#session = new TlsSession(stream, hello.bytes, this.#options.certificate.context);
    try {
      await this.#session.secured;
      return { outcome: "tls" };
    } catch (error) {
      return { outcome: "tls failed", why: (error as Error).message };
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#session !== undefined) return this.#session.read(buffer);
    if (this.#first === undefined) return this.#stream.read(buffer);
    const length = Math.min(this.#first.length, buffer.length);
    buffer.set(this.#first.subarray(0, length));
    this.#first = length < this.#first.length ? this.#first.subarray(length) : undefined;
    return Promise.resolve(length);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#session === undefined ? this.#stream.write(bytes) : this.#session.write(bytes);
  }

  /** A TLS session has an end of its own, which `close` sends. */
  async closeWrite() {
    if (this.#session === undefined) await this.#stream.closeWrite?.();
  }

  close(): void | Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve({ outcome: "gone" });
    return this.#session === undefined ? this.#stream.close() : this.#session.close();
  }

  setNoDelay(on: boolean) {
    this.#stream.setNoDelay?.(on);
  }

  setKeepAlive(on: boolean) {
    this.#stream.setKeepAlive?.(on);
  }
}

/** The stream, a first read of which into this buffer was begun; the next one may not be shorter. */
function withRead(stream: Stream, buffer: Uint8Array, reading: Promise<number | null>): Stream {
  let begun: Promise<number | null> | undefined = reading;
  return {
    remoteAddr: stream.remoteAddr,
    async read(into) {
      if (begun === undefined) return stream.read(into);
      const length = await begun;
      begun = undefined;
      into.set(buffer.subarray(0, length ?? 0));
      return length;
    },
    write: (bytes) => stream.write(bytes),
    close: () => stream.close(),
  };
}
