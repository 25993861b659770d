// not by name: an older runtime has no statfs
import * as fs from "node:fs/promises";
import { system } from "./this_system.ts";

/** Bytes that this user can still write in a directory; Infinity if that is unknown, or without `--allow-sys`. */
export async function freeSpace(directory: string): Promise<number> {
  // the call itself would prompt for the permission in the middle of a download
  const permission = await system.permissions?.query({ name: "sys", kind: "statfs" });
  if (permission !== undefined && permission.state !== "granted") return Infinity;
  try {
    const { bavail, bsize } = await fs.statfs(directory || ".");
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}
