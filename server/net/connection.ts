/**
 * A client connected by a stream: bytes are read in pieces, and what is sent waits in a queue.
 *
 * @module
 */

import { isLoopback, plainAddress } from "../quota/address.ts";
import { ownerAt } from "../quota/owner.ts";
import type { PendingTotal } from "../quota/pending.ts";
import { type Environment, within } from "../quota/uptime.ts";
import type { SocketPolling } from "./fairness.ts";
import type { Beginning, Stream } from "./listener.ts";
import { type ChunkJoiner, type SendLimits, SendQueue } from "./send_queue.ts";

export interface ConnectionOptions extends Pick<Environment, "monotonicClock"> {
  limits: SendLimits;
  joiner: ChunkJoiner;
  /** What waits to be sent to all clients together. */
  total: PendingTotal;
  polling: SocketPolling;
}

/**
 * Why the server disconnects a client: too much waits for it; it reads nothing; too much waits for all clients together, and
 * most of it for this one.
 */
export type DisconnectReason = "pending" | "stalled" | "most pending";

/** Sizes of the buffer that is read into. */
const MIN_READ_BYTES = 512, MAX_READ_BYTES = 65_536;

/** Bytes of a read after which others come first who have read less. */
const LONG_READ_BYTES = 4096;

export class Connection {
  readonly hostname: string;
  readonly port: number;
  readonly #stream: Stream;
  readonly #queue: SendQueue;
  readonly #polling: SocketPolling;
  #buffer = new Uint8Array(MIN_READ_BYTES);
  #isClosed = false;
  /** Resolves when it is closed; there only while something waits for that. */
  #closed: PromiseWithResolvers<void> | undefined;
  #closing: void | Promise<void> = undefined;

  constructor(stream: Stream, { hostname, port }: Deno.NetAddr, options: ConnectionOptions) {
    this.hostname = plainAddress(hostname);
    this.port = port;
    this.#stream = stream;
    this.#polling = options.polling;
    this.#queue = new SendQueue({
      ...options,
      owner: ownerAt(hostname),
      onDisconnect: () => this.#disconnect("most pending"),
      write: (bytes) => stream.write(bytes),
      onBehind: (isBehind) => this.onBehind(isBehind),
    });
  }

  /** Called when the server disconnects the client; the connection is closed by then. */
  protected onDisconnect(_why: DisconnectReason) {}

  /** Called when {@linkcode isBehind} changes. */
  protected onBehind(_isBehind: boolean) {}

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether nobody on the way can read what is sent and received, so that a secret may travel as it is. */
  get isPrivate(): boolean {
    return this.#stream.isTls === true || isLoopback(this.hostname);
  }

  /** How the client begins; undefined where it can only be plain. To be called before the first read. */
  begin(): Promise<Beginning> | undefined {
    return this.#stream.begin?.();
  }

  /** Whether much waits for the client, and it reads: others do well to wait for it. */
  get isBehind(): boolean {
    return this.#queue.isBehind;
  }

  /** The next bytes, valid until the next call; undefined if the client sends no more, or is gone. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#isClosed) return undefined;
    try {
      const length = await this.#stream.read(this.#buffer);
      if (length === null) return undefined;
      const turn = this.#polling.turn(length >= LONG_READ_BYTES);
      if (turn !== undefined) await turn;
      if (this.#isClosed) return undefined;
      const bytes = this.#buffer.subarray(0, length);
      this.#fitBuffer(length);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** Makes the buffer as large as what comes, so that many idle clients take little memory. */
  #fitBuffer(length: number) {
    const size = this.#buffer.length;
    const next = length === size ? 8 * size : length * 8 < size ? 2 * length : size;
    const fitting = Math.min(MAX_READ_BYTES, Math.max(MIN_READ_BYTES, next));
    if (fitting !== size) this.#buffer = new Uint8Array(fitting);
  }

  /** Sends bytes that are not changed any more, after those of earlier calls. Never waits and never throws. */
  send(bytes: Uint8Array) {
    if (!this.#isClosed && !this.#queue.push(bytes)) this.#disconnect("pending");
  }

  /** Disconnects the client if it has read nothing for too long. To be called once a second. */
  check() {
    if (!this.#isClosed && this.#queue.isStalled()) this.#disconnect("stalled");
  }

  /** Resolves when all that was sent is on its way, or lost with the client. */
  sent(): Promise<void> {
    return this.#queue.sent();
  }

  /** Waits `ms` milliseconds, or until `ended` resolves or the connection is closed. */
  async pause(ms: number, ended?: Promise<void>) {
    if (this.#isClosed) return;
    this.#closed ??= Promise.withResolvers<void>();
    const closed = this.#closed.promise;
    await within(ms, Promise.race([closed, ended ?? closed]));
  }

  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.close();
    this.#closed?.resolve();
    try {
      this.#closing = this.#stream.close();
    } catch {
      // it is closed already
    }
  }

  /** Resolves when nothing more is sent after {@linkcode close}. */
  async ended() {
    await this.#closing;
  }

  #disconnect(why: DisconnectReason) {
    this.close();
    this.onDisconnect(why);
  }
}
