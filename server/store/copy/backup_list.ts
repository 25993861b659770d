/**
 * `backup.json`: what a backup has. A directory without it is no backup (store 10.1).
 *
 * @module
 */

import { DATABASE_FILE } from "../database/database.ts";
import { syncDirectory } from "../files/durable_file.ts";
import { type ListedFile, listFile, writeFile } from "./copied_files.ts";

export const BACKUP_FILE = "backup.json";

/** Version of this form. */
const FORMAT = 1;

/** Names of files that a backup may have: nothing else is ever read from one, or written by one. */
const NAMES = [
  new RegExp(`^${DATABASE_FILE.replace(".", "\\.")}$`),
  /^journal\/\d{20}\.journal$/,
  /^files\/[0-9a-f]{32}$/,
  /^(secret|seal-key)$/,
];

export interface BackupList {
  /** Numbers of the first and the last record that the backup needs; the state is that of the last. */
  first: number;
  last: number;
  /** When it was made, and when the last record was, in milliseconds since 1970. */
  made: number;
  upTo: number;
  messages: number;
  files: Record<string, ListedFile>;
}

/** Reads every file of a backup that is to be listed, by its name in the directory. */
export async function listFiles(
  directory: string,
  names: readonly string[],
): Promise<Record<string, ListedFile>> {
  const files: Record<string, ListedFile> = {};
  for (const name of names) files[name] = await listFile(`${directory}/${name}`);
  return files;
}

/** Makes a directory a backup, once everything else in it is durable. */
export async function writeList(directory: string, list: BackupList) {
  const { made, upTo, ...rest } = list;
  const times = { made: new Date(made).toISOString(), upTo: new Date(upTo).toISOString() };
  const text = JSON.stringify({ format: FORMAT, ...times, ...rest }, undefined, 2);
  await writeFile(`${directory}/${BACKUP_FILE}`, [new TextEncoder().encode(`${text}\n`)]);
  await syncDirectory(directory);
}

/**
 * Reads the list of a backup.
 *
 * @throws {Error} The directory is no backup, or one that this program does not know.
 */
export async function readList(directory: string): Promise<BackupList> {
  const path = `${directory}/${BACKUP_FILE}`;
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof Deno.errors.NotADirectory)) {
      throw error;
    }
    throw new Error(`Cannot use ${directory}: it is no backup, for it has no ${BACKUP_FILE}`);
  }
  const list = parse(text);
  if (list === undefined) throw new Error(`Cannot use ${path}: it is not what 'wirepost backup' writes`);
  if (list.format !== FORMAT) {
    throw new Error(`Cannot use ${path}: its format is ${list.format}, this program knows ${FORMAT}`);
  }
  return list;
}

function parse(text: string): BackupList & { format: number } | undefined {
  try {
    const { format, made, upTo, first, last, messages, files } = JSON.parse(text);
    const times = { made: Date.parse(made), upTo: Date.parse(upTo) };
    const numbers = [format, first, last, messages, times.made, times.upTo];
    const areNamesKnown = Object.entries(files as Record<string, ListedFile>).every((
      [name, { bytes, sha256 }],
    ) =>
      NAMES.some((known) => known.test(name)) && Number.isSafeInteger(bytes) && /^[0-9a-f]{64}$/.test(sha256)
    );
    if (!areNamesKnown || !numbers.every(Number.isSafeInteger) || !(DATABASE_FILE in files)) return undefined;
    return { format, ...times, first, last, messages, files };
  } catch {
    return undefined;
  }
}

/** @throws {Error} A file of the backup is not what its list says. */
export async function checkFiles(directory: string, { files }: BackupList) {
  for (const [name, listed] of Object.entries(files)) {
    const path = `${directory}/${name}`;
    let found: ListedFile;
    try {
      found = await listFile(path);
    } catch (error) {
      throw new Error(`Cannot use the backup: ${path}: ${(error as Error).message}`);
    }
    if (found.bytes !== listed.bytes || found.sha256 !== listed.sha256) {
      throw new Error(
        `Cannot use the backup: ${path} is damaged: it has ${found.bytes} bytes with SHA-256 ${found.sha256}, ` +
          `and ${BACKUP_FILE} says ${listed.bytes} bytes with ${listed.sha256}`,
      );
    }
  }
}
