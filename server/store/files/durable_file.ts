/**
 * Files that are whole, and have their names, after a power cut.
 *
 * @module
 */

/**
 * Puts a text in the place of a file, for its owner alone: after a power cut there is the one or the other, whole.
 *
 * @throws {Error} It can't be written; the file is as it was.
 */
export async function replaceFile(path: string, text: string) {
  {
    using file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode: 0o600 });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await Deno.rename(`${path}.new`, path);
  await syncDirectory(path.replace(Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "") || ".");
}

/** A name is on disk when its directory is; not every system lets a directory be opened, and none of those needs it. */
export async function syncDirectory(path: string) {
  let directory: Deno.FsFile;
  try {
    directory = await Deno.open(path);
  } catch (error) {
    if (Deno.build.os === "windows") return;
    throw error;
  }
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}
