/**
 * A store on a simulated machine, from its start to its end: as `journaled/open.ts` opens one on a disk.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { DATABASE_FILE } from "../../../server/store/database/database.ts";
import { renewLog } from "../../../server/store/database/log_renewal.ts";
import { PAGE_BYTES } from "../../../server/store/database/transaction.ts";
import type { Amount } from "../../../server/store/checkpoint/backlog.ts";
import type { WriteBack } from "../../../server/store/checkpoint/write_back.ts";
import { Engine } from "../../../server/store/engine/engine.ts";
import type { EngineVersion } from "../../../server/store/engine/state/version.ts";
import type { Position } from "../../../server/store/engine/state/position.ts";
import { DiskJournal } from "../../../server/store/journal/disk_journal.ts";
import { StoreClocks } from "../../../server/store/journaled/clocks.ts";
import { GroupCommit } from "../../../server/store/journaled/group.ts";
import { JournaledStore } from "../../../server/store/journaled/journaled_store.ts";
import { checkLog } from "../../../server/store/journaled/open_engine.ts";
import { beforeReplayOn, replay, upgradeRequests } from "../../../server/store/journaled/replay.ts";
import type { StoreRequest } from "../../../server/store/store.ts";
import type { Random } from "../random.ts";
import type { Machine } from "./machine.ts";
import type { Oracle } from "./oracle.ts";

/** So small that a run fills many. */
const SEGMENT_BYTES = 32 * 1024;

/** More than this the database's file never has: past it, what needs space is refused. */
const MAX_FILE_BYTES = 512 * 1024;

class SimulatedEngine extends Engine {
  readonly #machine: Machine;

  constructor(machine: Machine, versions?: readonly EngineVersion[]) {
    super({ directory: machine.directory, versions });
    this.#machine = machine;
  }

  override checkpoint(position: Position) {
    const machine = this.#machine, { files } = machine;
    machine.operate({});
    if (machine.isFull) {
      this.flush(10);
      throw machine.fullError();
    }
    const before = machine.isStoppedNext ? files.readLog() : undefined;
    super.checkpoint(position);
    files.noteCommit();
    machine.operate({}, before);
  }
}

/** Writes SQLite's log back as the Worker does, but in this thread, and syncs nothing but the simulated disk. */
class SimulatedWriteBack implements Pick<WriteBack, "logBytes" | "run" | "syncLog" | "close"> {
  logBytes = 0;
  readonly #machine: Machine;
  readonly #db: DatabaseSync;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#db = new DatabaseSync(`${machine.directory}/${DATABASE_FILE}`);
    for (const setting of ["synchronous = OFF", "wal_autocheckpoint = 0"]) this.#db.exec(`PRAGMA ${setting}`);
    // only then it has the file open: the engine never is the last one, which would write all of it back
    this.#db.prepare("SELECT count(*) FROM sqlite_schema").get();
  }

  async run(): Promise<boolean> {
    const machine = this.#machine, { files } = machine;
    await machine.wait();
    this.#makeLogDurable();
    if (machine.isFull) throw machine.fullError();
    const { busy, log, checkpointed } = this.#db.prepare("PRAGMA wal_checkpoint(PASSIVE)").get() as Record<
      string,
      number
    >;
    await machine.wait();
    machine.operate({});
    files.syncDatabase();
    await machine.wait();
    machine.operate({});
    this.logBytes = log! * PAGE_BYTES;
    return busy === 0 && checkpointed === log;
  }

  async syncLog() {
    await this.#machine.wait();
    this.#makeLogDurable();
  }

  /** After a failure the system takes for written what it has not written. */
  #makeLogDurable() {
    const machine = this.#machine, { files } = machine;
    try {
      machine.operate({});
      if (machine.failsLogSync) throw machine.syncError();
    } catch (error) {
      if (!machine.isStopped) files.forgetLog();
      throw error;
    }
    files.syncLog();
  }

  close(): Promise<void> {
    this.#db.close();
    return Promise.resolve();
  }
}

