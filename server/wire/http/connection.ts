/**
 * A TCP connection as node:http takes it: a duplex stream over a connection that Deno has accepted, with or without TLS.
 *
 * Invariant: what is written is taken only as fast as the client reads, and no more is read than the server takes.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { concatBytes } from "../../../protocol/syntax/bytes.ts";
import type { SlottedConnection } from "../../net/connection_slots.ts";
import type { SocketPolling } from "../../net/fairness.ts";
import type { Beginning, Stream } from "../../net/listener.ts";
import { isLoopback, networkOf, plainAddress } from "../../quota/address.ts";
import { type Environment, within } from "../../quota/uptime.ts";
import type { Traffic } from "../../report/clients.ts";

/** How long what a client still sends is read behind the last answer, in milliseconds. */
const LINGER_MS = 1000;

/** Sizes of the buffer that is read into: each idle connection has one. */
const MIN_READ_BYTES = 2048, MAX_READ_BYTES = 65_536;

/** Longest time for each phase of a connection, in milliseconds (http.md 6.2). */
export interface HttpTimeouts {
  /** Between two requests, and before the first. */
  idleMs: number;
  /** For all headers of a request. */
  headMs: number;
  /** For a body that is read into memory; and between two pieces of any other. */
  bodyMs: number;
  /** Without a byte taken by the client while something waits to be sent to it. */
  stallMs: number;
}

export interface HttpConnectionOptions extends Pick<Environment, "monotonicClock"> {
  polling: SocketPolling;
  timeouts: HttpTimeouts;
  traffic: Traffic;
}

/** What node:http writes: the head is a text, a body may be one. */
interface Chunk {
  chunk: Uint8Array | string;
  encoding: string;
}

/** What a connection is at: `answer` has no bound but that of its route, as a client may wait for a message. */
export type HttpPhase = "idle" | "head" | "body" | "piece" | "answer";

export class HttpConnection extends Duplex implements SlottedConnection {
  readonly hostname: string;
  readonly port: number;
  readonly network: string;
  readonly traffic: Traffic;
  /** The account whose log-in came last. */
  name = "";
  /** Resolves when it is closed. */
  readonly gone: Promise<void>;
  /** Bytes that the system has taken for the client. */
  writtenBytes = 0;
  /** Requests that are not answered yet. */
  unanswered = 0;
  /**
   * Takes a request that these bytes are, and resolves when it is answered; returns undefined if they are none that is
   * taken so. Then they, and all that comes, go to node:http.
   */
  takeWhole: ((bytes: Uint8Array) => Promise<void> | undefined) | undefined;
  readonly #stream: Stream;
  readonly #options: HttpConnectionOptions;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #phase: HttpPhase = "idle";
  /** When the phase began, or the last piece of a body came; and when the client took something last. */
  #phaseMs: number;
  #progressMs: number;
  #isWriting = false;
  /** The read that is under way, and whether the client sends no more. */
  #reading: Promise<void> = Promise.resolve();
  #hasEnded = false;
  #closing: void | Promise<void> = undefined;
  #isStreamClosed = false;
  #isReading = false;
  #isTakenOver = false;
  /** Whether node:http is not told yet that the client sends no more, and whether it has to be at once. */
  #isEndHeld = false;
  #isEndAwaited = false;

  constructor(stream: Stream, { hostname, port }: Deno.NetAddr, options: HttpConnectionOptions) {
    // texts are encoded here, several of them at once
    super({ allowHalfOpen: true, decodeStrings: false });
    this.#stream = stream;
    this.#options = options;
    this.traffic = options.traffic;
    this.hostname = plainAddress(hostname);
    this.port = port;
    this.network = networkOf(hostname);
    this.#phaseMs = this.#progressMs = options.monotonicClock();
    this.gone = new Promise((resolve) => this.once("close", resolve));
    // the client is gone: who waits for something of it sees the end
    this.on("error", () => {});
  }

  /** How the client begins; undefined where it can only be plain. */
  begin(): Promise<Beginning> | undefined {
    return this.#stream.begin?.();
  }

  get isTls(): boolean {
    return this.#stream.isTls === true;
  }

  /** Whether nobody on the way can read what is sent and received, so that a secret may travel as it is. */
  get isPrivate(): boolean {
    return this.isTls || isLoopback(this.hostname);
  }

  get phase(): HttpPhase {
    return this.#phase;
  }

  setPhase(phase: HttpPhase) {
    this.#phase = phase;
    this.#phaseMs = this.#options.monotonicClock();
    if (phase === "answer") return;
    this.#isEndAwaited = false;
    this.#tellEnd();
  }

  /** What is asked may take any time: it has to end when the client does. */
  awaitEnd() {
    this.#isEndAwaited = true;
    this.#tellEnd();
  }

  #tellEnd() {
    if (!this.#isEndHeld) return;
    this.#isEndHeld = false;
    this.push(null);
  }

