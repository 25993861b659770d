import { syncDirectory } from "../files/durable_file.ts";
import type { StoreRequest } from "../store.ts";

/** Says that the directory was put back from a backup, and which lineage its state is of from then on (store 9.2). */
export const RESTORED_FILE = "restored";

const EPOCH = /^[0-9a-f]{32}$/;

/** The epoch that a directory which was put back is to begin; undefined if it was not put back, or has begun it. */
export async function restoredEpoch(directory: string): Promise<string | undefined> {
  const path = `${directory}/${RESTORED_FILE}`;
  try {
    const epoch = (await Deno.readTextFile(path)).trim();
    if (!EPOCH.test(epoch)) throw new Error(`Cannot use ${path}: it has no epoch; restore the backup again`);
    return epoch;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What a start has to record for that, if the state is not of this lineage already. */
export function lineageRequests(restored: string | undefined, epoch: string): StoreRequest[] {
  return restored === undefined || restored === epoch ? [] : [{ kind: "lineage", epoch: restored }];
}

/** The record is durable. */
export async function forgetRestored(directory: string) {
  await Deno.remove(`${directory}/${RESTORED_FILE}`);
  await syncDirectory(directory);
}
