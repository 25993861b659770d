import { DATABASE_FILE, LOG_FILE } from "../store/database/database.ts";
import { LOCK_FILE } from "../store/journaled/directory_lock.ts";
import { JOURNAL_FOLDER } from "../store/journaled/open_journal.ts";

/** Milliseconds between two checks: what is acknowledged in between can be lost. */
const INTERVAL_MS = 250;

/** What is checked beside the directory itself. */
const WATCHED = [DATABASE_FILE, LOG_FILE, JOURNAL_FOLDER, LOCK_FILE];

/** What a path leads to; undefined if nothing is there. */
type Identity = string | undefined;

/**
 * Notices that the data directory, the database, its log, the journal or the lock was removed, renamed or replaced while
 * the server runs: what is written after that goes into files that nobody will find again.
 *
 * The paths are checked from time to time. No request waits for that. The database has to be open; it removes its log
 * when it is closed, so the watch has to be closed before.
 *
 * @param onGone Called once; nothing is checked after it.
 */
export async function watchDirectory(directory: string, onGone: (error: Error) => void) {
  const identities = new Map<string, Identity>();
  for (const path of [directory, ...WATCHED.map((name) => `${directory}/${name}`)]) {
    identities.set(path, await identify(path));
  }
  let checking = Promise.resolve(), isClosed = false;
  const checkLater = () => setTimeout(() => checking = check(), INTERVAL_MS);
  const check = async () => {
    for (const [path, before] of identities) {
      let identity: Identity;
      try {
        identity = await identify(path);
      } catch {
        // whether it is there can't be seen now
        continue;
      }
      if (isClosed) return;
      if (identity === before) continue;
      const what = identity === undefined ? "removed or renamed" : "replaced";
      const text = `Cannot keep anything any more: ${path} was ${what} while the server ran`;
      return onGone(new Error(text));
    }
    if (!isClosed) timer = checkLater();
  };
  let timer = checkLater();
  return {
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await checking;
    },
  };
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
