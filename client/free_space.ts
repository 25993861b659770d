import { statfs } from "node:fs/promises";

/** Bytes that this user can still write in a directory; Infinity where the system does not say. */
export async function freeSpace(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(directory || ".");
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
