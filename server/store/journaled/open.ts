/**
 * How a store is opened: its directory is locked, its state is made again from database and journal, and what a start
 * changes is recorded (store 5.4). When it returns, requests can be answered.
 *
 * @module
 */

import { setImmediate } from "node:timers/promises";
import { ANY_LENGTH, DATABASE_FILE } from "../database/database.ts";
import { renewLog } from "../database/log_renewal.ts";
import { isSameConfiguration } from "../engine/state/configuration.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineVersion } from "../engine/state/version.ts";
import { LEASE_LIMITS, SESSION_LIMITS, type TableLimits } from "../../quota/fair_table.ts";
import { uptime } from "../../quota/uptime.ts";
import { DiskJournal } from "../journal/disk_journal.ts";
import type { Journal } from "../journal/journal.ts";
import { MemoryJournal } from "../journal/memory_journal.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits, type StoreLimits } from "../limits.ts";
import type { Configuration } from "../requests/upkeep.ts";
import type { StoreEvent, StoreRequest } from "../store.ts";
import { freeBytes } from "../room/file_system.ts";
import { StoreClocks, type SystemClocks } from "./clocks.ts";
import { DirectoryLock } from "./directory_lock.ts";
import { JournaledStore } from "./journaled_store.ts";
import { checkLog, openEngineIn, unusable } from "./open_engine.ts";
import { openJournal, segmentBytesIn } from "./open_journal.ts";
import { Reserve } from "../room/reserve.ts";
import { beforeReplayOn, replay, upgradeRequests } from "./replay.ts";
import { forgetRestored, lineageRequests, restoredEpoch } from "./restored.ts";
import { WriteBack } from "../checkpoint/write_back.ts";

export interface StoreOptions {
  /** The data directory, which must exist; undefined: everything is kept in memory. */
  directory: string | undefined;
  /** Its lock, which the store releases when it is closed; taken by default. */
  lock?: DirectoryLock | undefined;
  /** Limits and the options that go with them; undefined: what the store has been given before. */
  limits?: StoreLimits | undefined;
  /** Most bytes of sender and text of a message that a take gives; any number by default. */
  takeBytesMax?: number | undefined;
  forumLimits?: Partial<ForumLimits> | undefined;
  /** How many sessions are kept. */
  sessionLimits?: TableLimits | undefined;
  /** Most bytes of the database file: past it nothing more is stored. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every sync takes longer, to measure as on a slower disk. */
  syncDelayMs?: number | undefined;
  /** Bytes of a segment of the journal, to test with small ones; what the disk has room for by default. */
  segmentBytes?: number | undefined;
  /** Versions of the engine; those of this program by default. */
  versions?: readonly EngineVersion[] | undefined;
  /** The system's clocks by default. */
  clocks?: SystemClocks;
  onEvent(event: StoreEvent): void;
  /** Called once if the store cannot be relied on any more. */
  onLost?(error: Error): void;
  /** Waits until the sockets were read, between two pieces of long work; for a turn of the event loop by default. */
  pause?(): Promise<void>;
  /** Leaves most of the time to others, between two pieces of work that nobody waits for; the same by default. */
  rest?(): Promise<void>;
}

/** Of the journal, what is kept for requests that free space (store 6.5); of a small segment, a quarter. */
const KEPT_ROOM_BYTES = 1024 * 1024;

/** With less room than so many segments need, a start uses the reserve. */
const START_SEGMENTS = 3;

const SYSTEM_CLOCKS: SystemClocks = {
  wallClock: Date.now,
  steadyClock: () => performance.now(),
  uptime: uptime.now,
};

const RANDOM = (bytes: number): Uint8Array => crypto.getRandomValues(new Uint8Array(bytes));

/**
 * Opens the store in a directory, and makes it if there is none.
 *
 * @throws {StoreLocked} Another process has it open.
 * @throws {Error} It cannot be opened, is damaged, or was made by a newer program.
 */
