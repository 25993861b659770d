import { directoryOf } from "./durable_file.ts";

/**
 * The path of a file in which a user's programs remember something: the XDG Base Directory Specification, and what macOS
 * and Windows have in its place. The program was called Parley before: a file that is only below that name is copied.
 *
 * @param name Path below the directory of this program.
 * @throws {Error} The environment names no directory, or the file of the earlier name can't be copied.
 */
export function stateFile(name: string): string {
  const { get } = Deno.env, home = get("HOME");
  const base = Deno.build.os === "windows" ? get("LOCALAPPDATA") : get("XDG_STATE_HOME") ||
    home && (Deno.build.os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`);
  if (!base) {
    const set = Deno.build.os === "windows" ? "LOCALAPPDATA" : "HOME or XDG_STATE_HOME";
    throw new Error(`Cannot tell where to remember anything: set ${set}`);
  }
  const path = `${base}/wirepost/${name}`, earlier = `${base}/parley/${name}`;
  if (!exists(path) && exists(earlier)) {
    Deno.mkdirSync(directoryOf(path), { recursive: true, mode: 0o700 });
    // another client may read it at this moment
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
