/**
 * Names of files between a thread and a directory: a name is a name, and never a path.
 *
 * @module
 */

import { isFileName } from "../../protocol/transfer.ts";

/** Names that Windows keeps for itself, whatever follows a full stop. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** Characters that a name of the wire can have and one of Windows can't. */
const NOT_ON_WINDOWS = /[?]|\.$/;

/**
 * The name under which a file goes into a thread: the last part of its path.
 *
 * @throws {TypeError} It is none that a thread takes.
 */
export function nameOfPath(path: string, os: string = Deno.build.os): string {
  const name = path.slice(
    Math.max(path.lastIndexOf("/"), os === "windows" ? path.lastIndexOf("\\") : -1) + 1,
  );
  if (isFileName(name)) return name;
  throw new TypeError(
    `Cannot use '${name}' as a file's name: expected 1 to 128 of A-Z a-z 0-9 ! @ # $ % . ? , _ -`,
  );
}

/**
 * Checks that a file of a thread can be saved under its name in whatever directory this system has.
 *
 * @throws {TypeError} It can't: it is a path, or not a file's name here.
 */
export function checkSavedName(name: string, os: string = Deno.build.os) {
  if (!isFileName(name)) throw new TypeError(`Cannot save '${name}': it is no file's name`);
  if (os === "windows" && (DEVICES.test(name) || NOT_ON_WINDOWS.test(name))) {
    throw new TypeError(`Cannot save '${name}': Windows has no file of this name`);
  }
}
