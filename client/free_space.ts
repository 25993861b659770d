// as a whole: an older runtime lacks what is used of it
import * as fs from "node:fs/promises";

/** Bytes that this user can still write in a directory; Infinity where the system does not say. */
export async function freeSpace(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await fs.statfs(directory || ".");
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
