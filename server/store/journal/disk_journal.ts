import { reasonOf } from "../errors.ts";
import { ByteWriter } from "./codec/byte_writer.ts";
import {
  ALIGNMENT,
  alignRecord,
  findRecord,
  hashRecord,
  readRecord,
  type RecordInfo,
  sealRecord,
  writeRecord,
} from "./codec/record.ts";
import { DiskFolder, type JournalFile, type JournalFolder } from "./folder.ts";
import {
  type Journal,
  JournalLost,
  type JournalPosition,
  type JournalRecord,
  type NewRecord,
} from "./journal.ts";
import { NextSegment } from "./next_segment.ts";
import { JournalDamaged, type KeptSegment, recoverJournal, type Recovery } from "./recovery.ts";
import { decodeSegmentHead, seedOf, SEGMENT_HEAD_BYTES } from "./segment.ts";
import { type OpenSegment, SegmentPool, syncFolder } from "./segment_pool.ts";
import { makeStartSegment, START_SEGMENT_BYTES } from "./start_segment.ts";

/** Bytes of a segment. */
export const SEGMENT_BYTES = 16 * 1024 * 1024;

/** The next segment is made when so many bytes of the last one are used. */
const PREPARE_BYTES = 1024 * 1024;

/** Memory for records that wait to be written. It grows as needed, and is given back when it has grown beyond the second. */
const BUFFER_BYTES = 64 * 1024, BUFFER_BYTES_MAX = 4 * 1024 * 1024;

export interface DiskJournalOptions {
  /** The folder of its files: a path, which must be there; a test has another one. */
  folder: string | JournalFolder;
  /** 16 bytes that the database has too. */
  id: Uint8Array;
  /** The last record that the database has, and its hash. */
  position: JournalPosition;
  /** The database says that it has no journal yet. */
  isNew: boolean;
  /** Bytes of a segment, at least 4 KiB; {@linkcode SEGMENT_BYTES} if missing. */
  segmentBytes?: number;
  /** Is called for each record that is going to be read, before anything is changed, and may throw. */
  beforeReplay?: ((record: RecordInfo) => void) | undefined;
}

/** A segment to which records are appended. */
interface Tail extends OpenSegment {
  /** Numbers of the first record in it, and of the one after the last. */
  first: number;
  until: number;
  /** Where the next record begins. */
  end: number;
}

/** Bytes that were appended and not written: those from `start` in the buffer go to a place in a segment. */
interface Part {
  tail: Tail;
  at: number;
  start: number;
}

/** What is written and synced together. */
interface Appended {
  parts: readonly Part[];
  /** So many segments get nothing more. */
  full: number;
  /** The last record. */
  last: number;
  bytes: Uint8Array;
  length: number;
}

/**
 * A {@linkcode Journal} in segments (store 3). `append` writes to memory alone; `sync` writes that to the last segment, and
 * makes it durable off the thread.
 */
export class DiskJournal implements Journal {
  readonly #folder: JournalFolder;
  readonly #pool: SegmentPool;
  /** Segments that are not appended to any more, in order. */
  readonly #kept: KeptSegment[];
  #tail: Tail;
  readonly #next: NextSegment;
  #last: number;
  #durable: number;
  /** The hash of the last record, or else where that stands: it is computed while the disk is busy. */
  #chain: Uint8Array;
  #unhashed: { bytes: Uint8Array; start: number; end: number } | undefined;
  #bytes = 0;
  /** What was appended since the last write, and the memory of the one before. */
  #buffer = new ByteWriter(BUFFER_BYTES);
  #otherBuffer = new ByteWriter(BUFFER_BYTES);
  #parts: Part[] = [];
  /** Segments that nothing will be written to after the next sync. */
  #full: Tail[] = [];
  /** Those who wait for the next sync. */
  #waiting: PromiseWithResolvers<number> | undefined;
  #isSyncing = false;
  #lost: JournalLost | undefined;
  #closed: Promise<void> | undefined;

  /** Where the record after the last one had begun when it was opened, and was not whole: file and byte. */
  readonly torn: { path: string; offset: number } | undefined;

  /** Bytes of the records after the database's position, when it was opened. */
  readonly replayedBytes: number;

  private constructor(
    options: DiskJournalOptions,
    folder: JournalFolder,
    pool: SegmentPool,
    { end, kept, torn }: Recovery,
    tail: Tail,
  ) {
    this.replayedBytes = tail.end - SEGMENT_HEAD_BYTES;
    this.torn = torn && { path: `${folder.path}/${torn.name}`, offset: torn.at };
    this.#folder = folder;
    this.#pool = pool;
    this.#kept = kept.map((segment) => ({ ...segment, until: Math.min(segment.until, tail.first) }));
    this.#tail = tail;
    this.#last = this.#durable = end.number;
    this.#chain = end.chain;
    const { id, segmentBytes: size = SEGMENT_BYTES } = options, goesOn = { first: 0, back: 1 };
    this.#next = new NextSegment({
      pool,
      head: () => ({ ...goesOn, sequence: this.#tail.head.sequence + 1, size, id, synced: this.#durable }),
      lose: (error) => this.#lose(error),
    });
  }

