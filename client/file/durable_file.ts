/**
 * Puts a text in the place of a file: after a power cut there is the one or the other, whole.
 *
 * @param mode Who may use the new file.
 * @throws {Error} It can't be written; the file is as it was.
 */
export async function replaceFile(path: string, text: string, mode = 0o600) {
  {
    using file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true, mode });
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    await file.sync();
  }
  await Deno.rename(`${path}.new`, path);
  await syncDirectory(directoryOf(path));
}

/** What stands before the last part of a path, with its separator; empty for the current directory. */
export function directoryOf(path: string): string {
  return path.replace(Deno.build.os === "windows" ? /[^/\\]*$/ : /[^/]*$/, "");
}

/** So that a name too survives a power cut; where a directory can't be opened, the system does that by itself. */
export async function syncDirectory(path: string) {
  try {
    using directory = await Deno.open(path || ".");
    await directory.sync();
  } catch {
    // the file is there
  }
}
