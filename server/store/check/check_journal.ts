import { DATABASE_FILE } from "../database/database.ts";
import { refusalOf, versionAfter } from "../engine/state/version.ts";
import { readRecord } from "../journal/codec/record.ts";
import { DiskFolder } from "../journal/folder.ts";
import type { JournalPosition, JournalRecord } from "../journal/journal.ts";
import { JournalDamaged, recoverJournal } from "../journal/recovery.ts";
import { segmentCount } from "../journaled/open_journal.ts";
import type { StoreRequest } from "../store.ts";
import type { Check } from "./finding.ts";

const FOLDER = "journal";

/** What the database says of the journal. */
export interface DatabasePosition extends JournalPosition {
  /** The ID of the journal. */
  id: Uint8Array;
  wallClock: number;
  monotonicClock: number;
  /** The version of the engine that the state is at. */
  engine: number;
}

/** What the records after the database's number change of the files. */
export interface FileChanges {
  /** Contents that were added. */
  added: { content: string; size: number; hash: string }[];
  /** Titles of threads that may have been removed. */
  removed: Set<string>;
}

/** Reads the journal as a start does (store 5.4 to 5.8), and every record that it would take. */
export function checkJournal(check: Check, position: DatabasePosition | undefined): FileChanges {
  const changes: FileChanges = { added: [], removed: new Set() };
  if (position === undefined) return changes;
  check.totals.engine = position.engine;
  if (position.number > 0) refuse(check, position.engine);
  const { directory, totals } = check, path = `${directory}/${FOLDER}`;
  const isNew = position.number === 0 && segmentCount(directory) === 0;
  if (isNew) return changes;
  const folder = new DiskFolder(path);
  const damage = (error: Error, segment?: string, offset?: number) => {
    const place = offset === undefined ? "" : `byte ${offset}`;
    check.damage(segment === undefined ? FOLDER : `${FOLDER}/${segment}`, place, error.message);
  };
  for (const name of namesIn(path)) totals.bytes += Deno.statSync(`${path}/${name}`).size;
  try {
    const recovery = recoverJournal(folder, position.id, position, false, (info, bytes, segment) => {
      totals.records++;
      try {
        const record = readRecord(bytes, info);
        if (info.number === position.number) compareClocks(check, position, record);
        if (info.number <= position.number) return;
        followVersion(check, record);
        for (const request of record.requests) note(request, changes);
      } catch (error) {
        damage(error as Error, segment, info.start);
      }
    });
    if (recovery.torn !== undefined) {
      const { name, at } = recovery.torn;
      check.note(
        `${FOLDER}/${name}`,
        `byte ${at}`,
        `the journal ends here, where record ${
          recovery.end.number + 1
        } begins and is not whole: it was not acknowledged ` +
          "if the server or the machine was stopped in the middle of it",
        "nothing; if it was not stopped so, the file is damaged: restore a backup",
      );
    }
  } catch (error) {
    if (error instanceof JournalDamaged) {
      const name = error.path.startsWith(`${path}/`) ? error.path.slice(path.length + 1) : undefined;
      damage(new Error(error.why), name, error.offset);
    } else if (error instanceof Deno.errors.NotFound) damage(new Error("the journal is not there"));
    else throw error;
  }
  return changes;
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** A version that this program has no rules for is no damage. */
function refuse(check: Check, version: number): boolean {
  const refusal = refusalOf(version, check.versions);
  if (refusal === undefined) return false;
  check.note(DATABASE_FILE, "engine", `the state is at ${refusal.why}`, refusal.todo);
  return true;
}

function followVersion(check: Check, record: JournalRecord) {
  const { totals, versions } = check, { engine } = record;
  if (engine !== totals.engine && refuse(check, engine)) totals.engine = engine;
  else if (refusalOf(engine, versions) === undefined) {
    totals.engine = versionAfter(totals.engine!, record, versions);
  }
}

/** The database has the clocks of its record. */
function compareClocks(
  check: Check,
  position: DatabasePosition,
  record: { wallClock: number; monotonicClock: number },
) {
  const isSame = position.wallClock === record.wallClock && position.monotonicClock === record.monotonicClock;
  if (!isSame) {
    check.damage(DATABASE_FILE, "position", `its clocks are not those of record ${position.number}`);
  }
}

function note(request: StoreRequest, { added, removed }: FileChanges) {
  if (request.kind === "attach") added.push(request);
  const changes = request.kind === "session"
    ? request.changes
    : request.kind === "thread"
    ? [request.change]
    : [];
  for (const change of changes) if (change.kind === "remove") removed.add(change.thread);
}
