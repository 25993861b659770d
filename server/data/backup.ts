/**
 * Copies a data directory, with or without a server that runs in it: store section 10.
 *
 * @module
 */

import { checkDirectory, type Finding } from "../store/check/check.ts";
import type { HeldState } from "../store/checkpoint/hold.ts";
import { type BackupList, listFiles, writeList } from "../store/copy/backup_list.ts";
import { copyFile } from "../store/copy/copied_files.ts";
import { copyJournal } from "../store/copy/copied_journal.ts";
import {
  contentsOf,
  type CopiedDatabase,
  countMessages,
  readDatabase,
  readJournal,
} from "../store/copy/copied_state.ts";
import { DATABASE_FILE, LOG_FILE } from "../store/database/database.ts";
import { StoreLocked } from "../store/errors.ts";
import { syncDirectory } from "../store/files/durable_file.ts";
import type { JournalRecord } from "../store/journal/journal.ts";
import { DirectoryLock } from "../store/journaled/directory_lock.ts";
import { JOURNAL_FOLDER } from "../store/journaled/open_journal.ts";
import { hasDatabase } from "./start_check.ts";

/** How often the hold of a server is asked for anew, in milliseconds: it would end after 30 s. */
const HOLD_INTERVAL_MS = 5000;

const FILES_FOLDER = "files";

/** Files of the directory that are copied if they are there. */
const KEYS = ["secret", "seal-key"];

const CONTENT = /^[0-9a-f]{32}$/;

/** A server that runs in the directory. */
export interface HoldingServer {
  /** Begins a hold, or lets the one with this ID go on. @throws {Error} It can't, or the hold has ended. */
  hold(id?: string): Promise<HeldState>;
  /** @throws {Error} The hold has ended before. */
  endHold(id: string): Promise<void>;
}

/** What was copied. */
export interface BackupReport {
  messages: number;
  /** Files of the forum, and the bytes of everything. */
  files: number;
  bytes: number;
  /** When the last record was made that the backup has, in milliseconds since 1970. */
  upTo: number;
}

/** The state that is copied. */
interface Copied {
  database: CopiedDatabase;
  records: JournalRecord[];
  last: number;
  /** Undefined if nobody has counted them. */
  messages?: number;
}

/**
 * Copies a data directory into `target`, a directory that is empty or not there. If that fails, nothing is left there.
 *
 * @param server The server that runs there; undefined: none does, which the lock has to show.
 * @returns `no database`: no server has kept anything there. `in use`: a server runs, and has to be asked.
 * @param stop Breaks it off.
 * @throws {Error} It could not be copied, or what was copied is damaged; or why it was broken off.
 */
export async function backUp(
  directory: string,
  target: string,
  server: HoldingServer | undefined,
  stop: AbortSignal,
): Promise<BackupReport | "no database" | "in use"> {
  if (!await hasDatabase(directory)) return "no database";
  using locking = new DisposableStack();
  if (server === undefined) {
    const lock = await tryLock(directory);
    if (lock === undefined) return "in use";
    locking.defer(() => lock.release());
  }
  await using made = await makeTarget(target);
  const report = server === undefined
    ? await backUpStopped(directory, target, stop)
    : await backUpRunning(directory, target, server, stop);
  made.keep();
  return report;
}

async function tryLock(directory: string): Promise<DirectoryLock | undefined> {
  try {
    return await DirectoryLock.acquire(directory);
  } catch (error) {
    if (error instanceof StoreLocked) return undefined;
    throw error;
  }
}

/** Makes the directory of a backup; unless it is kept, it is as it was afterwards. @throws {Error} It has something in it. */
async function makeTarget(target: string) {
  const isThere = await Deno.stat(target).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });
  if (isThere) {
    for await (const { name } of Deno.readDir(target)) {
      throw new Error(
        `Cannot make a backup in ${target}: it has ${name}; name a directory that is empty or not there`,
      );
    }
  }
  for (const path of [target, `${target}/${JOURNAL_FOLDER}`, `${target}/${FILES_FOLDER}`]) {
    await Deno.mkdir(path, { recursive: path === target, mode: 0o700 });
  }
  let isKept = false;
  return {
    keep: () => isKept = true,
    async [Symbol.asyncDispose]() {
      if (isKept) return;
      for await (const { name } of Deno.readDir(target)) {
        await Deno.remove(`${target}/${name}`, { recursive: true });
      }
      if (!isThere) await Deno.remove(target);
    },
  };
}

