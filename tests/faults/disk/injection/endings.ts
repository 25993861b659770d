/**
 * How a server has to take a call that fails: the table of store 6.6.
 *
 * @module
 */

import type { Place } from "./places.ts";

/** EROFS is what a disk answers that was made read-only because of errors; EDQUOT, that the user's share is used up. */
export type ErrorCode = "EIO" | "EROFS" | "ENOSPC" | "EDQUOT";

/** `ended` is with one line that names the file, also before it was ready. */
export type Ending = "ended" | "went on";

/** What may come out; nothing if this cannot happen to a disk. */
export function expectedEndings({ call, path }: Place, error: ErrorCode, isStarting: boolean): Ending[] {
  const isFull = error === "ENOSPC" || error === "EDQUOT", isUnlink = call.startsWith("unlink");
  // to remove a name, or to make a file shorter, needs no room
  if (isFull && (isUnlink || call === "ftruncate")) return [];
  // nothing rests on it: it is logged
  if (path === "/server.json") return ["went on"];
  // the same sync of the directory is for a key, without which it does not start, and for that: threads share them out anew
  if (path === "") return ["ended", "went on"];
  // what is not needed any more is removed by a later start
  if (isUnlink && path.startsWith("/files/")) return ["went on"];
  // SQLite cuts its log where it can: that it could not changes nothing
  if (path === "/messages.db-wal" && call === "ftruncate") return ["went on"];
  // it holds nothing that has to last: SQLite may try again, or make it anew
  if (path === "/messages.db-shm") return ["ended", "went on"];
  if (!isFull) return ["ended"];

  // an upload is refused, and nobody was told that it is there
  if (path.startsWith("/files/") || path === "/files" && !isStarting) return ["went on"];
  if (path === "/reserve") return ["went on"];
  // it is removed instead of being kept
  if (call === "rename" && /^\/journal\/\d/.test(path)) return ["went on"];
  // a segment is made later; a start needs the one that it begins with
  if (/^\/journal\/spare-/.test(path)) return isStarting ? ["ended", "went on"] : ["went on"];
  // a checkpoint, or its write-back, is tried again; a start needs what comes before its first one
  if (/^\/messages\.db(-wal)?$/.test(path) && /write/.test(call)) {
    return isStarting ? ["ended", "went on"] : ["went on"];
  }
  return ["ended"];
}

/** The file that the line has to name: what SQLite does is said of its database, and a key is written beside its place. */
export function namedFile(path: string): string {
  return /^\/messages\.db/.test(path) ? "/messages.db" : path.replace(/\.new$/, "");
}
