import type { PendingTotal, Waiting } from "../quota/pending.ts";

/** Limits of what waits to be sent to one client. */
export interface SendLimits {
  /** Most bytes that may wait. */
  maxPending: number;
  /** Milliseconds for which the client may take nothing while something waits. */
  stall: number;
}

export const DEFAULT_SEND_LIMITS: Readonly<SendLimits> = { maxPending: 1024 * 1024, stall: 10_000 };

/** Milliseconds without progress after which nobody waits for a client that is behind. */
const GIVEN_UP = 500;

/** Most bytes that are put together for one write. A chunk that is longer goes alone, and is not copied. */
const JOINED = 65_536;

/** Batches that are remembered joined: of clients of both wires, which are behind by different amounts. */
const REMEMBERED = 8;

/** The chunks, one behind the other. */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/**
 * Puts chunks together for one write. Clients that were sent the same chunks since their last write get the same joined
 * bytes, so that a message is copied once for all who keep pace.
 */
export class ChunkJoiner {
  readonly #joined: { chunks: Uint8Array[]; bytes: Uint8Array }[] = [];
  #next = 0;

  join(chunks: Uint8Array[]): Uint8Array {
    const same = ({ chunks: before }: { chunks: Uint8Array[] }) =>
      before.length === chunks.length && before.every((chunk, i) => chunk === chunks[i]);
    const found = this.#joined.find(same);
    if (found !== undefined) return found.bytes;
    const bytes = joinChunks(chunks);
    this.#joined[this.#next] = { chunks, bytes };
    this.#next = (this.#next + 1) % REMEMBERED;
    return bytes;
  }

  /** Lets go of what it remembers: nobody may need it any more. */
  clear() {
    this.#joined.length = 0;
    this.#next = 0;
  }
}

export interface SendQueueOptions {
  /** Who holds what waits: see `holder.ts`. */
  holder: string;
  limits: SendLimits;
  joiner: ChunkJoiner;
  /** Counts what waits for all clients together. */
  total: PendingTotal;
  /** Gives the client up, because too much waits for all together and most of it for this one. */
  onGiveUp(): void;
  /** Takes some of the bytes, and says how many. Rejects when the client is gone. */
  write(bytes: Uint8Array): Promise<number>;
  /** Whole milliseconds of a clock that is never set back. */
  monotonicClock(): number;
  /** More than a quarter of what may wait does, and the client takes some of it; or that is over. */
  onBehind(behind: boolean): void;
}

/**
 * What waits to be sent to one client: bounded, with one write at a time, which carries what waits, up to a limit.
 * Chunks are kept by reference and never changed.
 */
export class SendQueue implements Waiting {
  readonly #options: SendQueueOptions;
  #chunks: Uint8Array[] = [];
  /** What the write that is under way is of. */
  #underWay: Uint8Array | undefined;
  #pending = 0;
  #writing = false;
  #progress = 0;
  #behind = false;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    options.total.add(this);
  }

  giveUp() {
    this.#options.onGiveUp();
  }

  get holder(): string {
    return this.#options.holder;
  }

  /** Bytes that wait, those of the write that is under way too. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether a client that is behind ought to be waited for. */
  get isBehind(): boolean {
    return this.#behind;
  }

  /** Adds a chunk. Returns false, and adds nothing, where more would wait than may. */
  push(chunk: Uint8Array): boolean {
    const { limits, monotonicClock, total } = this.#options;
    if (this.#closed) return true;
    if (this.#pending + chunk.length > limits.maxPending) return false;
    if (this.#pending === 0) this.#progress = monotonicClock();
    this.#pending += chunk.length;
    this.#chunks.push(chunk);
    total.hold(chunk);
    if (!this.#writing) this.#write();
    if (this.#isLong && !this.#behind) this.#setBehind(monotonicClock() - this.#progress < GIVEN_UP);
    return true;
  }

  /** Whether the client has taken nothing for too long. Comes once a second. */
  isStalled(): boolean {
    if (this.#pending === 0) return false;
    const silent = this.#options.monotonicClock() - this.#progress;
    if (this.#behind && silent >= GIVEN_UP) this.#setBehind(false);
    return silent >= this.#options.limits.stall;
  }

  /** Resolves when nothing waits any more. */
  sent(): Promise<void> {
    if (this.#pending === 0 || this.#closed) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  /** Forgets what waits, and takes no more. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    const { total } = this.#options;
    if (this.#underWay !== undefined) total.release(this.#underWay);
    for (const chunk of this.#chunks) total.release(chunk);
    total.remove(this);
    this.#underWay = undefined;
    this.#chunks = [];
    this.#pending = 0;
    this.#setBehind(false);
    this.#idle?.resolve();
  }

  async #write() {
    this.#writing = true;
    try {
      while (this.#chunks.length > 0) {
        this.#underWay = this.#next();
        let bytes = this.#underWay;
        while (bytes.length > 0) {
          const written = await this.#options.write(bytes);
          if (this.#closed) return;
          this.#pending -= written;
          this.#progress = this.#options.monotonicClock();
          this.#setBehind(this.#isLong);
          bytes = bytes.subarray(written);
        }
        this.#options.total.release(this.#underWay);
        this.#underWay = undefined;
      }
    } catch {
      // whoever reads from this client learns that it is gone
      this.close();
    }
    this.#writing = false;
    if (this.#pending === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }

  /** What the next write is to be of: the chunks that have waited longest, put together where they are short. */
  #next(): Uint8Array {
    const { joiner, total } = this.#options;
    let count = 0, bytes = 0;
    do bytes += this.#chunks[count++]!.length; while (
      bytes + (this.#chunks[count]?.length ?? JOINED) <= JOINED
    );
    const chunks = this.#chunks.splice(0, count);
    if (count === 1) return chunks[0]!;
    const joined = joiner.join(chunks);
    total.hold(joined);
    for (const chunk of chunks) total.release(chunk);
    return joined;
  }

  get #isLong(): boolean {
    return this.#pending > this.#options.limits.maxPending / 4;
  }

  #setBehind(behind: boolean) {
    if (this.#behind === behind) return;
    this.#behind = behind;
    this.#options.onBehind(behind);
  }
}
