/**
 * One client on a stream: its bytes come in pieces, and what is sent to it waits in a queue.
 *
 * @module
 */

import { holderAt } from "../quota/holder.ts";
import type { PendingTotal } from "../quota/pending.ts";
import { type ChunkJoiner, type SendLimits, SendQueue } from "./send_queue.ts";
import type { Rounds } from "./rounds.ts";

/** What a connection needs of a socket; a TLS connection has it too. */
export interface Stream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

export interface ConnectionOptions {
  stream: Stream;
  /** The client's address. */
  hostname: string;
  port: number;
  limits: SendLimits;
  joiner: ChunkJoiner;
  total: PendingTotal;
  rounds: Rounds;
  /** Whole milliseconds of a clock that is never set back. */
  monotonicClock(): number;
}

/** Why the server gives a client up: what waits for it, its silence, or what waits for all and most of it for this one. */
export type CutOff = "pending" | "stalled" | "most pending";

/** Bytes of the smallest and of the largest buffer that is read into. */
const MIN_READ = 512, MAX_READ = 65_536;

export class Connection {
  readonly hostname: string;
  readonly port: number;
  /** Told when the client is given up; the connection is closed by then. */
  onCutOff: (why: CutOff) => void = () => {};
  /** Told when it becomes worth waiting for this client, or no longer. */
  onBehind: (behind: boolean) => void = () => {};
  readonly #stream: Stream;
  readonly #queue: SendQueue;
  readonly #rounds: Rounds;
  #buffer = new Uint8Array(MIN_READ);
  #closed = false;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor({ stream, hostname, port, limits, joiner, total, rounds, monotonicClock }: ConnectionOptions) {
    this.hostname = hostname;
    this.port = port;
    this.#stream = stream;
    this.#rounds = rounds;
    this.#queue = new SendQueue({
      holder: holderAt(hostname),
      limits,
      joiner,
      total,
      monotonicClock,
      onGiveUp: () => this.#cutOff("most pending"),
      write: (bytes) => stream.write(bytes),
      onBehind: (behind) => this.onBehind(behind),
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether a client that is behind ought to be waited for. */
  get isBehind(): boolean {
    return this.#queue.isBehind;
  }

  /** What the client says next, good until the next call; undefined when it says no more, or is gone. */
  async read(): Promise<Uint8Array | undefined> {
    if (this.#closed) return undefined;
    try {
      const round = this.#rounds.next;
      if (round !== undefined) await round;
      const length = await this.#stream.read(this.#buffer);
      if (length === null || this.#closed) return undefined;
      const bytes = this.#buffer.subarray(0, length);
      this.#fit(length);
      return bytes;
    } catch {
      return undefined;
    }
  }

  /** A buffer as large as what comes, so that many idle clients take little memory. */
  #fit(length: number) {
    const size = this.#buffer.length;
    const next = length === size ? 8 * size : length * 8 < size ? 2 * length : size;
    const fitting = Math.min(MAX_READ, Math.max(MIN_READ, next));
    if (fitting !== size) this.#buffer = new Uint8Array(fitting);
  }

  /** Sends the bytes, which are not changed any more, behind those before. Never waits and never throws. */
  send(bytes: Uint8Array) {
    if (!this.#closed && !this.#queue.push(bytes)) this.#cutOff("pending");
  }

  /** Gives the client up where it has taken nothing for too long. Comes once a second. */
  check() {
    if (!this.#closed && this.#queue.isStalled()) this.#cutOff("stalled");
  }

  /** Resolves when all that was sent is on its way, or lost with the client. */
  sent(): Promise<void> {
    return this.#queue.sent();
  }

  /** Waits so many milliseconds, or until `over`, or until it is closed. */
  async pause(ms: number, over?: Promise<void>) {
    if (this.#closed) return;
    this.#closing ??= Promise.withResolvers<void>();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([promise, this.#closing.promise, ...over === undefined ? [] : [over]]);
    clearTimeout(timer);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#closing?.resolve();
    try {
      this.#stream.close();
    } catch {
      // it is closed already
    }
  }

  #cutOff(why: CutOff) {
    this.close();
    this.onCutOff(why);
  }
}
