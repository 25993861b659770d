import { FileFailed, hasNoDescriptor, isNoSpace } from "../errors.ts";
import { totalBytes } from "./file_system.ts";

const FILE_NAME = "reserve";

/** About what a checkpoint writes into SQLite's log: by so much the database file may have to grow. */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/** On a small disk it has no more than this part of it. */
const RESERVE_PART = 1 / 8;

/** Bytes that are taken at a time. */
const PIECE_BYTES = 64 * 1024;

const RETRY_MS = 1000;

/**
 * Disk space that is held back, so that messages can still be given out when the disk is full: to remove one needs room in
 * SQLite's log, and the log can only be emptied into a database file that may have to grow.
 */
export class Reserve {
  readonly #path: string;
  /** Bytes that are to be held back. */
  readonly #wanted: number;
  /** Bytes that are held back. */
  #bytes: number;
  #lastTry = -Infinity;

  constructor(directory: string) {
    this.#path = `${directory}/${FILE_NAME}`;
    this.#bytes = size(this.#path) ?? 0;
    const pieces = Math.floor(totalBytes(directory) * RESERVE_PART / PIECE_BYTES);
    this.#wanted = Math.min(RESERVE_BYTES, pieces * PIECE_BYTES);
  }

  /** Whether all of the space is held back. */
  get isHeld(): boolean {
    return this.#bytes >= this.#wanted;
  }

  /** Frees the space that is held in a directory: a start needs it. */
  static release(directory: string) {
    try {
      Deno.removeSync(`${directory}/${FILE_NAME}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Frees the space. @throws {FileFailed} */
  release() {
    if (this.#bytes === 0) return;
    this.#bytes = 0;
    this.#lastTry = performance.now();
    try {
      Deno.removeSync(this.#path);
    } catch (error) {
      // it was removed already: its space is free
      if (!(error instanceof Deno.errors.NotFound)) throw new FileFailed(`remove ${this.#path}`, error);
    }
  }

  /**
   * Whether the disk refuses a piece more, for want of space: then it has just refused somebody else for the same reason.
   *
   * @throws {FileFailed} It refuses for another reason.
   */
  isRefusedMore(): boolean {
    const held = this.#bytes;
    try {
      this.#append(held + PIECE_BYTES);
      return false;
    } catch (error) {
      if (isNoSpace(error)) return true;
      throw error;
    } finally {
      this.#cut(held);
    }
  }

  /**
   * Tries to hold all of the space again, at most once a second; a part of it if there is no more, so that others do not
   * take that. Returns whether all of it is held.
   *
   * @param free Bytes that are free, and may be used.
   * @throws {FileFailed} It cannot be written, and not for want of space.
   */
  restore(free = Infinity): boolean {
    const now = performance.now();
    if (this.isHeld || now - this.#lastTry < RETRY_MS) return this.isHeld;
    this.#lastTry = now;
    return this.hold(free);
  }

  /** Holds what there is room for, up to `free` bytes more. Returns whether that is all of the space. */
  hold(free = Infinity): boolean {
    try {
      this.#append(Math.min(this.#wanted, this.#bytes + free));
    } catch (error) {
      if (!isNoSpace(error) && !hasNoDescriptor(error)) throw error;
    }
    return this.isHeld;
  }

  /** Makes the file longer. What a full disk or a power cut has left of it may have any size. @throws {FileFailed} */
  #append(until: number) {
    const bytes = new Uint8Array(PIECE_BYTES);
    try {
      using file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
      while (this.#bytes < until) {
        // a file system that compresses would give zeros no space
        crypto.getRandomValues(bytes);
        this.#bytes += file.writeSync(bytes.subarray(0, until - this.#bytes));
      }
    } catch (error) {
      this.#bytes = size(this.#path) ?? 0;
      throw new FileFailed(`write ${this.#path}`, error);
    }
  }

  #cut(bytes: number) {
    try {
      Deno.truncateSync(this.#path, bytes);
      this.#bytes = bytes;
    } catch {
      // it holds more than is wanted, until it is released
    }
  }
}

function size(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}
