import type { Stats } from "node:fs";
import type { FileInfo } from "../system.ts";

/** What Node knows of a file. */
export function infoOf(stats: Stats): FileInfo {
  const { size, mtime, ctime, atime, dev, ino } = stats;
  return { isFile: stats.isFile(), size, mtime, ctime, atime, dev, ino };
}
