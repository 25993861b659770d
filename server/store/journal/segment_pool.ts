import { hasNoDescriptor, type JournalFile, type JournalFolder } from "./folder.ts";
import {
  encodeSegmentHead,
  seedOf,
  SEGMENT_HEAD_BYTES,
  type SegmentHead,
  segmentName,
  spareName,
  spareNumberOf,
} from "./segment.ts";

/** Released segments that are kept to be used again. */
const SPARES_MAX = 2;

/** Bytes that are written at once where a file is made. */
const PIECE_BYTES = 256 * 1024;

/** A segment that is durable with its name, and open to be written to. */
export interface OpenSegment {
  name: string;
  head: SegmentHead;
  /** What begins the checksums of its records. */
  seed: number;
  file: JournalFile;
}

/** Whether an error says that there is no room, be it for the disk or for the user, or no descriptor. */
export function isNoSpace(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG" || hasNoDescriptor(error);
}

/**
 * Makes segments, and uses those again that were released (store 3.1, 3.3, 3.5). One thing at a time, in the order in which it
 * was asked for.
 */
export class SegmentPool {
  readonly #folder: JournalFolder;
  readonly #spareBytesMax: number;
  /** Names of files that can be used, and how many bytes they have. */
  readonly #spares: { name: string; size: number }[] = [];
  #lastSpare = 0;
  #work: Promise<unknown> = Promise.resolve();

  /**
   * Files that are spares already belong to it.
   *
   * @param spareBytesMax Longer ones, as a start after a long journal makes them, are not kept.
   */
  constructor(folder: JournalFolder, spareBytesMax = Infinity) {
    this.#folder = folder;
    this.#spareBytesMax = spareBytesMax;
    for (const name of folder.list()) {
      const number = spareNumberOf(name);
      if (number === undefined) continue;
      this.#lastSpare = Math.max(this.#lastSpare, number);
      this.#spares.push({ name, size: folder.size(name) });
    }
  }

  /**
   * Makes a segment of at least `head.size` bytes, which begins with these records.
   *
   * @param seal Receives what begins the checksums, and returns the records' bytes.
   */
  make(head: SegmentHead, seal: (seed: number) => Uint8Array = () => new Uint8Array()): Promise<OpenSegment> {
    return this.#queue(() => this.#make(head, seal));
  }

  /** Keeps a segment to be used again, or removes it. */
  release(name: string): Promise<void> {
    return this.#queue(() => this.#release(name));
  }

  /** Removes spares that are too short, too long or too many. */
  trim(sizeMin: number): Promise<void> {
    return this.#queue(async () => {
      const isBad = ({ size }: { size: number }, i: number) =>
        size < sizeMin || size > this.#spareBytesMax || i >= SPARES_MAX;
      const bad = this.#spares.filter(isBad);
      for (const spare of bad) {
        this.#spares.splice(this.#spares.indexOf(spare), 1);
        await this.#folder.remove(spare.name);
      }
    });
  }

  /** Waits until everything is done. */
  async idle() {
    await this.#work.catch(() => {});
  }

  #queue<T>(job: () => Promise<T>): Promise<T> {
    const done = this.#work.then(job, job);
    this.#work = done;
    return done;
  }

  async #make(wanted: SegmentHead, seal: (seed: number) => Uint8Array): Promise<OpenSegment> {
    const spare = await this.#takeSpare(wanted.size);
    const head = { ...wanted, size: spare.size };
    const bytes = encodeSegmentHead(head), seed = seedOf(bytes), name = segmentName(head.sequence);
    const file = await this.#folder.open(spare.name).catch((error) => {
      this.#spares.push(spare);
      throw error;
    });
    try {
      await file.write(bytes, 0);
      await file.write(seal(seed), SEGMENT_HEAD_BYTES);
      await file.sync();
      await this.#folder.rename(spare.name, name);
    } catch (error) {
      file.close();
      this.#spares.push(spare);
      throw error;
    }
    try {
      await this.#folder.sync();
    } catch (error) {
      file.close();
      throw error;
    }
    return { name, head, seed, file };
  }

  /** A file of at least so many bytes that nobody uses. */
  async #takeSpare(size: number): Promise<{ name: string; size: number }> {
    const found = this.#spares.findIndex((spare) => spare.size >= size);
    if (found >= 0) return this.#spares.splice(found, 1)[0]!;
    const name = spareName(++this.#lastSpare);
    const file = await this.#folder.open(name);
    try {
      const zeros = new Uint8Array(PIECE_BYTES);
      for (let at = 0; at < size; at += PIECE_BYTES) {
        await file.write(zeros.subarray(0, Math.min(PIECE_BYTES, size - at)), at);
      }
      await file.sync();
    } catch (error) {
      file.close();
      // it has taken room that others need
      await this.#folder.remove(name);
      throw error;
    }
    file.close();
    return { name, size };
  }

  async #release(name: string) {
    const spare = { name: spareName(++this.#lastSpare), size: this.#folder.size(name) };
    const isKept = this.#spares.length < SPARES_MAX && spare.size <= this.#spareBytesMax;
    if (isKept) await this.#folder.rename(name, spare.name);
    else await this.#folder.remove(name);
    // only after this it is used again, or another one is released: none may come back, and none be missing in between
    await this.#folder.sync();
    if (isKept) this.#spares.push(spare);
  }
}
