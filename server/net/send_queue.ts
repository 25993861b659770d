/**
 * What waits to be sent to a client on a stream: bounded, with one write at a time.
 *
 * @module
 */

import { concatBytes } from "../../protocol/syntax/bytes.ts";
import type { PendingClient, PendingTotal } from "../quota/pending.ts";
import type { Environment } from "../quota/uptime.ts";

/**
 * Limits of what waits to be sent to one client, and how long it may take nothing while something waits.
 *
 * The system takes more for a client only once a third of the megabytes that it holds for it are read: of one that reads
 * 100 KB a second, 15 s without a sign of it were measured. So the time allows for 25 KB a second.
 */
export const DEFAULT_SEND_LIMITS = { maxPendingBytes: 1024 * 1024, stallMs: 60_000 };
export type SendLimits = Readonly<typeof DEFAULT_SEND_LIMITS>;

/** Without progress for so long, no other client waits for one that is behind. */
const NO_PROGRESS_MS = 500;

/** Most bytes that are joined for one write. A longer chunk goes alone, and is not copied. */
const MAX_JOINED_BYTES = 65_536;

/** Joined batches that are remembered: the clients of both wires are behind by different amounts. */
const MAX_REMEMBERED = 8;

/**
 * Joins chunks for one write. Clients that were sent the same chunks since their last write get the same joined bytes, so
 * a message is copied once for all clients that keep up.
 */
export class ChunkJoiner {
  readonly #joined: { chunks: Uint8Array[]; bytes: Uint8Array }[] = [];
  #next = 0;

  join(chunks: Uint8Array[]): Uint8Array {
    const found = this.#joined.find(({ chunks: before }) =>
      before.length === chunks.length && before.every((chunk, i) => chunk === chunks[i])
    );
    if (found !== undefined) return found.bytes;
    const bytes = concatBytes(...chunks);
    this.#joined[this.#next] = { chunks, bytes };
    this.#next = (this.#next + 1) % MAX_REMEMBERED;
    return bytes;
  }

  /** Frees what it remembers. */
  clear() {
    this.#joined.length = 0;
    this.#next = 0;
  }
}

export interface SendQueueOptions extends Pick<Environment, "monotonicClock"> {
  /** Account or network that what waits is counted for: see `quota/owner.ts`. */
  owner: string;
  limits: SendLimits;
  joiner: ChunkJoiner;
  /** Counts what waits for all clients together. */
  total: PendingTotal;
  /** Called if too much waits for all clients together, and most of it for this one. */
  onDisconnect(): void;
  /** Writes some of the bytes, and returns how many. Rejects when the client is gone. */
  write(bytes: Uint8Array): Promise<number>;
  /** Called when {@linkcode SendQueue.isBehind} changes. */
  onBehind(isBehind: boolean): void;
}

/**
 * Invariant: at most `maxPendingBytes` wait. Chunks are kept by reference and never changed.
 *
 * A message to many members makes one write for each, and most writes end at once. So that a write costs little, no
 * asynchronous function is called for it, and a chunk is listed only if another one is still being written.
 */
export class SendQueue implements PendingClient {
  readonly #options: SendQueueOptions;
  /** What waits behind the current write. */
  #chunks: Uint8Array[] = [];
  /** The bytes of the current write, and what is left of them. */
  #current: Uint8Array | undefined;
  #rest: Uint8Array | undefined;
  #pendingBytes = 0;
  #progressMs = 0;
  #isBehind = false;
  #isClosed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    options.total.add(this);
  }

  disconnect() {
    this.#options.onDisconnect();
  }

  get owner(): string {
    return this.#options.owner;
  }

  /** Bytes that wait, with those of the current write. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether more than a quarter of what may wait does, and the client reads some of it: others do well to wait for it. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Adds a chunk. Returns false, and adds nothing, if more than the limit would wait. */
  push(chunk: Uint8Array): boolean {
    const { limits, monotonicClock, total } = this.#options;
    if (this.#isClosed) return true;
    if (this.#pendingBytes + chunk.length > limits.maxPendingBytes) return false;
    if (this.#pendingBytes === 0) this.#progressMs = monotonicClock();
    this.#pendingBytes += chunk.length;
    total.hold(chunk);
    if (this.#current === undefined) this.#write(this.#current = chunk);
    else this.#chunks.push(chunk);
    if (this.#isLong && !this.#isBehind) {
      this.#setBehind(monotonicClock() - this.#progressMs < NO_PROGRESS_MS);
    }
    return true;
  }

  /** Whether the client has read nothing for too long. To be called once a second. */
  isStalled(): boolean {
    if (this.#pendingBytes === 0) return false;
    const silentMs = this.#options.monotonicClock() - this.#progressMs;
    if (this.#isBehind && silentMs >= NO_PROGRESS_MS) this.#setBehind(false);
    return silentMs >= this.#options.limits.stallMs;
  }

  /** Resolves when nothing waits any more. */
  sent(): Promise<void> {
    if (this.#pendingBytes === 0 || this.#isClosed) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  /** Drops what waits, and takes no more. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { total } = this.#options;
    if (this.#current !== undefined) total.release(this.#current);
    for (const chunk of this.#chunks) total.release(chunk);
    total.remove(this);
    this.#current = this.#rest = undefined;
    this.#chunks = [];
    this.#pendingBytes = 0;
    this.#setBehind(false);
    this.#idle?.resolve();
  }

  #write(bytes: Uint8Array) {
    this.#rest = bytes;
    this.#options.write(bytes).then(this.#onWritten, this.#onFailed);
  }

  readonly #onWritten = (bytes: number) => {
    if (this.#isClosed) return;
    const { monotonicClock, total } = this.#options, rest = this.#rest!;
    this.#pendingBytes -= bytes;
    this.#progressMs = monotonicClock();
    this.#setBehind(this.#isLong);
    if (bytes < rest.length) return this.#write(rest.subarray(bytes));
    total.release(this.#current!);
    if (this.#chunks.length > 0) return this.#write(this.#current = this.#next());
    this.#current = this.#rest = undefined;
    this.#idle?.resolve();
    this.#idle = undefined;
  };

  /** The client is gone, which the reader of its connection sees. */
  readonly #onFailed = () => this.close();

  /** The bytes of the next write: the chunks that have waited longest, joined if they are short. */
  #next(): Uint8Array {
    const { joiner, total } = this.#options;
    let count = 0, bytes = 0;
    do bytes += this.#chunks[count++]!.length; while (
      bytes + (this.#chunks[count]?.length ?? MAX_JOINED_BYTES) <= MAX_JOINED_BYTES
    );
    const chunks = this.#chunks.splice(0, count);
    if (count === 1) return chunks[0]!;
    const joined = joiner.join(chunks);
    total.hold(joined);
    for (const chunk of chunks) total.release(chunk);
    return joined;
  }

  get #isLong(): boolean {
    return this.#pendingBytes > this.#options.limits.maxPendingBytes / 4;
  }

  #setBehind(isBehind: boolean) {
    if (this.#isBehind === isBehind) return;
    this.#isBehind = isBehind;
    this.#options.onBehind(isBehind);
  }
}
