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
  #held = false;
  #lastTry = -Infinity;

  constructor(directory: string) {
    this.#path = `${directory}/${FILE}`;
    this.#held = size(this.#path) === RESERVE_BYTES;
    this.restore();
  }

  /** Whether the space is held back. */
  get isHeld(): boolean {
    return this.#held;
  }

  /** Gives the space back to the disk. */
  release() {
    if (!this.#held) return;
    this.#held = false;
    this.#lastTry = performance.now();
    try {
      Deno.removeSync(this.#path);
    } catch {
      // somebody removed it already: its space is free
    }
  }

  /** Takes the space again, or tries to; at most once a second. Returns whether it is held. */
  restore(): boolean {
    if (this.#held) return true;
    const now = performance.now();
    if (now - this.#lastTry < RETRY) return false;
    this.#lastTry = now;
    const bytes = new Uint8Array(RESERVE_BYTES);
    // a file system that compresses would give zeros no space
    for (let i = 0; i < RESERVE_BYTES; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
    try {
      Deno.writeFileSync(this.#path, bytes, { mode: 0o600 });
      this.#held = true;
    } catch {
      try {
        Deno.removeSync(this.#path);
      } catch {
        // it could not even be made
      }
    }
    return this.#held;
  }
}

function size(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}