  /**
   * Reads the journal, and makes durable again what comes after the database's position: {@linkcode DiskJournal.read} gives
   * it. With `isNew`, the database has to have the ID on disk before the first record is answered.
   *
   * @throws {JournalDamaged} It cannot be used as it is; nothing was changed.
   */
  static async open(options: DiskJournalOptions): Promise<DiskJournal> {
    const { id, position, isNew, segmentBytes = SEGMENT_BYTES, beforeReplay } = options;
    const folder = typeof options.folder === "string" ? new DiskFolder(options.folder) : options.folder;
    // the process before may have ended between a rename and this: names that are not durable could come back
    await syncFolder(folder);
    const recovery = recoverJournal(folder, id, position, isNew);
    if (beforeReplay) { for (const { info } of recovery.replay) beforeReplay(info); }
    const sizeMin = Math.min(START_SEGMENT_BYTES, segmentBytes);
    const pool = new SegmentPool(folder, Math.max(START_SEGMENT_BYTES, segmentBytes));
    await pool.trim(sizeMin);
    for (const name of recovery.unused) await pool.release(name);
    const first = position.number + 1;
    const start = await makeStartSegment(pool, id, first, recovery, sizeMin);
    const tail = { ...start, first, until: recovery.end.number + 1 };
    try {
      for (const name of recovery.replayed) await pool.release(name);
      const journal = new DiskJournal(options, folder, pool, recovery, tail);
      journal.#prepareInTime();
      return journal;
    } catch (error) {
      tail.file.close();
      throw error;
    }
  }

  get last(): number {
    return this.#last;
  }

  get chain(): Uint8Array {
    if (this.#unhashed) {
      const { bytes, start, end } = this.#unhashed;
      this.#chain = hashRecord(bytes, start, end);
      this.#unhashed = undefined;
    }
    return this.#chain;
  }

  get durable(): number {
    return this.#durable;
  }

  get lost(): JournalLost | undefined {
    return this.#closed ? undefined : this.#lost;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get room(): number {
    const { head, end } = this.#tail;
    const { segment } = this.#next, next = segment ? segment.head.size - SEGMENT_HEAD_BYTES : 0;
    return Math.max(head.size - end, next);
  }

  makeRoom(): Promise<void> {
    return this.#next.made();
  }

  /** How many segments there are, without spares. */
  get segments(): number {
    return this.#kept.length + (this.#next.segment ? 2 : 1);
  }

