import { FileFailed, hasNoDescriptor, isNoSpace, reasonOf } from "../errors.ts";
import type { JournalFile, JournalFolder } from "./folder.ts";
import { JournalLost } from "./journal.ts";
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

/** Whether a segment can be made later: there is no room now, or no descriptor. */
export function isForNow(error: unknown): boolean {
  return isNoSpace(error) || hasNoDescriptor(error);
}

/** @throws {JournalLost} Which names are on disk is not known any more, whatever the reason. */
export async function syncFolder(folder: JournalFolder) {
  try {
    await folder.sync();
  } catch (error) {
    throw cannotSync(folder, error);
  }
}

function cannotSync({ path }: JournalFolder, error: unknown): JournalLost {
  return new JournalLost(`Cannot sync ${path}: ${reasonOf(error)}`);
}

/** What is done to a file that becomes a segment, in this order. */
type Step = "open" | "write" | "rename" | "sync folder";

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
   * @throws {FileFailed} One could not be made; if {@linkcode isForNow}, it can be tried again.
   * @throws {JournalLost} The folder could not be synced.
   */
  make(head: SegmentHead, seal: (seed: number) => Uint8Array = () => new Uint8Array()): Promise<OpenSegment> {
    return this.#queue(() => this.#make(head, seal));
  }

  /** Keeps a segment to be used again, or removes it. @throws {FileFailed | JournalLost} */
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
        await this.#remove(spare.name);
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
    let file: JournalFile | undefined, doing: Step = "open";
    try {
      file = await this.#folder.open(spare.name);
      doing = "write";
      await file.write(bytes, 0);
      await file.write(seal(seed), SEGMENT_HEAD_BYTES);
      await file.sync();
      doing = "rename";
      await this.#folder.rename(spare.name, name);
      doing = "sync folder";
      await this.#folder.sync();
    } catch (error) {
      file?.close();
      if (doing === "open") this.#spares.push(spare);
      throw await this.#failed(doing, spare.name, error);
    }
    return { name, head, seed, file };
  }

  /** The error that names the file. What there was no room for is removed: what it holds is not known after that. */
  async #failed(doing: Step, name: string, error: unknown): Promise<Error> {
    if (doing === "sync folder") return cannotSync(this.#folder, error);
    const failed = new FileFailed(`${doing} ${this.#folder.path}/${name}`, error);
    if (isForNow(failed) && doing !== "open") await this.#remove(name);
    return failed;
  }

  async #remove(name: string) {
    try {
      await this.#folder.remove(name);
    } catch (error) {
      throw new FileFailed(`remove ${this.#folder.path}/${name}`, error);
    }
  }

  /** A file of at least so many bytes that nobody uses. */
  async #takeSpare(size: number): Promise<{ name: string; size: number }> {
    const found = this.#spares.findIndex((spare) => spare.size >= size);
    if (found >= 0) return this.#spares.splice(found, 1)[0]!;
    const name = spareName(++this.#lastSpare);
    let file: JournalFile | undefined, doing: Step = "open";
    try {
      file = await this.#folder.open(name);
      doing = "write";
      const zeros = new Uint8Array(PIECE_BYTES);
      for (let at = 0; at < size; at += PIECE_BYTES) {
        await file.write(zeros.subarray(0, Math.min(PIECE_BYTES, size - at)), at);
      }
      await file.sync();
    } catch (error) {
      throw await this.#failed(doing, name, error);
    } finally {
      file?.close();
    }
    return { name, size };
  }

  async #release(name: string) {
    const spare = { name: spareName(++this.#lastSpare), size: this.#folder.size(name) };
    const isWanted = this.#spares.length < SPARES_MAX && spare.size <= this.#spareBytesMax;
    const isKept = isWanted && await this.#rename(name, spare.name);
    if (!isKept) await this.#remove(name);
    // only after this it is used again, or another one is released: none may come back, and none be missing in between
    await syncFolder(this.#folder);
    if (isKept) this.#spares.push(spare);
  }

  /** Returns false if the disk has no room for another name: then it is removed, which makes some. */
  async #rename(name: string, to: string): Promise<boolean> {
    try {
      await this.#folder.rename(name, to);
      return true;
    } catch (error) {
      if (isNoSpace(error)) return false;
      throw new FileFailed(`rename ${this.#folder.path}/${name}`, error);
    }
  }
}