  /** What has taken too long, if anything has. To be called about every second. */
  timedOut(): "idle" | "head" | "body" | "stalled" | undefined {
    const now = this.#options.monotonicClock(), { idleMs, headMs, bodyMs, stallMs } = this.#options.timeouts;
    if (this.#isWriting && now - this.#progressMs >= stallMs) return "stalled";
    const phaseMs = now - this.#phaseMs;
    switch (this.#phase) {
      case "idle":
        return phaseMs >= idleMs ? "idle" : undefined;
      case "head":
        return phaseMs >= headMs ? "head" : undefined;
      case "body":
      case "piece":
        return phaseMs >= bodyMs ? "body" : undefined;
      case "answer":
        return undefined;
    }
  }

  /** Closes it at once. */
  close() {
    this.destroy();
    this.#closeStream();
  }

  /**
   * Takes the connection over from node:http, behind what that has written. What the client still sends is dropped, and
   * its end is the connection's. Returns what writes some of its bytes, and returns how many.
   */
  async takeOver(): Promise<(bytes: Uint8Array) => Promise<number>> {
    await new Promise<void>((resolve) => this.write(new Uint8Array(), () => resolve()));
    this.#isTakenOver = true;
    if (!this.#isReading) void this.#readPiece();
    return (bytes) => this.#stream.write(bytes);
  }

  /** Resolves when nothing more is sent. */
  async ended() {
    await this.#closing;
  }

  override _read() {
    this.#reading = this.#readPiece();
  }

  async #readPiece() {
    try {
      const length = await this.#readNext();
      if (length === null) this.#hasEnded = true;
      if (this.destroyed || this.writableEnded && length !== null) return;
      if (this.#isTakenOver) return length === null ? this.close() : void this.#readPiece();
      if (length === null) {
        // node:http gives no answer to who has ended its side, which 'nc -N' does behind its request
        this.#isEndHeld = true;
        if (this.unanswered === 0 || this.#phase !== "answer" || this.#isEndAwaited) this.#tellEnd();
        return;
      }
      this.takeWhole = undefined;
      // the buffer is read into again before all of this is used
      const bytes = this.#buffer.slice(0, length);
      this.#fitBuffer(length);
      this.traffic.received(0, length);
      if (this.#phase === "idle") this.setPhase("head");
      else if (this.#phase === "piece") this.setPhase("piece");
      this.push(bytes);
    } catch {
      this.destroy();
    }
  }

  /** Reads until something has come that is not taken whole. */
  async #readNext(): Promise<number | null> {
    for (;;) {
      const length = await this.#readBytes();
      if (length === null || this.destroyed || this.writableEnded) return length;
      const answered = this.takeWhole?.(this.#buffer.subarray(0, length));
      if (answered === undefined) return length;
      this.traffic.received(0, length);
      // nothing more is read until then: answers keep the order of their requests
      await answered;
      if (this.destroyed || this.writableEnded) return length;
    }
  }

  async #readBytes(): Promise<number | null> {
    this.#isReading = true;
    const polled = this.#options.polling.due;
    if (polled !== undefined) await polled;
    const length = await this.#stream.read(this.#buffer);
    this.#isReading = false;
    return length;
  }

  /** Makes the buffer as large as what comes, so that many idle clients take little memory. */
  #fitBuffer(length: number) {
    const size = this.#buffer.length;
    const next = length === size ? 8 * size : length * 8 < size ? 2 * length : size;
    const fitting = Math.min(MAX_READ_BYTES, Math.max(MIN_READ_BYTES, next));
    if (fitting !== size) this.#buffer = new Uint8Array(fitting);
  }

  override _write(chunk: Uint8Array | string, encoding: string, done: (error?: Error | null) => void) {
    this.#writeAll(bytesOf({ chunk, encoding }), done);
  }

  override _writev(chunks: Chunk[], done: (error?: Error | null) => void) {
    // node:http ends an answer with an empty one
    const filled = chunks.filter(({ chunk }) => chunk.length > 0);
    this.#writeAll(filled.length === 1 ? bytesOf(filled[0]!) : concatBytes(...filled.map(bytesOf)), done);
  }

  /** Most answers are taken whole by the first write. */
  #writeAll(bytes: Uint8Array, done: (error?: Error | null) => void) {
    if (bytes.length === 0) return done();
    this.#isWriting = true;
    this.#progressMs = this.#options.monotonicClock();
    this.#stream.write(bytes).then((length) => {
      this.writtenBytes += length;
      this.traffic.sent(0, length);
      if (length < bytes.length) return this.#writeAll(bytes.subarray(length), done);
      this.#isWriting = false;
      done();
    }).catch(done);
  }

  /** Sends an answer past node:http, which has been given nothing yet. */
  sendWhole(answer: string, isLast: boolean, done: () => void) {
    this.#writeAll(encoder.encode(answer), (error) => {
      if (error) this.destroy();
      else if (isLast) this.end();
      done();
    });
  }

  override _final(done: (error?: Error | null) => void) {
    this.#linger().then(() => done(), () => done());
  }

  /**
   * Closes it behind what was sent. What the client still sends is read for a while: a connection that is closed with
   * something unread is reset, and the client may lose the answer (RFC 9112, section 9.6).
   */
  async #linger() {
    await this.#stream.closeWrite?.();
    const readRest = async () => {
      await this.#reading;
      while (!this.#hasEnded && !this.#isStreamClosed) {
        this.#hasEnded = await this.#stream.read(this.#buffer) === null;
      }
    };
    await within(LINGER_MS, readRest().catch(() => {}));
    this.#closeStream();
    await this.#closing;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void) {
    this.#closeStream();
    done(error);
  }

  #closeStream() {
    if (this.#isStreamClosed) return;
    this.#isStreamClosed = true;
    try {
      this.#closing = this.#stream.close();
    } catch {
      // it is closed already
    }
  }

  // node:http calls these of a socket; its timeouts are those of `timedOut` instead
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  get remoteAddress(): string {
    return this.hostname;
  }
  get remotePort(): number {
    return this.port;
  }
  get encrypted(): boolean {
    return this.isTls;
  }
}

const encoder = new TextEncoder();

function bytesOf({ chunk, encoding }: Chunk): Uint8Array {
  if (typeof chunk !== "string") return chunk;
  return encoding === "utf8" || encoding === "utf-8"
    ? encoder.encode(chunk)
    : Buffer.from(chunk, encoding as "latin1");
}
