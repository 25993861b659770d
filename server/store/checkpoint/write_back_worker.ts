/**
 * The Worker that writes SQLite's log back into the database, with a connection of its own: that syncs both files, and no
 * request waits for it.
 *
 * @module
 */

/// <reference lib="deno.worker" />
import { DatabaseSync } from "node:sqlite";
import { LOG_SUFFIX } from "../database/database.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import type { WriteBackResult, WriteBackTask } from "./write_back_task.ts";

let db: DatabaseSync | undefined;

/** The settings matter for what is synced, and how. */
function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  for (const setting of ["synchronous = FULL", "checkpoint_fullfsync = ON", "wal_autocheckpoint = 0"]) {
    db.prepare(`PRAGMA ${setting}`).all();
  }
  return db;
}

function writeBack(path: string): WriteBackResult {
  try {
    db ??= open(path);
    // prepared, because an error of exec() has no result code
    const [row] = db.prepare("PRAGMA wal_checkpoint(PASSIVE)").all() as Record<string, number>[];
    const { busy = 1, log = 0, checkpointed = -1 } = row ?? {};
    return { kind: "done", isWhole: busy === 0 && checkpointed === log, logBytes: log * PAGE_BYTES };
  } catch (error) {
    const { errcode, message } = error as { errcode?: number; message: string };
    return { kind: "failed", errcode, message };
  }
}

/** Makes durable what was committed into the log. */
function syncLog(path: string): WriteBackResult {
  const log = `${path}${LOG_SUFFIX}`;
  try {
    using file = Deno.openSync(log, { write: true });
    file.syncDataSync();
    return { kind: "done", isWhole: false, logBytes: file.statSync().size };
  } catch (error) {
    return { kind: "failed", errcode: undefined, message: `${log}: ${(error as Error).message}` };
  }
}

self.onmessage = ({ data }: MessageEvent<WriteBackTask>) => {
  if (data.kind === "write back") return self.postMessage(writeBack(data.path));
  if (data.kind === "sync log") return self.postMessage(syncLog(data.path));
  db?.close();
  self.postMessage({ kind: "closed" });
};
