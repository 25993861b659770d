/**
 * Where a server that keeps everything in memory, and is to be administered all the same, has its secret and its
 * addresses: in a data directory, where it uses nothing else.
 *
 * @module
 */

import { readRunning } from "./directory.ts";

/** The directory, made if need be; undefined if another server runs there, whose addresses must stay. */
export async function openControlDirectory(directory: string): Promise<string | undefined> {
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return await readRunning(directory) === undefined ? directory : undefined;
}