export async function openJournaledStore(options: StoreOptions): Promise<JournaledStore> {
  const { directory } = options;
  await using opening = new AsyncDisposableStack();
  const lock = options.lock ?? (directory === undefined ? undefined : await DirectoryLock.acquire(directory));
  opening.defer(() => lock?.release());
  // before anything is written
  const { segmentBytes = directory === undefined ? 0 : segmentBytesIn(directory) } = options;
  if (directory !== undefined && freeBytes(directory) < START_SEGMENTS * segmentBytes) {
    Reserve.release(directory);
  }
  if (directory !== undefined) {
    checkLog(directory);
    renewLog(directory);
  }
  const restored = directory === undefined ? undefined : await restoredEpoch(directory);
  const openEngine = () => openEngineIn({ directory, versions: options.versions }), engine = openEngine();
  opening.defer(() => engine.close());
  const writeBack = directory === undefined ? undefined : new WriteBack(`${directory}/${DATABASE_FILE}`);
  opening.defer(() => writeBack?.close());
  const { journalId: id, position } = engine, makeDurable = () => writeBackFirst(writeBack, directory);
  const beforeReplay = beforeReplayOn(engine, directory);
  const journal: Journal = directory === undefined
    ? new MemoryJournal()
    : await openJournal(directory, { id, position, segmentBytes, makeDurable, beforeReplay });
  opening.defer(() => journal.close());
  if (journal instanceof DiskJournal && journal.torn !== undefined) {
    options.onEvent({ kind: "torn", ...journal.torn });
  }
  const last = replay(engine, journal, directory);
  const clocks = new StoreClocks(last, options.clocks ?? SYSTEM_CLOCKS);
  const store = new JournaledStore({
    engine,
    openEngine,
    journal,
    clocks,
    last,
    appliedBytes: journal instanceof DiskJournal ? journal.replayedBytes : 0,
    random: RANDOM,
    lock,
    writeBack,
    storage: directory === undefined ? undefined : {
      directory,
      maxFileBytes: options.maxFileBytes,
      segmentBytes,
      keptRoomBytes: Math.min(KEPT_ROOM_BYTES, segmentBytes / 4),
    },
    syncDelayMs: options.syncDelayMs,
    onEvent: options.onEvent,
    onLost: options.onLost ?? (() => {}),
    pause: options.pause ?? (() => setImmediate()),
    rest: options.rest ?? options.pause ?? (() => setImmediate()),
  });
  // from here on it closes all of this itself
  opening.move();
  try {
    await store.begin([
      ...upgradeRequests(engine),
      ...startRequests(options, engine),
      ...lineageRequests(restored, engine.epoch),
    ]);
    if (restored !== undefined) await forgetRestored(directory!);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** @throws {DatabaseUnusable} */
async function writeBackFirst(writeBack: WriteBack | undefined, directory: string | undefined) {
  try {
    await writeBack?.run();
  } catch (error) {
    throw unusable(directory, error);
  }
}

/** What options are for the engine: those that outcomes depend on (store 4.5). */
export function configurationOf(
  options: Pick<StoreOptions, "takeBytesMax" | "forumLimits" | "sessionLimits"> & { limits: StoreLimits },
): Configuration {
  return {
    limits: options.limits,
    takeBytesMax: options.takeBytesMax ?? ANY_LENGTH,
    forumLimits: { ...DEFAULT_FORUM_LIMITS, ...options.forumLimits },
    sessionLimits: options.sessionLimits ?? SESSION_LIMITS,
    leaseLimits: LEASE_LIMITS,
  };
}

/** What a start records. */
function startRequests(options: StoreOptions, engine: Engine): StoreRequest[] {
  const requests: StoreRequest[] = [{ kind: "start" }], { limits } = options;
  if (limits === undefined) return requests;
  const configuration = configurationOf({ ...options, limits });
  const isSame = isSameConfiguration(engine.configuration, configuration);
  return isSame ? requests : [...requests, { kind: "configure", ...configuration }];
}
