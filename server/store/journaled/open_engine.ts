/**
 * Opens the engine on the database of a directory. What is wrong with that is said with the name of the file.
 *
 * @module
 */

import { DATABASE_FILE, LOG_FILE, openError } from "../database/database.ts";
import { logDamage } from "../database/log_damage.ts";
import { Engine, type EngineOptions } from "../engine/engine.ts";
import { DatabaseUnusable, StoreLocked } from "../errors.ts";

/** Before SQLite makes anything of its log. @throws {DatabaseUnusable} The log is damaged. */
export function checkLog(directory: string) {
  const damage = logDamage(`${directory}/${DATABASE_FILE}`);
  if (damage === undefined) return;
  throw new DatabaseUnusable(
    `Cannot use ${directory}/${LOG_FILE}: ${damage}. Nothing was changed; 'wirepost check' says more. ` +
      "Copy the directory before you try anything, or restore a backup",
  );
}

/** @throws {StoreLocked | DatabaseUnusable} */
export function openEngineIn(options: EngineOptions): Engine {
  try {
    return new Engine(options);
  } catch (error) {
    throw error instanceof StoreLocked ? error : unusable(options.directory, error);
  }
}

/** The error of a database that is not what it has to be, with its file. */
export function unusable(directory: string | undefined, error: unknown): DatabaseUnusable {
  if (error instanceof DatabaseUnusable) return error;
  return openError(directory === undefined ? ":memory:" : `${directory}/${DATABASE_FILE}`, error);
}