/** So little that it is reached. */
const BACKLOG_MAX: Readonly<Amount> = { bytes: 32 * 1024, workMs: Infinity };

export interface LifeOptions {
  machine: Machine;
  oracle: Oracle;
  random: Random;
  /** What is recorded at the start. */
  requests: StoreRequest[];
  /** Versions of the engine; those of the program by default. */
  versions?: readonly EngineVersion[] | undefined;
}

export class Life {
  readonly store: JournaledStore;
  readonly group: GroupCommit;
  /** Rejects if the store is lost. */
  readonly lost: Promise<never>;
  readonly #machine: Machine;

  private constructor(machine: Machine, store: JournaledStore, lost: Promise<never>) {
    this.#machine = machine;
    this.store = store;
    this.lost = lost;
    this.group = new GroupCommit(store, () => {});
  }

  /** Makes what a machine has before its first start. */
  static install({ directory, files }: Machine) {
    new Engine({ directory }).close();
    files.sync();
  }

  /** @throws {Error} The process has ended meanwhile, or cannot start. */
  static async start(options: LifeOptions): Promise<Life> {
    try {
      return await Life.#open(options);
    } catch (error) {
      if (!options.machine.isStopped) options.machine.stop("kill");
      throw error;
    }
  }

  static async #open({ machine, oracle, random, requests, versions }: LifeOptions): Promise<Life> {
    const { starts } = machine;
    checkLog(machine.directory);
    machine.operate({});
    renewLog(machine.directory);
    machine.files.noteRenewed();
    machine.operate({});
    machine.files.syncLog();
    const writeBack = new SimulatedWriteBack(machine),
      openEngine = () => new SimulatedEngine(machine, versions);
    const engine = openEngine();
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    let store: JournaledStore | undefined, journal: DiskJournal | undefined;
    try {
      const { folder } = machine, { journalId: id, position } = engine;
      const isNew = position.number === 0 && !folder.list().some((name) => /^\d+\.journal$/.test(name));
      const beforeReplay = beforeReplayOn(engine, machine.directory);
      journal = await DiskJournal.open({
        folder,
        id,
        position,
        isNew,
        segmentBytes: SEGMENT_BYTES,
        beforeReplay,
      });
      const last = replay(engine, journal, machine.directory);
      oracle.compare(engine, journal.last);
      store = new JournaledStore({
        engine,
        openEngine,
        journal: oracle.watch(journal),
        backlogMax: BACKLOG_MAX,
        clocks: new StoreClocks(last, machine.clocks),
        last,
        storage: {
          directory: machine.directory,
          maxFileBytes: MAX_FILE_BYTES,
          keptRoomBytes: SEGMENT_BYTES / 4,
          segmentBytes: SEGMENT_BYTES,
        },
        writeBack: writeBack as unknown as WriteBack,
        lock: undefined,
        syncPlace: { isInThread: () => random.chance(0.5), took() {} },
        random: random.bytes,
        onEvent() {},
        onLost: (error) => {
          lost.reject(error);
          // what failed ends the process, and no later one
          if (!machine.isStopped && machine.starts === starts) machine.stop("kill");
        },
        pause: () => machine.wait(),
        rest: () => machine.wait(),
      });
      await store.begin([...upgradeRequests(engine), ...requests]);
      if (machine.isStopped) throw new Error("The process has ended");
      return new Life(machine, store, lost.promise);
    } catch (error) {
      // so that what is closed changes nothing any more
      if (!machine.isStopped) machine.stop("kill");
      if (store) await store.close().catch(() => {});
      else {
        await journal?.close().catch(() => {});
        await writeBack.close();
        engine.close();
      }
      throw error;
    }
  }

  /** Closes it as a server does that is stopped, or lets go of what a process had that has ended. */
  async end() {
    await this.store.close().catch(() => {});
    if (!this.#machine.isStopped) this.#machine.files.sync();
  }
}
