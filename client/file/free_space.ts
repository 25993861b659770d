// as a whole: an older runtime lacks what is used of it
import * as fs from "node:fs/promises";

/** Bytes that this user can still write in a directory; Infinity where the system does not say, or the program has no `--allow-sys`. */
export async function freeSpace(directory: string): Promise<number> {
  // a program that may not ask is not asked for the permission in the middle of a download
  const { state } = await Deno.permissions.query({ name: "sys", kind: "statfs" });
  if (state !== "granted") return Infinity;
  try {
    const { bavail, bsize } = await fs.statfs(directory || ".");
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
