import { system } from "./this_system.ts";

/**
 * Replaces a file by a text: after a power cut the old or the new one is there, whole.
 *
 * @param mode Permissions of the new file.
 * @throws {Error} It can't be written; the file is as it was.
 */
export async function replaceFile(path: string, text: string, mode = 0o600) {
  {
    using file = await system.open(`${path}.new`, { write: true, create: true, truncate: true, mode });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await system.rename(`${path}.new`, path);
  await syncDirectory(directoryOf(path));
}

/** What stands before the last part of a path, with its separator; empty for the current directory. */
export function directoryOf(path: string): string {
  return path.replace(system.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "");
}

/**
 * Makes a file's name survive a power cut, if the system can. A failure is ignored, unlike on the server: the user has the
 * file, and nothing was acknowledged to anybody.
 */
export async function syncDirectory(path: string) {
  try {
    using directory = await system.open(path || ".");
    await directory.sync();
  } catch {
    // see above
  }
}
