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

  /** Frees the space. */
  release() {
    if (this.#bytes === 0) return;
    this.#bytes = 0;
    this.#lastTry = performance.now();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // it was removed already: its space is free
    }
  }

  /**
   * Tries to hold all of the space again, at most once a second; a part of it if there is no more, so that others do not
   * take that. Returns whether all of it is held.
   *
   * @param free Bytes that are free, and may be used.
   */
  restore(free = Infinity): boolean {
    const now = performance.now();
    if (this.isHeld || now - this.#lastTry < RETRY_MS) return this.isHeld;
    this.#lastTry = now;
    return this.hold(free);
  }

  /** Holds what there is room for, up to `free` bytes more. Returns whether that is all of the space. */
  hold(free = Infinity): boolean {
    const bytes = new Uint8Array(PIECE_BYTES), most = Math.min(this.#wanted, this.#bytes + free);
    try {
      using file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
      // what a full disk or a power cut has left of it may have any size
      while (this.#bytes < most) {
        // a file system that compresses would give zeros no space
        crypto.getRandomValues(bytes);
        this.#bytes += file.writeSync(bytes.subarray(0, most - this.#bytes));
      }
    } catch {
      this.#bytes = size(this.#path) ?? 0;
    }
    return this.isHeld;
  }
}

function size(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}
