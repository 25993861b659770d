import { FileFailed } from "../errors.ts";
import { LOG_FILE } from "./database.ts";

/**
 * Writes SQLite's log once more, as it is, and syncs it, before SQLite opens it (store 5.4).
 *
 * A sync of it may have failed in the process before. The system then takes for written what it has not written, and no
 * further sync writes that: SQLite would find the log whole, sync it, and write it back, and a power cut meanwhile would
 * leave some of the database's pages new and the log without them.
 *
 * @throws {FileFailed} It cannot be written or synced.
 */
export function renewLog(directory: string) {
  const path = `${directory}/${LOG_FILE}`;
  try {
    const bytes = Deno.readFileSync(path);
    using file = Deno.openSync(path, { write: true });
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    file.syncDataSync();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new FileFailed(`write ${path}`, error);
  }
}
