import { DATABASE_FILE } from "../store/database/database.ts";
import { LOG_FILE } from "./start_check.ts";

/** Milliseconds between two looks: what is acknowledged in between can be lost. */
const INTERVAL_MS = 250;

/** What a path leads to; undefined where nothing is there. */
type Identity = string | undefined;

/**
 * Notices that the data directory, the database or its log was removed, renamed or replaced under a running server: what
 * is written then goes into files that nobody will find again.
 *
 * It looks at the paths from time to time and beside the work; no request waits for it.
 */
export class DataWatch {
  #onGone: (error: Error) => void = () => {};
  readonly #before: Map<string, Identity>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(before: Map<string, Identity>) {
    this.#before = before;
  }

  /** Remembers what the paths lead to. The database has to be open. */
  static async of(directory: string): Promise<DataWatch> {
    const before = new Map<string, Identity>();
    for (const path of [directory, `${directory}/${DATABASE_FILE}`, `${directory}/${LOG_FILE}`]) {
      before.set(path, await identify(path));
    }
    return new DataWatch(before);
  }

  /**
   * Begins to look.
   *
   * @param onGone Called once; nothing is watched after it.
   */
  start(onGone: (error: Error) => void) {
    this.#onGone = onGone;
    this.#lookLater();
  }

  /** Ends it. Comes before the database is closed, which removes its log. */
  async close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  #lookLater() {
    this.#timer = setTimeout(() => this.#looking = this.#look(), INTERVAL_MS);
  }

  async #look() {
    for (const [path, before] of this.#before) {
      let now: Identity;
      try {
        now = await identify(path);
      } catch {
        // it can't be looked at now, which tells nothing of whether it is there
        continue;
      }
      if (this.#isClosed) return;
      if (now === before) continue;
      const what = now === undefined ? "removed or renamed" : "replaced";
      return this.#onGone(
        new Error(`Cannot keep anything any more: ${path} was ${what} under the running server`),
      );
    }
    if (!this.#isClosed) this.#lookLater();
  }
}

/** @throws What the system says, but for a path that leads to nothing. */
async function identify(path: string): Promise<Identity> {
  try {
    const { dev, ino } = await Deno.stat(path);
    return `${dev} ${ino}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}
