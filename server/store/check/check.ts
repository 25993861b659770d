/**
 * Reads everything in a data directory or in a backup, and changes nothing (store 7.4).
 *
 * @module
 */

import { DATABASE_FILE } from "../database/database.ts";
import { ENGINE_VERSIONS } from "../engine/state/version.ts";
import { fileSize } from "../files/file_size.ts";
import { checkDatabase } from "./check_database.ts";
import { checkFiles } from "./check_files.ts";
import { checkJournal } from "./check_journal.ts";
import { checkNames } from "./check_names.ts";
import { type Check, type CheckTotals, type Finding, RESTORE } from "./finding.ts";

export type { CheckTotals, Finding };

/**
 * Checks a directory that nobody writes to: the caller sees to that.
 *
 * @throws {Error} It has no database, or something in it cannot be read for another reason than damage.
 */
export async function checkDirectory(
  directory: string,
  onFinding: (finding: Finding) => void,
  versions = ENGINE_VERSIONS,
): Promise<CheckTotals> {
  if (!fileSize(`${directory}/${DATABASE_FILE}`)) {
    throw new Error(`Cannot check ${directory}: it has no ${DATABASE_FILE}`);
  }
  const totals: CheckTotals = { damage: 0, messages: 0, engine: undefined, records: 0, files: 0, bytes: 0 };
  const check: Check = {
    directory,
    totals,
    versions,
    damage(file, place, what, todo = RESTORE) {
      totals.damage++;
      onFinding({ isDamage: true, file, place, what, todo });
    },
    note: (file, place, what, todo) => onFinding({ isDamage: false, file, place, what, todo }),
  };
  await checkNames(check);
  const state = checkDatabase(check);
  if (state === undefined) return totals;
  try {
    const changes = checkJournal(check, state.journal);
    await checkFiles(check, state.contents, changes);
  } finally {
    state.close();
  }
  return totals;
}
