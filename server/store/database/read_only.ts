/**
 * A database that is read and not changed: neither its file nor SQLite's log, and nothing is put beside them.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { fileSize } from "../files/file_size.ts";
import { LOG_SUFFIX } from "./database.ts";

/** SQLite's way to files that takes no lock: then its index of the log is in memory, and no file. */
const WITHOUT_LOCKS = Deno.build.os === "windows" ? "win32-none" : "unix-none";

/**
 * Opens a database that nobody writes to.
 *
 * @param withLog Whether what is in its log counts; if not, it is what the file alone holds.
 */
export function openReadOnly(path: string, withLog: boolean): DatabaseSync {
  const hasLog = withLog && (fileSize(`${path}${LOG_SUFFIX}`) ?? 0) > 0;
  // without a log SQLite would make one
  const how = hasLog ? `vfs=${WITHOUT_LOCKS}` : "immutable=1";
  const db = new DatabaseSync(`file:${uriPath(path)}?${how}`, { readOnly: true });
  if (hasLog) db.exec("PRAGMA locking_mode = EXCLUSIVE");
  return db;
}

function uriPath(path: string): string {
  const encoded = path.replace(/[%?#]/g, encodeURIComponent);
  return Deno.build.os === "windows" ? `/${encoded.replaceAll("\\", "/")}` : encoded;
}
