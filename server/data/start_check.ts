/**
 * Whether a server may start in a data directory: what is there, if the database is missing?
 *
 * @module
 */

import { DATABASE_FILE, LOG_FILE } from "../store/database/database.ts";
import { UNKNOWN } from "../store/files/files.ts";
import { moveAside } from "../store/files/move_aside.ts";
import { JOURNAL_FOLDER, segmentCount } from "../store/journaled/open_journal.ts";
import { sizeOf } from "./directory.ts";

/** Files that belong to a database. */
const SECRET = "secret", KEPT_FILES = [SECRET, "seal-key", LOG_FILE];

/** An empty database is none: no server leaves one. */
export async function hasDatabase(directory: string): Promise<boolean> {
  return await sizeOf(`${directory}/${DATABASE_FILE}`) > 0;
}

/**
 * Checks that a server may start in a directory: with a database, or if nothing of one is there.
 *
 * @param beginNew Whether a new database was asked for, which needs a directory without one.
 * @throws {Error} It may not; the message says what is there and what to do.
 */
export async function checkStart(directory: string, beginNew: boolean) {
  if (await hasDatabase(directory)) {
    if (!beginNew) return;
    throw new Error(
      `Cannot begin a new database in ${directory}: it has ${DATABASE_FILE}; start without --new, or move it away`,
    );
  }
  const kept = await keptIn(directory);
  // a server in memory leaves its secret alone; one with a database leaves its key too
  if (kept.length === 0 || kept.every((name) => name === SECRET)) return;
  if (!beginNew) {
    const state = await sizeOf(`${directory}/${DATABASE_FILE}`) < 0 ? "missing" : "empty";
    throw new Error(
      `Cannot use data directory ${directory}: ${DATABASE_FILE} is ${state}, but what belongs to it is there: ${
        kept.join(", ")
      }. Restore it from a backup; or give --new, which begins an empty one, keeps the keys, and moves the files ` +
        `to ${directory}/${UNKNOWN}`,
    );
  }
  if (await sizeOf(`${directory}/${LOG_FILE}`) > 0) {
    await moveAside(`${directory}/${LOG_FILE}`, `${directory}/${UNKNOWN}`);
  }
  if (segmentCount(directory) > 0) {
    await moveAside(`${directory}/${JOURNAL_FOLDER}`, `${directory}/${UNKNOWN}`);
  }
}

/** What belongs to a database that is not there, in words. */
async function keptIn(directory: string): Promise<string[]> {
  const kept: string[] = [];
  for (const name of KEPT_FILES) if (await sizeOf(`${directory}/${name}`) > 0) kept.push(name);
  if (segmentCount(directory) > 0) kept.push(JOURNAL_FOLDER);
  let files = 0;
  try {
    for await (const { isFile } of Deno.readDir(`${directory}/files`)) if (isFile) files++;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (files > 0) kept.push(`${files} ${files === 1 ? "file" : "files"} of the forum`);
  return kept;
}
