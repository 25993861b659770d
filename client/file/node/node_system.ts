import type { System } from "../system.ts";
import { infoOf } from "./file_info.ts";
import { NodeFile } from "./node_file.ts";
import { withSystemError, withSystemErrorSync } from "./system_error.ts";

const fs = () => process.getBuiltinModule("node:fs");
const files = () => fs().promises;

/** As Deno calls them. */
const SYSTEMS: Readonly<Record<string, string>> = { win32: "windows" };

/** The system as Node sees it. Its modules are loaded when they are used: Deno would take a third of its start for them. */
export const NODE_SYSTEM: System = {
  get build() {
    const { platform } = process;
    return { os: SYSTEMS[platform] ?? platform };
  },
  env: { get: (name) => process.env[name] },
  open: (path, options = { read: true }) => NodeFile.open(path, options),
  stat: (path) => withSystemError(async () => infoOf(await files().stat(path))),
  lstat: (path) => withSystemError(async () => infoOf(await files().lstat(path))),
  link: (path, newPath) => withSystemError(() => files().link(path, newPath)),
  rename: (path, newPath) => withSystemError(() => files().rename(path, newPath)),
  remove: (path) => withSystemError(() => files().unlink(path)),
  utime: (path, atime, mtime) => withSystemError(() => files().utimes(path, atime, mtime)),
  mkdir: (path, options) => withSystemError(async () => void await files().mkdir(path, options)),
  readTextFile: (path) => withSystemError(() => files().readFile(path, "utf8")),
  writeTextFile: (path, text, { mode }) => withSystemError(() => files().appendFile(path, text, { mode })),
  statSync: (path) => withSystemErrorSync(() => infoOf(fs().statSync(path))),
  mkdirSync: (path, options) => withSystemErrorSync(() => void fs().mkdirSync(path, options)),
  copyFileSync: (path, newPath) => withSystemErrorSync(() => fs().copyFileSync(path, newPath)),
  utimeSync: (path, atime, mtime) => withSystemErrorSync(() => fs().utimesSync(path, atime, mtime)),
  renameSync: (path, newPath) => withSystemErrorSync(() => fs().renameSync(path, newPath)),
};
