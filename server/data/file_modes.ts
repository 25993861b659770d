/** Permissions of others than the user. */
const OTHERS = 0o077;

/**
 * What others than the user of a server may use: the data directory, its directories, the files at its top, and these files
 * of keys elsewhere. In words, each with what to do. What lies in a directory that is closed to others is so too.
 *
 * @param directory Undefined if everything is in memory.
 */
export async function looseModes(
  directory: string | undefined,
  keyFiles: readonly (string | undefined)[],
): Promise<string[]> {
  const paths = keyFiles.filter((path) => path !== undefined);
  if (directory !== undefined) {
    paths.push(directory);
    for await (const { name } of Deno.readDir(directory)) paths.push(`${directory}/${name}`);
  }
  const loose: string[] = [];
  for (const path of new Set(paths)) {
    const found = await looseMode(path);
    if (found !== undefined) loose.push(found);
  }
  return loose.sort();
}

async function looseMode(path: string): Promise<string | undefined> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    // SQLite's files come and go
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const { mode, isFile, isDirectory } = info;
  // Windows has none
  if (mode === null || !isFile && !isDirectory || (mode & OTHERS) === 0) return undefined;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  return `others than its user may use ${path}: its mode is ${octal}; 'chmod ${
    isFile ? 600 : 700
  } ${path}' changes that`;
}
