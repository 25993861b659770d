import { decodePrivateKey } from "../../../protocol/syntax/key_text.ts";
import { DATABASE_FILE, LOG_FILE } from "../database/database.ts";
import { isSegmentName } from "../journal/segment.ts";
import type { Check } from "./finding.ts";

/** Files of a data directory or of a backup, and whether their user alone may read them. */
const FILES: Readonly<Record<string, { isPrivate: boolean }>> = {
  [DATABASE_FILE]: { isPrivate: true },
  [LOG_FILE]: { isPrivate: true },
  [`${DATABASE_FILE}-shm`]: { isPrivate: true },
  "lock": { isPrivate: true },
  "reserve": { isPrivate: true },
  "secret": { isPrivate: true },
  "seal-key": { isPrivate: true },
  "restored": { isPrivate: true },
  "server.json": { isPrivate: false },
  "backup.json": { isPrivate: false },
};

/** What a server leaves if it ends while it writes a key. */
const UNFINISHED = new Set(["secret.new", "seal-key.new"]);

const FOLDERS = new Set(["journal", "files", "unknown"]);

const CONTENT = /^[0-9a-f]{32}(?:\.part)?$/;

/** Fewest characters of the administrator's secret. */
const SECRET_CHARACTERS = 16;

const FOREIGN = "no file of a server has this name", MOVE = "move it elsewhere if it is not yours";

/** Checks which files there are, who may read them, and the keys. */
export async function checkNames(check: Check) {
  const { directory } = check;
  for (const { name, isDirectory } of Deno.readDirSync(directory)) {
    if (isDirectory ? FOLDERS.has(name) : Object.hasOwn(FILES, name)) {
      if (!isDirectory) checkMode(check, name);
    } else if (UNFINISHED.has(name)) {
      check.note(
        name,
        "",
        "a start that was cut off left it",
        "nothing: it is written anew when it is needed",
      );
    } else check.note(name, "", FOREIGN, MOVE);
  }
  checkFolder(check, "journal", isSegmentName);
  checkFolder(check, "files", (name) => CONTENT.test(name));
  await checkKey(check, "secret", (text) => {
    if (text.length >= SECRET_CHARACTERS) return;
    throw new RangeError(`it has less than ${SECRET_CHARACTERS} characters`);
  }, "move it away: a start makes another one");
  await checkKey(
    check,
    "seal-key",
    decodePrivateKey,
    "restore it from a backup: clients know the server by it",
  );
}

function checkFolder(check: Check, folder: string, belongs: (name: string) => boolean) {
  try {
    for (const { name, isFile } of Deno.readDirSync(`${check.directory}/${folder}`)) {
      if (isFile && belongs(name)) checkMode(check, `${folder}/${name}`);
      else check.note(`${folder}/${name}`, "", FOREIGN, MOVE);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

function checkMode(check: Check, file: string) {
  if (FILES[file]?.isPrivate === false) return;
  const { mode } = Deno.statSync(`${check.directory}/${file}`);
  // Windows has none
  if (mode === null || (mode & 0o077) === 0) return;
  const octal = (mode & 0o777).toString(8).padStart(4, "0");
  check.damage(file, "", `others than its user may use it: its mode is ${octal}`, `chmod 600 ${file}`);
}

async function checkKey(check: Check, file: string, read: (text: string) => void, todo: string) {
  try {
    const text = await Deno.readTextFile(`${check.directory}/${file}`);
    check.totals.bytes += text.length;
    // what a server never wrote is not trimmed away as if it was a line end
    if (!/^[\x21-\x7e]+\n?$/.test(text)) throw new RangeError("it has characters that no key has");
    read(text.trim());
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    check.damage(file, "", `it cannot be used: ${(error as Error).message}`, todo);
  }
}
