/**
 * Puts a backup back into a data directory: store 10.7.
 *
 * @module
 */

import { type BackupList, checkFiles, readList } from "../store/copy/backup_list.ts";
import { copyFile, writeFile } from "../store/copy/copied_files.ts";
import { DATABASE_FILE, LOG_FILE } from "../store/database/database.ts";
import { StoreLocked } from "../store/errors.ts";
import { syncDirectory } from "../store/files/durable_file.ts";
import { UNKNOWN } from "../store/files/files.ts";
import { moveAside } from "../store/files/move_aside.ts";
import { DirectoryLock, LOCK_FILE } from "../store/journaled/directory_lock.ts";
import { JOURNAL_FOLDER } from "../store/journaled/open_journal.ts";
import { EPOCH_BYTES } from "../store/engine/state/epoch.ts";
import { RESTORED_FILE } from "../store/journaled/restored.ts";
import { hasDatabase } from "./start_check.ts";

/** What may be left of a database that is not there any more, and would be in the way. */
const IN_THE_WAY = [DATABASE_FILE, LOG_FILE, `${DATABASE_FILE}-shm`, JOURNAL_FOLDER, "secret", "seal-key"];

/** A restore that was cut off leaves the database under this name. */
const UNFINISHED_FILE = `${DATABASE_FILE}.new`;

/** What was put back. */
export interface RestoreReport {
  messages: number;
  files: number;
  /** When the last record was made that it has, in milliseconds since 1970. */
  upTo: number;
  /** Names of what was in the way, and is in `unknown/` now. */
  aside: string[];
}

/**
 * Puts a backup back into a directory that has no database. The database gets its name last: until then no server starts.
 *
 * @throws {Error} It is no backup, or damaged; or the directory has a database, or is in use.
 */
export async function restore(backup: string, directory: string): Promise<RestoreReport> {
  const list = await readList(backup);
  await checkFiles(backup, list);
  await refuseDatabase(directory);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  using _ = await lock(directory);
  await refuseDatabase(directory);
  const owner = await ownerOf(directory), own = (path: string) => giveTo(owner, path);
  const aside = await clearWay(directory);
  await own(`${directory}/${LOCK_FILE}`);
  if (aside.length > 0) await own(`${directory}/${UNKNOWN}`);
  for (const name of Object.keys(list.files)) await putBack(backup, directory, name, own);
  await writeFile(`${directory}/${RESTORED_FILE}`, [new TextEncoder().encode(`${newEpoch()}\n`)]);
  await own(`${directory}/${RESTORED_FILE}`);
  await syncDirectory(directory);
  await Deno.rename(`${directory}/${UNFINISHED_FILE}`, `${directory}/${DATABASE_FILE}`);
  await syncDirectory(directory);
  return { messages: list.messages, files: filesOf(list), upTo: list.upTo, aside };
}

function filesOf({ files }: BackupList): number {
  return Object.keys(files).filter((name) => name.startsWith("files/")).length;
}

function newEpoch(): string {
  return crypto.getRandomValues(new Uint8Array(EPOCH_BYTES)).toHex();
}

async function refuseDatabase(directory: string) {
  if (!await hasDatabase(directory)) return;
  throw new Error(
    `Cannot restore into ${directory}: it has ${DATABASE_FILE}; stop the server, and move the directory away, ` +
      "or give --data of another one",
  );
}

async function lock(directory: string): Promise<Disposable> {
  try {
    const lock = await DirectoryLock.acquire(directory);
    return { [Symbol.dispose]: () => lock.release() };
  } catch (error) {
    if (!(error instanceof StoreLocked)) throw error;
    throw new Error(`Cannot restore into ${directory}: another process has it open`);
  }
}

/** Moves what is in the way aside, but what an earlier restore left. Returns the names. */
async function clearWay(directory: string): Promise<string[]> {
  const aside: string[] = [];
  for (const name of [UNFINISHED_FILE, RESTORED_FILE]) await removeIfThere(`${directory}/${name}`);
  for (const name of IN_THE_WAY) {
    if (!await isThere(`${directory}/${name}`)) continue;
    await moveAside(`${directory}/${name}`, `${directory}/${UNKNOWN}`);
    aside.push(name);
  }
  return aside;
}

/** Copies a file of the backup. A content that is there is replaced: it may be damaged. */
async function putBack(
  backup: string,
  directory: string,
  name: string,
  own: (path: string) => Promise<void>,
) {
  const [folder] = name.split("/") as [string];
  if (folder !== name && !await isThere(`${directory}/${folder}`)) {
    await Deno.mkdir(`${directory}/${folder}`, { mode: 0o700 });
    await own(`${directory}/${folder}`);
  }
  const path = `${directory}/${name === DATABASE_FILE ? UNFINISHED_FILE : name}`;
  await removeIfThere(path);
  await copyFile(`${backup}/${name}`, path);
  await own(path);
  if (folder !== name) await syncDirectory(`${directory}/${folder}`);
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function removeIfThere(path: string) {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The user of a directory, if the administrator of the system restores for it: its server must be able to read all of it. */
async function ownerOf(directory: string): Promise<{ uid: number; gid: number } | undefined> {
  const { uid, gid } = await Deno.stat(directory);
  return Deno.uid() === 0 && uid !== null && gid !== null && uid !== 0 ? { uid, gid } : undefined;
}

async function giveTo(owner: { uid: number; gid: number } | undefined, path: string) {
  if (owner !== undefined) await Deno.chown(path, owner.uid, owner.gid);
}
