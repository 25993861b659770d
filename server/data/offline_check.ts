/**
 * Checks a data directory that no server uses, or a backup.
 *
 * @module
 */

import { checkDirectory, type CheckTotals, type Finding } from "../store/check/check.ts";
import { StoreLocked } from "../store/errors.ts";
import { DirectoryLock } from "../store/journaled/directory_lock.ts";
import { readRunning } from "./directory.ts";

/**
 * Reads everything in the directory, which no server can open meanwhile, and changes nothing.
 *
 * @throws {Error} A server has it open, it has no database, or it cannot be read.
 */
export async function checkData(
  directory: string,
  onFinding: (finding: Finding) => void,
): Promise<CheckTotals> {
  let lock: DirectoryLock | undefined;
  try {
    lock = await DirectoryLock.acquireExisting(directory);
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    const running = await readRunning(directory);
    const process = running ? `the server with process id ${running.pid}` : "another process";
    throw new Error(
      `Cannot check ${directory}: ${process} has it open; stop it first, or check a copy that 'wirepost backup' makes`,
    );
  }
  try {
    return await checkDirectory(directory, onFinding);
  } finally {
    lock?.release();
  }
}