async function backUpStopped(directory: string, target: string, stop: AbortSignal): Promise<BackupReport> {
  await copyFile(`${directory}/${DATABASE_FILE}`, `${target}/${DATABASE_FILE}`, stop);
  await copyIfThere(`${directory}/${LOG_FILE}`, `${target}/${LOG_FILE}`, stop);
  const database = readDatabase(target), { position } = database;
  // where the journal ends is seen in it
  await copyJournal(`${directory}/${JOURNAL_FOLDER}`, `${target}/${JOURNAL_FOLDER}`, {
    after: position.number,
    last: undefined,
  });
  const records = readJournal(target, database), last = records.at(-1)?.number ?? position.number;
  await copyContents(directory, target, contentsOf(database, records), stop);
  return await finish(directory, target, { database, records, last });
}

async function backUpRunning(
  directory: string,
  target: string,
  server: HoldingServer,
  stop: AbortSignal,
): Promise<BackupReport> {
  const failure = new AbortController(), signal = AbortSignal.any([failure.signal, stop]);
  // contents never change: most of them are copied before anything is held
  const contents = await namesIn(`${directory}/${FILES_FOLDER}`);
  for (const name of contents) {
    await copyIfThere(`${directory}/${FILES_FOLDER}/${name}`, `${target}/${FILES_FOLDER}/${name}`, stop);
  }
  const { id } = await server.hold();
  const asking = setInterval(() => server.hold(id).catch((error) => failure.abort(error)), HOLD_INTERVAL_MS);
  let copied: Copied;
  try {
    await copyFile(`${directory}/${DATABASE_FILE}`, `${target}/${DATABASE_FILE}`, signal);
    const { database: after, journal: last, messages } = await server.hold(id);
    await copyJournal(
      `${directory}/${JOURNAL_FOLDER}`,
      `${target}/${JOURNAL_FOLDER}`,
      { after, last },
      signal,
    );
    const database = readDatabase(target);
    if (database.position.number !== after) {
      throw new Error(`The copy is of record ${database.position.number}, and not of ${after}`);
    }
    const records = readJournal(target, database, last);
    await copyContents(directory, target, contentsOf(database, records), signal);
    copied = { database, records, last, messages };
  } catch (error) {
    await server.endHold(id).catch(() => {});
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearInterval(asking);
  }
  // it must have gone on until now
  await server.endHold(id);
  return await finish(directory, target, copied);
}

/** Copies the contents that the state may have, and removes others that were copied before. */
async function copyContents(
  directory: string,
  target: string,
  contents: ReadonlySet<string>,
  signal: AbortSignal,
) {
  const there = new Set(await namesIn(`${target}/${FILES_FOLDER}`));
  for (const name of contents) {
    if (there.has(name)) continue;
    await copyIfThere(`${directory}/${FILES_FOLDER}/${name}`, `${target}/${FILES_FOLDER}/${name}`, signal);
  }
  for (const name of there) if (!contents.has(name)) await Deno.remove(`${target}/${FILES_FOLDER}/${name}`);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).filter((name) =>
      CONTENT.test(name)
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function copyIfThere(from: string, to: string, signal?: AbortSignal) {
  try {
    await copyFile(from, to, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** @throws {Error} What was copied is damaged. */
async function check(directory: string, target: string) {
  let first: Finding | undefined;
  await checkDirectory(target, (finding) => {
    if (finding.isDamage) first ??= finding;
  });
  if (first === undefined) return;
  const { file, place, what } = first, where = `${directory}/${file}${place === "" ? "" : `, ${place}`}`;
  throw new Error(`Cannot copy ${where}: it is damaged: ${what}; 'wirepost check' shows all that is`);
}

/** Checks the copy, and makes it a backup. */
async function finish(directory: string, target: string, copied: Copied): Promise<BackupReport> {
  for (const name of KEYS) await copyIfThere(`${directory}/${name}`, `${target}/${name}`);
  await check(directory, target);
  const { database, records, last, messages = countMessages(target, records) } = copied;
  const { position } = database;
  const segments = [...Deno.readDirSync(`${target}/${JOURNAL_FOLDER}`)].map(({ name }) =>
    `${JOURNAL_FOLDER}/${name}`
  );
  const there = await namesIn(`${target}/${FILES_FOLDER}`);
  const keys = [...Deno.readDirSync(target)].map(({ name }) => name).filter((name) => KEYS.includes(name));
  const files = await listFiles(target, [
    DATABASE_FILE,
    ...segments,
    ...there.map((name) => `${FILES_FOLDER}/${name}`),
    ...keys,
  ]);
  for (const folder of [JOURNAL_FOLDER, FILES_FOLDER]) await syncDirectory(`${target}/${folder}`);
  const list: BackupList = {
    first: position.number + 1,
    last,
    made: Date.now(),
    upTo: records.at(-1)?.wallClock ?? position.wallClock,
    messages,
    files,
  };
  await writeList(target, list);
  return {
    messages,
    files: there.length,
    bytes: Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0),
    upTo: list.upTo,
  };
}
