/** Name of the reserve's file. */
const FILE = "reserve";

/**
 * As much as the log holds, about, before it is written back, 1,000 pages of 4 KiB: what a database file may have to grow
 * by. It is more than one group of puts can take.
 */
export const RESERVE_BYTES = 4 * 1024 * 1024;

/** Least time between two tries to make the reserve again, in milliseconds. */
const RETRY = 1000;

/**
 * Space on the disk that is held back, so that messages can still be taken out when the disk is full: removing one
 * needs room in SQLite's log, and the log can be emptied only into a database file that may have to grow.
 */
export class Reserve {
  readonly #path: string;
  /** Bytes that are held back: all, or as many as there was room for. */
  #bytes: number;
  #lastTry = -Infinity;

  constructor(directory: string) {
    this.#path = `${directory}/${FILE}`;
    this.#bytes = size(this.#path) ?? 0;
    this.restore();
  }

  /** Whether all of the space is held back. */
  get isHeld(): boolean {
    return this.#bytes >= RESERVE_BYTES;
  }

  /** Gives the space back to the disk. */
  release() {
    if (this.#bytes === 0) return;
    this.#bytes = 0;
    this.#lastTry = performance.now();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // somebody removed it already: its space is free
    }
  }

  /** Takes the space again, or tries to; at most once a second. Returns whether all of it is held. */
  restore(): boolean {
    if (this.isHeld) return true;
    const now = performance.now();
    if (now - this.#lastTry < RETRY) return false;
    this.#lastTry = now;
    const before = this.#bytes;
    if (this.#extend()) return true;
    // a part of it would be room for what is to be given out, as long as the server runs
    if (before === 0) this.release();
    return false;
  }

  /** Takes what there is room for, so that a start on a full disk can give messages out. */
  keep() {
    this.#extend();
  }

  #extend(): boolean {
    const bytes = new Uint8Array(65_536);
    try {
      using file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
      while (!this.isHeld) {
        // a file system that compresses would give zeros no space
        crypto.getRandomValues(bytes);
        this.#bytes += file.writeSync(bytes);
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
