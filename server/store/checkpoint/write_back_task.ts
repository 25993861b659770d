/**
 * What goes to the Worker that writes SQLite's log back, and what comes from it.
 *
 * @module
 */

/** To the Worker; the last is `close`. The path is the database's. */
export type WriteBackTask = { kind: "write back" | "sync log"; path: string } | { kind: "close" };

/** From the Worker, one for each task: whether all of the log was written back, and how long the log is. */
export type WriteBackResult =
  | { kind: "done"; isWhole: boolean; logBytes: number }
  | { kind: "failed"; errcode: number | undefined; message: string }
  | { kind: "closed" };