  append(record: NewRecord): number {
    if (this.#lost) throw this.#lost;
    const buffer = this.#buffer, start = buffer.length, number = this.#last + 1;
    try {
      writeRecord(buffer, record, { number, chain: this.chain, synced: this.#durable });
      this.#findPlace(start, alignRecord(buffer.length - start));
    } catch (error) {
      buffer.length = start;
      throw error;
    }
    const end = buffer.length;
    sealRecord(buffer.bytes, start, end, this.#tail.seed);
    this.#unhashed = { bytes: buffer.bytes, start, end };
    buffer.reserve(ALIGNMENT);
    while (buffer.length % ALIGNMENT !== 0) buffer.byte(0);
    this.#bytes += buffer.length - start;
    this.#tail.end += buffer.length - start;
    this.#tail.until = number + 1;
    this.#last = number;
    this.#prepareInTime();
    return number;
  }

  /** Decides where so many bytes go that stand in the buffer from `start` on. @throws {RangeError} */
  #findPlace(start: number, bytes: number) {
    if (this.#tail.end + bytes > this.#tail.head.size) {
      const next = this.#next.segment;
      if (!next || SEGMENT_HEAD_BYTES + bytes > next.head.size) {
        throw new RangeError(`Cannot append ${bytes} bytes: there is room for ${this.room}`);
      }
      this.#next.used();
      this.#full.push(this.#tail);
      this.#kept.push(this.#tail);
      const first = this.#last + 1;
      this.#tail = { ...next, first, until: first, end: SEGMENT_HEAD_BYTES };
    }
    if (this.#parts.at(-1)?.tail !== this.#tail) {
      this.#parts.push({ tail: this.#tail, at: this.#tail.end, start });
    }
  }

  sync(): Promise<number> {
    if (this.#lost) return Promise.reject(this.#lost);
    if (this.#durable === this.#last) return Promise.resolve(this.#durable);
    this.#waiting ??= Promise.withResolvers();
    const { promise } = this.#waiting;
    if (!this.#isSyncing) void this.#syncAll();
    return promise;
  }

  /** Writes and syncs until nobody waits any more. */
  async #syncAll() {
    this.#isSyncing = true;
    while (this.#waiting) {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      try {
        await this.#writeAndSync();
        waiting.resolve(this.#durable);
      } catch (error) {
        waiting.reject(error);
      }
    }
    this.#isSyncing = false;
  }

  syncNow(): number {
    if (this.#isSyncing) throw new RangeError("Cannot sync in this thread: a sync runs off it");
    const appended = this.#takeAppended();
    for (let i = 0; i < appended.parts.length; i++) {
      try {
        this.#write(appended, i).syncNow();
      } catch (error) {
        throw this.#loseSegment(appended.parts[i]!.tail, error);
      }
    }
    return this.#synced(appended);
  }

  /** @throws {JournalLost} */
  async #writeAndSync() {
    const appended = this.#takeAppended();
    for (let i = 0; i < appended.parts.length; i++) {
      try {
        const synced = this.#write(appended, i).sync();
        // computes the hash of the last record now, so that nobody waits for it later
        void this.chain;
        await synced;
      } catch (error) {
        throw this.#loseSegment(appended.parts[i]!.tail, error);
      }
    }
    this.#synced(appended);
  }

  /** What was appended since the last time. @throws {JournalLost} */
  #takeAppended(): Appended {
    if (this.#lost) throw this.#lost;
    const { bytes, length } = this.#buffer;
    const appended = { parts: this.#parts, full: this.#full.length, last: this.#last, bytes, length };
    this.#parts = [];
    this.#swapBuffers();
    return appended;
  }

  /** Writes a part into its segment. */
  #write({ parts, bytes, length }: Appended, i: number): JournalFile {
    const { tail: { file }, at, start } = parts[i]!;
    file.writeSync(bytes.subarray(start, parts[i + 1]?.start ?? length), at);
    return file;
  }

  #synced({ full, last }: Appended): number {
    for (const { file } of this.#full.splice(0, full)) file.close();
    return this.#durable = last;
  }

  #swapBuffers() {
    const written = this.#buffer;
    this.#buffer = this.#otherBuffer;
    // its bytes are in use until they are written, and that is before the next swap
    this.#otherBuffer = written.bytes.length > BUFFER_BYTES_MAX ? new ByteWriter(BUFFER_BYTES) : written;
    this.#buffer.length = 0;
  }

  #loseSegment({ name }: Tail, error: unknown): JournalLost {
    return this.#lose(new JournalLost(`Cannot write ${this.#folder.path}/${name}: ${reasonOf(error)}`));
  }

  /** @param error Names the file. */
  #lose(error: Error): JournalLost {
    this.#next.stop();
    return this.#lost ??= error instanceof JournalLost ? error : new JournalLost(error.message);
  }

  /** Makes the next segment when enough of the last one is used. */
  #prepareInTime() {
    if (this.#tail.end >= Math.min(PREPARE_BYTES, this.#tail.head.size / 2)) this.#next.make();
  }

  *read(from: number): Iterable<JournalRecord> {
    for (const segment of [...this.#kept, this.#tail]) {
      if (segment.until > from && segment.first <= this.#durable) yield* this.#readSegment(segment, from);
    }
  }

  *#readSegment({ name, first, until }: KeptSegment, from: number): Generator<JournalRecord> {
    const bytes = this.#folder.read(name), head = decodeSegmentHead(bytes);
    if (typeof head === "string") throw new JournalDamaged(`${this.#folder.path}/${name}`, 0, head);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), seed = seedOf(bytes);
    const end = Math.min(until, this.#durable + 1);
    for (let number = first, at = SEGMENT_HEAD_BYTES; number < end; number++) {
      const info = findRecord(bytes, view, at, seed);
      if (info?.number !== number) {
        throw new JournalDamaged(`${this.#folder.path}/${name}`, at, `record ${number} cannot be read`);
      }
      if (number >= from) yield readRecord(bytes, info);
      at = alignRecord(info.end);
    }
  }

  release(before: number) {
    while (this.#kept.length > 0) {
      const [segment, next = this.#tail] = this.#kept;
      // a start has to find the first record of the first segment (recovery.ts)
      const isFirstKnown = next.head.first > 0 || next.first <= this.#durable;
      if (segment!.until > before || !isFirstKnown) return;
      this.#kept.shift();
      this.#pool.release(segment!.name).then(
        () => this.#next.tryAgain(),
        (error) => this.#lose(error),
      );
    }
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close() {
    this.#next.stop();
    try {
      if (this.#durable < this.#last) await this.sync();
    } finally {
      await this.#pool.idle();
      for (const { file } of [...this.#full, this.#tail]) file.close();
      this.#next.segment?.file.close();
      this.#lost ??= new JournalLost("Cannot use the journal: it is closed");
    }
  }
}
