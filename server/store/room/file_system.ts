/**
 * How large a file system is, and how much of it is free.
 *
 * @module
 */

// not by name: an older runtime has no statfs
import * as fs from "node:fs";

/** Bytes that this process can still write in a directory; any number if the system does not say. */
export function freeBytes(directory: string): number {
  const { bavail = Infinity, bsize = 1 } = statfs(directory) ?? {};
  return bavail * bsize;
}

/** Bytes of the file system of a directory; any number if the system does not say. */
export function totalBytes(directory: string): number {
  const { blocks = Infinity, bsize = 1 } = statfs(directory) ?? {};
  return blocks * bsize;
}

function statfs(directory: string): { blocks: number; bavail: number; bsize: number } | undefined {
  try {
    // the call itself would prompt for the permission
    if (Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state !== "granted") return undefined;
    return fs.statfsSync(directory);
  } catch {
    return undefined;
  }
}
