/** The files of a forum that has none, and takes none. */

import type { ContentFiles } from "../../../../server/store/files/files.ts";

const none = () => Promise.reject(new Error("no files here"));

export const NOTHING_FILES = {
  begin: none,
  read: none,
  remove: none,
  refuses: () => undefined,
  path: () => "",
  damaged: new Set<string>(),
  expire() {},
  close: () => Promise.resolve(),
} as unknown as ContentFiles;
