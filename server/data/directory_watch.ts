import { DATABASE_FILE } from "../store/database/database.ts";
import { LOG_FILE } from "./start_check.ts";

/** Milliseconds between two checks: what is acknowledged in between can be lost. */
const INTERVAL_MS = 250;

/** What a path leads to; undefined if nothing is there. */
type Identity = string | undefined;

/**
 * Notices that the data directory, the database or its log was removed, renamed or replaced while the server runs: what
 * is written after that goes into files that nobody will find again.
 *
 * The paths are checked from time to time. No request waits for that.
 */
export class DirectoryWatch {
  readonly #identities = new Map<string, Identity>();
  readonly #onGone: (error: Error) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #checking: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(onGone: (error: Error) => void) {
    this.#onGone = onGone;
  }

  /**
   * Remembers what the paths lead to, and checks them from then on. The database has to be open.
   *
   * @param onGone Called once; nothing is watched after it.
   */
  static async start(directory: string, onGone: (error: Error) => void): Promise<DirectoryWatch> {
    const watch = new DirectoryWatch(onGone);
    for (const path of [directory, `${directory}/${DATABASE_FILE}`, `${directory}/${LOG_FILE}`]) {
      watch.#identities.set(path, await identify(path));
    }
    watch.#checkLater();
    return watch;
  }

  /** Has to come before the database is closed, which removes its log. */
  async close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#checking;
  }

  #checkLater() {
    this.#timer = setTimeout(() => this.#checking = this.#check(), INTERVAL_MS);
  }

  async #check() {
    for (const [path, before] of this.#identities) {
      let identity: Identity;
      try {
        identity = await identify(path);
      } catch {
        // whether it is there can't be seen now
        continue;
      }
      if (this.#isClosed) return;
      if (identity === before) continue;
      const what = identity === undefined ? "removed or renamed" : "replaced";
      return this.#onGone(
        new Error(`Cannot keep anything any more: ${path} was ${what} while the server ran`),
      );
    }
    if (!this.#isClosed) this.#checkLater();
  }
}

/** @throws {Error} The path can't be read; one that leads to nothing is no error. */
async function identify(path: string): Promise<Identity> {
  try {
    const { dev, ino } = await Deno.stat(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
