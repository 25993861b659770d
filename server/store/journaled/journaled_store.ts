import type { Engine } from "../engine/engine.ts";
import { DATABASE_FILE } from "../database/database.ts";
import { DatabaseLost, DatabaseUnusable, FileFailed, StoreLost } from "../errors.ts";
import { type Journal, JournalLost } from "../journal/journal.ts";
import type { Counts } from "../requests/message.ts";
import type { Outcome, Store, StoreEvent, StoreRequest } from "../store.ts";
import { Admission, type AdmissionOptions } from "../room/admission.ts";
import { type CheckpointHost, Checkpoints } from "../checkpoint/checkpoints.ts";
import { Hold } from "../checkpoint/hold.ts";
import type { StoreClocks } from "./clocks.ts";
import { setTimer, within } from "../../quota/uptime.ts";
import type { DirectoryLock } from "./directory_lock.ts";
import type { StoreFigures } from "./figures.ts";
import { Recorder } from "./recorder.ts";
import { type RecordClocks, replayEach } from "./replay.ts";
import { Syncs, type SyncsOptions } from "./syncs.ts";
import type { BacklogOptions } from "../checkpoint/backlog.ts";
import type { WriteBack } from "../checkpoint/write_back.ts";

/** With less room than this in the journal, its next segment is waited for: the longest batch has room. */
const MIN_ROOM_BYTES = 768 * 1024;

/** How often the engine is asked what is due by time, in milliseconds. */
const TICK_MS = 100;

/** How long a start does what is due by time, and waits for its checkpoint, at most, in milliseconds. */
const START_WORK_MS = 200;

type StorageOptions = Pick<AdmissionOptions, "directory" | "maxFileBytes" | "keptRoomBytes" | "segmentBytes">;

export interface JournaledStoreOptions extends Omit<BacklogOptions, "journal"> {
  /** Its state is that of the journal's last record. */
  engine: Engine;
  /** Opens another one on the same database, as of its last checkpoint. */
  openEngine(): Engine;
  journal: Journal;
  clocks: StoreClocks;
  /** The clocks of the last record. */
  last: RecordClocks;
  /** These are undefined in memory: then nothing needs room, and nothing is written back. */
  storage: StorageOptions | undefined;
  writeBack: WriteBack | undefined;
  lock: DirectoryLock | undefined;
  /** Milliseconds that every sync takes longer, to measure as on a slower disk. */
  syncDelayMs?: number | undefined;
  /** Where the journal is synced; a test has its own. */
  syncPlace?: SyncsOptions["place"];
  random(bytes: number): Uint8Array;
  onEvent(event: StoreEvent): void;
  /** Waits until the sockets were read, between two pieces of long work. */
  pause(): Promise<void>;
  /** Leaves most of the time to others, between two pieces of work that nobody waits for. */
  rest(): Promise<void>;
  /** Called once if the store cannot be relied on any more. */
  onLost(error: Error): void;
}

/** Requests that belong together, and who waits for their outcomes. */
interface Batch {
  requests: readonly StoreRequest[];
  isAwaited: boolean;
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
}

/**
 * A {@linkcode Store} that keeps a record of what it carries out in a journal, and its state in an engine. A batch is one
 * record, which is applied at once, in this thread; the sync that makes it durable covers all that came before it begins.
 *
 * Invariant: what the journal has and what the engine has applied is the same.
 */
export class JournaledStore implements Store {
  readonly opened: Counts;
  readonly clocks: StoreClocks;
  /** Keeps what a backup copies as it is. */
  readonly hold: Hold;
  readonly #options: JournaledStoreOptions;
  readonly #journal: Journal;
  readonly #recorder: Recorder;
  readonly #syncs: Syncs;
  readonly #checkpoints: Checkpoints;
  readonly #admission: Admission | undefined;
  #engine: Engine;
  /** Messages that the engine has dropped while it applied records that are older than this store. */
  #droppedBefore: number;
  readonly #firstRecord: number;
  /** Whether the journal was waited for just now. */
  #isRoomMade = false;
  /** Batches that wait, in their order, while somebody does not want records to be made. */
  readonly #held: Batch[] = [];
  #holds = 0;
  /** The last record of which the journal itself says that all before it are durable. */
  #confirmed = 0;
  readonly #ticking: ReturnType<typeof setInterval>;
  #working: Promise<void> | undefined;
  /** Ends when the engine was made anew, or that was given up: then the new one is closed. */
  #rebuilding: Promise<void> | undefined;
  #lost: unknown;
  #closed: Promise<void> | undefined;

