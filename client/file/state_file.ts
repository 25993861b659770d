import { directoryOf } from "./durable_file.ts";

/**
 * The path of a file that keeps a user's state between runs: by the XDG Base Directory Specification, or the rules of macOS
 * and Windows. The program was called Parley before: a file that is only in that program's directory is copied.
 *
 * @param name Path below the directory of this program.
 * @throws {Error} The environment names no directory, or the earlier program's file can't be copied.
 */
export function stateFile(name: string): string {
  const { get } = Deno.env, home = get("HOME");
  const base = Deno.build.os === "windows" ? get("LOCALAPPDATA") : get("XDG_STATE_HOME") ||
    home && (Deno.build.os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`);
  if (!base) {
    const set = Deno.build.os === "windows" ? "LOCALAPPDATA" : "HOME or XDG_STATE_HOME";
    throw new Error(`Cannot find a directory for state files: set ${set}`);
  }
  const path = `${base}/wirepost/${name}`, earlier = `${base}/parley/${name}`;
  if (!exists(path) && exists(earlier)) {
    Deno.mkdirSync(directoryOf(path), { recursive: true, mode: 0o700 });
    // another client may be reading it
    const copy = `${path}.${crypto.randomUUID()}`;
    Deno.copyFileSync(earlier, copy);
    const { atime, mtime } = Deno.statSync(earlier);
    if (atime && mtime) Deno.utimeSync(copy, atime, mtime);
    Deno.renameSync(copy, path);
  }
  return path;
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
