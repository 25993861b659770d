/**
 * Files that are whole, and have their names, after a power cut. The rule of `client/file/durable_file.ts` is another one:
 * what the server has acknowledged must be on disk, so here a directory that can't be synced is an error.
 *
 * @module
 */

import { doToFile, FileFailed } from "../errors.ts";

/**
 * Replaces a file by a text that only its owner may read: after a power cut the old or the new one is there, whole.
 *
 * @throws {FileFailed} It can't be written; the file is as it was.
 */
export async function replaceFile(path: string, text: string) {
  try {
    await writeWhole(`${path}.new`, new TextEncoder().encode(text));
    await Deno.rename(`${path}.new`, path);
    await syncDirectory(path.replace(Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "") || ".");
  } catch (error) {
    throw new FileFailed(`write ${path}`, error);
  }
}

async function writeWhole(path: string, bytes: Uint8Array) {
  using file = await Deno.open(path, { write: true, create: true, truncate: true, mode: 0o600 });
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

/**
 * A file's name is on disk when its directory is. Windows can't open a directory, and does that by itself.
 *
 * @throws {FileFailed} Which names are on disk is not known.
 */
export async function syncDirectory(path: string) {
  if (Deno.build.os === "windows") return;
  await doToFile(`sync ${path}`, async () => {
    using directory = await Deno.open(path);
    await directory.sync();
  });
}
