/**
 * Names of files in a thread and in a directory: never a path.
 *
 * @module
 */

import { isFileName } from "../../protocol/transfer.ts";
import { system } from "../file/this_system.ts";

/** Names that Windows reserves, with any extension. */
const DEVICES = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$)/i;

/** Characters that the wire allows in a name and Windows does not. */
const NOT_ON_WINDOWS = /[?]|\.$/;

/**
 * The name under which a file goes into a thread: the last part of its path.
 *
 * @throws {TypeError} It is not a valid name in a thread.
 */
export function nameOfPath(path: string, os: string = system.build.os): string {
  const name = path.slice(
    Math.max(path.lastIndexOf("/"), os === "windows" ? path.lastIndexOf("\\") : -1) + 1,
  );
  if (isFileName(name)) return name;
  throw new TypeError(
    `Cannot use '${name}' as a file's name: expected 1 to 128 of A-Z a-z 0-9 ! @ # $ % . ? , _ -`,
  );
}

/**
 * Checks that a file of a thread can be saved under its name in any directory of this system.
 *
 * @throws {TypeError} It is a path, or not a file name on this system.
 */
export function checkSavedName(name: string, os: string = system.build.os) {
  if (!isFileName(name)) throw new TypeError(`Cannot save '${name}': it is not a valid file name`);
  if (os === "windows" && (DEVICES.test(name) || NOT_ON_WINDOWS.test(name))) {
    throw new TypeError(`Cannot save '${name}': Windows has no file of this name`);
  }
}
