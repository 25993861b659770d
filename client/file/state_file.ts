import { directoryOf } from "./durable_file.ts";
import { hasCode } from "./system.ts";
import { system } from "./this_system.ts";

/**
 * The path of a file that keeps a user's state between runs: by the XDG Base Directory Specification, or the rules of macOS
 * and Windows. The program was called Parley before: a file that is only in that program's directory is copied.
 *
 * @param name Path below the directory of this program.
 * @throws {Error} The environment names no directory, or the earlier program's file can't be copied.
 */
export function stateFile(name: string): string {
  const { get } = system.env, home = get("HOME");
  const base = system.build.os === "windows" ? get("LOCALAPPDATA") : get("XDG_STATE_HOME") ||
    home && (system.build.os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`);
  if (!base) {
    const set = system.build.os === "windows" ? "LOCALAPPDATA" : "HOME or XDG_STATE_HOME";
    throw new Error(`Cannot find a directory for state files: set ${set}`);
  }
  const path = `${base}/wirepost/${name}`, earlier = `${base}/parley/${name}`;
  if (!exists(path) && exists(earlier)) {
    system.mkdirSync(directoryOf(path), { recursive: true, mode: 0o700 });
    // another client may be reading it
    const copy = `${path}.${crypto.randomUUID()}`;
    system.copyFileSync(earlier, copy);
    const { atime, mtime } = system.statSync(earlier);
    if (atime && mtime) system.utimeSync(copy, atime, mtime);
    system.renameSync(copy, path);
  }
  return path;
}

function exists(path: string): boolean {
  try {
    system.statSync(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw error;
  }
}
