/**
 * Where a server keeps everything if no option names a directory: one of the user's, the same from every working
 * directory.
 *
 * @module
 */

/** The variable that names the data directory. */
const DATA_VARIABLE = "WIREPOST_DATA";

/** Where the program kept everything before, in the directory that one was in. */
const EARLIER_DIRECTORY = "parley-data";

/** What a program finds out about where it runs. */
export interface SystemEnvironment {
  os: string;
  /** The value of a variable of the environment. */
  get(name: string): string | undefined;
  /** Whether the user is the system's administrator. */
  isRoot: boolean;
}

/**
 * The data directory: `given`, or that of the environment, or the user's own.
 *
 * @throws {Error} The environment names no directory of the user's.
 */
export function dataDirectory(given: string | undefined, system = thisSystem()): string {
  const named = given ?? (system.get(DATA_VARIABLE) || undefined);
  return named ?? userDirectory(system);
}

/** A line about an earlier data directory that is here, if nobody named a directory. */
export async function earlierDirectoryNotice(given: string | undefined): Promise<string | undefined> {
  if (given !== undefined || Deno.env.get(DATA_VARIABLE)) return undefined;
  const isThere = await Deno.stat(EARLIER_DIRECTORY).then((file) => file.isDirectory, () => false);
  return isThere
    ? `./${EARLIER_DIRECTORY} is not used; --data ${EARLIER_DIRECTORY} or ${DATA_VARIABLE}=${EARLIER_DIRECTORY} uses it`
    : undefined;
}

function userDirectory({ os, get, isRoot }: SystemEnvironment): string {
  if (os === "windows") {
    const local = get("LOCALAPPDATA");
    if (local) return `${local}\\wirepost`;
    throw new Error(`Cannot find a data directory: set ${DATA_VARIABLE} or LOCALAPPDATA, or give --data DIR`);
  }
  if (isRoot) return "/var/lib/wirepost";
  const home = get("HOME");
  if (os === "darwin" && home) return `${home}/Library/Application Support/wirepost`;
  const base = get("XDG_DATA_HOME") || home && `${home}/.local/share`;
  if (base) return `${base}/wirepost`;
  throw new Error(`Cannot find a data directory: set ${DATA_VARIABLE} or HOME, or give --data DIR`);
}

function thisSystem(): SystemEnvironment {
  return { os: Deno.build.os, get: (name) => Deno.env.get(name), isRoot: isRoot() };
}

function isRoot(): boolean {
  // a missing permission to ask for the user is no error
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "uid" });
  return state === "granted" ? Deno.uid() === 0 : Deno.env.get("HOME") === "/root";
}