  constructor(options: JournaledStoreOptions) {
    const { engine, journal, clocks, storage } = this.#options = options;
    this.#engine = engine;
    this.#journal = journal;
    this.clocks = clocks;
    this.opened = engine.counts;
    this.#droppedBefore = engine.dropped;
    this.#firstRecord = journal.last;
    const hold = this.hold = new Hold({
      begin: (isWanted) => this.#checkpoints.beginHold(isWanted),
      end: () => void this.#checkpoints.endHold(),
      durable: () => this.#durableState(),
      setTimer,
    });
    this.#admission = storage && new Admission({
      ...storage,
      hold,
      pages: () => this.#engine.pages,
      textBytes: () => this.#engine.counts.bytes,
      pendingBytes: () => this.#checkpoints.backlog.bytes,
      unwrittenBytes: () => this.#checkpoints.backlog.unwritten.bytes,
      journalRoom: () => journal.room,
      monotonicClock: () => performance.now(),
    });
    this.#syncs = new Syncs({ ...options, place: options.syncPlace, lose: (error) => this.#lose(error) });
    this.#recorder = new Recorder({ ...options, admission: this.#admission });
    this.#checkpoints = new Checkpoints({ ...options, admission: this.#admission, host: this.#host() });
    this.#ticking = setInterval(() => void this.#tick(), TICK_MS);
  }

  /** Whether a mailbox holds something, or did lately. */
  isMailbox(name: string): boolean {
    return this.#engine.isMailbox(name);
  }

  #host(): CheckpointHost {
    // deno-lint-ignore no-this-alias
    const store = this;
    return {
      get engine() {
        return store.#engine;
      },
      get position() {
        const { last: number, chain } = store.#journal;
        return { number, chain, ...store.#recorder.last };
      },
      hold: () => void this.#holds++,
      release: () => this.#release(),
      synced: () => this.#syncs.until(),
      rebuild: () => this.#rebuilding = this.#rebuild(),
      lose: (error) => this.#lose(error),
      breakOffHold: (why) => store.hold.breakOff(why),
    };
  }

  get dropped(): number {
    return this.#engine.dropped - this.#droppedBefore;
  }

  /** What it did since it was opened, and what its journal has. */
  get figures(): StoreFigures {
    const { last, bytes, segments } = this.#journal;
    const { backlog: { unwritten: backlog }, count: checkpoints } = this.#checkpoints;
    const records = last - this.#firstRecord, { times: syncTimes } = this.#syncs;
    const { count: syncs, sum } = syncTimes;
    return { records, bytes, segments, syncs, syncMs: Math.round(sum), syncTimes, backlog, checkpoints };
  }

  apply(requests: readonly StoreRequest[], isAwaited = true): Promise<Outcome[]> {
    if (this.#closed) return Promise.reject(new StoreLost("Cannot apply requests: the store is closed"));
    return this.#apply(requests, isAwaited);
  }

  #apply(requests: readonly StoreRequest[], isAwaited: boolean): Promise<Outcome[]> {
    return new Promise((resolve, reject) => {
      const batch: Batch = { requests, isAwaited, resolve, reject };
      if (this.#lost !== undefined) reject(this.#lost);
      else {
        this.#held.push(batch);
        this.#carryOutHeld();
      }
    });
  }

  #carryOutHeld() {
    while (this.#holds === 0 && this.#held.length > 0) {
      if (this.#checkpoints.isBehind) return void this.#checkpoints.catchUp();
      if (this.#journal.room < MIN_ROOM_BYTES && !this.#isRoomMade) return void this.#makeRoom();
      this.#carryOut(this.#held.shift()!);
    }
  }

  /** The journal's next segment may be on its way: it is waited for once, before anything is refused. */
  async #makeRoom() {
    this.#holds++;
    await this.#journal.makeRoom();
    this.#isRoomMade = true;
    this.#release();
    this.#isRoomMade = false;
  }

  #carryOut(batch: Batch) {
    const began = performance.now();
    let outcomes: Outcome[], events: StoreEvent[];
    try {
      outcomes = this.#recorder.carryOut(this.#engine, batch.requests);
      events = this.#engine.takeEvents();
    } catch (error) {
      this.#lose(error);
      return batch.reject(this.#lost);
    }
    this.#checkpoints.backlog.add(performance.now() - began);
    this.#syncs.add({ ...batch, number: this.#journal.last, outcomes, events });
    if (this.#checkpoints.isDue) void this.#checkpoints.take();
  }

  /** Whether it is neither lost nor closed. */
  get #isRunning(): boolean {
    return this.#lost === undefined && this.#closed === undefined;
  }

  /** Does what is due by time: a piece at a time, and goes on while there is more. */
  #tick(until = Infinity): Promise<void> {
    return this.#working ??= this.#workAndRest(until).finally(() => this.#working = undefined);
  }

  async #workAndRest(until: number) {
    try {
      // the next segment could not be made, or an old one not be released: nobody waits for that
      if (this.#journal.lost !== undefined) throw this.#journal.lost;
      await this.#work(until);
      if (this.#isRunning && this.#checkpoints.isDue) void this.#checkpoints.take();
      this.#confirm();
    } catch (error) {
      this.#lose(error);
    }
  }

  async #work(until: number) {
    const { clocks: { wallClock, monotonicClock }, pause } = this.#options;
    while (this.#isRunning && this.#holds === 0 && performance.now() < until) {
      const due = this.#engine.due(wallClock(), monotonicClock()), { last } = this.#journal;
      if (due === undefined) break;
      if (due !== "not yet") {
        // nobody waits for it, but for the events; if the store is lost, that is reported
        this.#apply([due], false).catch(() => {});
        // the journal has no room for it: a checkpoint may make some
        if (this.#journal.last === last) break;
      }
      await pause();
    }
  }

  /**
   * Once nothing comes any more, one more record says that those before it are durable: if they rot before anything else
   * is written, that is damage, and not the end of the journal (store 5.10).
   */
  #confirm() {
    const { last } = this.#journal;
    if (this.#options.writeBack === undefined || !this.#isRunning) return;
    if (this.#holds > 0 || !this.#syncs.isIdle || this.#confirmed === last) return;
    this.#recorder.appendEmpty(this.#engine);
    this.#confirmed = this.#journal.last;
    void this.#syncs.begin();
  }

  #release() {
    this.#holds--;
    this.#carryOutHeld();
  }

  /** The state of now, once it is durable. */
  async #durableState() {
    const { last: number } = this.#journal, { messages } = this.#engine.counts;
    await this.#syncs.until(number);
    return { number, messages };
  }

  /** After a checkpoint that failed: all records are durable, and none is made. */
  async #rebuild() {
    const before = this.#engine, { openEngine, storage, pause } = this.#options;
    before.close();
    const engine = openEngine();
    try {
      // others than the store are served in between; what it holds is asked of the engine before
      for (const _ of replayEach(engine, this.#journal, storage?.directory)) {
        await pause();
        if (this.#lost !== undefined) throw this.#lost;
      }
    } catch (error) {
      engine.close();
      throw error;
    }
    engine.takeReports(before);
    this.#droppedBefore += engine.dropped - before.dropped;
    this.#engine = engine;
  }

  /** The first checkpoint, with what a start records: nothing was answered before it. */
  async begin(requests: readonly StoreRequest[]) {
    if (requests[0]?.kind === "upgrade") await this.#checkpoints.addChecksums();
    await this.#apply(requests, true);
    // a session that is too old is forgotten before its client comes back
    await this.#working;
    await this.#tick(performance.now() + START_WORK_MS);
    // after a long journal that takes time, in which others need not wait
    await within(START_WORK_MS, this.#checkpoints.take(true));
  }

  #lose(error: unknown) {
    if (this.#lost !== undefined) return;
    const lost = this.#lost = this.#asLost(error);
    clearInterval(this.#ticking);
    this.#syncs.lose(lost);
    for (const { reject } of this.#held.splice(0)) reject(lost);
    this.#options.onLost(lost);
  }

  /** What does not name its file is about the database. */
  #asLost(error: unknown): StoreLost {
    const { storage } = this.#options;
    if (error instanceof DatabaseLost) return error;
    const isNamed = [JournalLost, DatabaseUnusable, FileFailed].some((named) => error instanceof named);
    if (isNamed || storage === undefined) {
      return new StoreLost((error as Error).message, { cause: error });
    }
    return new DatabaseLost(`${storage.directory}/${DATABASE_FILE}`, error);
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close() {
    const { writeBack, lock } = this.#options;
    clearInterval(this.#ticking);
    this.hold.breakOff("the server has ended");
    if (this.#lost === undefined) await this.#checkpoints.takeLast();
    else await this.#rebuilding?.catch(() => {});
    this.#syncs.stop();
    await writeBack?.close();
    this.#engine.close();
    // after a failure it cannot sync what was appended
    await this.#journal.close().catch(() => {});
    this.#admission?.close();
    lock?.release();
  }
}
