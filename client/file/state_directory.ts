/**
 * Where a user's programs keep what they remember: the XDG Base Directory Specification, and what macOS and Windows
 * have in its place.
 *
 * @param name What is in the directory, below that of this program.
 * @throws {Error} The environment does not tell.
 */
export function stateDirectory(name = ""): string {
  const { get } = Deno.env, home = get("HOME");
  const base = Deno.build.os === "windows" ? get("LOCALAPPDATA") : get("XDG_STATE_HOME") ||
    home && (Deno.build.os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`);
  if (!base) {
    const set = Deno.build.os === "windows" ? "LOCALAPPDATA" : "HOME or XDG_STATE_HOME";
    throw new Error(`Cannot tell where to remember anything: set ${set}`);
  }
  return `${base}/parley${name && `/${name}`}`;
}
