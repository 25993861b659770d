/**
 * What a data directory holds before a server opens it: whether there is a database, and what would belong to one.
 *
 * @module
 */

import { DATABASE_FILE } from "../store/database/database.ts";
import { UNKNOWN } from "../store/files/files.ts";
import { moveAside } from "../store/files/move_aside.ts";

/** SQLite's log: what was not written back to the database yet. Beside an empty one SQLite would remove it. */
export const LOG_FILE = `${DATABASE_FILE}-wal`;

const KEYS = ["secret", "seal-key"];

/** Whether there is a database. One that is empty is none: a server that has run leaves none of that kind. */
export async function hasDatabase(directory: string): Promise<boolean> {
  return await sizeOf(`${directory}/${DATABASE_FILE}`) > 0;
}

/**
 * Checks that a server may start here: with a database, or without one where nothing is left of another.
 *
 * @param isNew Whether a new database was asked for, which needs a directory without one.
 * @throws {Error} It may not; the message says what is there and what to do.
 */
export async function checkStart(directory: string, isNew: boolean) {
  if (await hasDatabase(directory)) {
    if (!isNew) return;
    throw new Error(
      `Cannot begin a new database in ${directory}: it has ${DATABASE_FILE}; start without --new, or move it away`,
    );
  }
  const left = await leftIn(directory);
  if (left.length === 0) return;
  if (!isNew) {
    const state = await sizeOf(`${directory}/${DATABASE_FILE}`) < 0 ? "is missing" : "is empty";
    throw new Error(
      `Cannot use data directory ${directory}: ${DATABASE_FILE} ${state}, and what belongs to it is there: ${
        left.join(", ")
      }. Put it back from a copy, or give --new: then an empty one begins, keys stay, and the files are set aside ` +
        `in ${directory}/${UNKNOWN}`,
    );
  }
  if (await sizeOf(`${directory}/${LOG_FILE}`) > 0) {
    await moveAside(`${directory}/${LOG_FILE}`, `${directory}/${UNKNOWN}`);
  }
}

/** What a server left there that is of use with its database alone, in words. */
async function leftIn(directory: string): Promise<string[]> {
  const left: string[] = [];
  for (const name of [...KEYS, LOG_FILE]) {
    if (await sizeOf(`${directory}/${name}`) > 0) left.push(name);
  }
  let files = 0;
  try {
    for await (const { isFile } of Deno.readDir(`${directory}/files`)) if (isFile) files++;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (files > 0) left.push(`${files} ${files === 1 ? "file" : "files"} of the forum`);
  return left;
}

/** Bytes of a file; -1 where there is none. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return -1;
    throw error;
  }
}
