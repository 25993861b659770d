/**
 * Moves a file into a directory, which is made if needed. If its name is taken there, a number is added: nothing is
 * replaced.
 *
 * @throws {Error} The disk failed; then the file is where it was.
 */
export async function moveAside(path: string, directory: string) {
  const name = path.slice(path.lastIndexOf("/") + 1);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  for (let copy = 0;; copy++) {
    const to = `${directory}/${name}${copy === 0 ? "" : `.${copy}`}`;
    if (!await exists(to)) return await Deno.rename(path, to);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
