import { isDatabaseFull } from "../database/database.ts";
import type { Engine } from "../engine/engine.ts";
import type { Position } from "../engine/state/position.ts";
import type { Journal } from "../journal/journal.ts";
import { within } from "../../quota/uptime.ts";
import type { Admission } from "../room/admission.ts";
import { Backlog, type BacklogOptions } from "./backlog.ts";
import { Retry, RETRY_MS } from "./retry.ts";
import type { WriteBack } from "./write_back.ts";

/**
 * A checkpoint is taken when there is enough for one, or the records since the last one are so old, or when so many rows
 * are not written (store 5.1): to commit more would keep requests waiting for longer than two milliseconds.
 */
const CHECKPOINT_MS = 5000, CHECKPOINT_ROWS = 8192;

/** What was committed is written back when there is enough, or when it is so old (store 5.2). */
const WRITE_BACK_MS = 5000;

/** How long after one that made the file smaller it goes on, in milliseconds. */
const SHRINK_MS = 50;

/**
 * Rows that are written at a time before the checkpoint itself: the part of all that is left, within these bounds; a
 * quarter of a millisecond's work to two. So few are left to the checkpoint.
 */
const FLUSH_PARTS = 32, FLUSH_ROWS = 192, FLUSH_ROWS_MAX = 1024, FEW_ROWS = 256;

/**
 * How often rows without a checksum are looked for before a checkpoint, each time in {@linkcode FLUSH_ROWS} rows; and when
 * the next checkpoint is taken for their sake, in milliseconds.
 */
const MAX_CHECKS = 8, CHECK_MS = 500;

/**
 * Longer than that SQLite's log should not become, and how long records wait for it to begin anew, in milliseconds; and
 * when it is longer than the last, they wait until it does (store 5.3).
 */
const LOG_BYTES = 16 * 1024 * 1024, MAX_WAIT_MS = 10, LOG_BYTES_MAX = 64 * 1024 * 1024;

/** During a hold SQLite's log has at most so many bytes more than one checkpoint: a start writes all of it (store 10.3). */
export const HELD_LOG_BYTES_MAX = 128 * 1024 * 1024;

/** How often it is tried to have everything written back for a hold: there may be a checkpoint at any time. */
const HOLD_TRIES = 8;

/** Where a checkpoint is durable; `in part`: not as a whole, while another process reads what was there before. */
type Written = "in the file" | "in the log" | "in part";

/** What a checkpoint needs of its store. */
export interface CheckpointHost {
  readonly engine: Engine;
  /** Of the last record. */
  readonly position: Position;
  /** From now on no record is made. */
  hold(): void;
  /** Records are made again. */
  release(): void;
  /** Resolves when all records are durable. */
  synced(): Promise<void>;
  /** Makes the engine's state anew from database and journal. */
  rebuild(): Promise<void>;
  lose(error: unknown): void;
  /** Ends the hold of a backup. */
  breakOffHold(why: string): void;
}

export interface CheckpointsOptions extends BacklogOptions {
  host: CheckpointHost;
  journal: Journal;
  admission?: Admission | undefined;
  /** Undefined in memory. */
  writeBack?: WriteBack | undefined;
  /** Waits until the sockets were read. */
  pause(): Promise<void>;
  /** Leaves most of the time to others. */
  rest(): Promise<void>;
}

/**
 * Takes checkpoints: writes what only memory has into the database, a piece at a time, commits it, has it written back,
 * and releases what the journal has of it (store section 5).
 *
 * Invariant: the database is committed as of a record that is durable in the journal, so it is never ahead of it.
 */
export class Checkpoints {
  /** What the journal has, and the database has not. */
  readonly backlog: Backlog;
  readonly #options: CheckpointsOptions;
  /** Of the last checkpoint: the journal's last record, and when. */
  #number: number;
  #at: number;
  /** Of the last one that was written back as a whole; 0 if none was. */
  #writtenNumber = 0;
  #writtenAt: number;
  /** Whether the last checkpoint has become durable. */
  #isDurable = true;
  /** Whether nothing is written back (store 10.2). */
  #isHeld = false;
  readonly #retry = new Retry();
  #running: Promise<void> | undefined;
  /** Checkpoints that were taken. */
  count = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#number = options.host.engine.position.number;
    this.backlog = new Backlog(options);
    this.#at = this.#writtenAt = performance.now();
  }

  /**
   * Whether the journal is as long as it may get (store 5.11). Not if what was tried last has not worked: then nothing is
   * won by waiting, and what frees space goes on.
   */
  get isBehind(): boolean {
    const canWrite = this.#options.writeBack !== undefined && !this.#retry.isWanted && this.#isDurable;
    return canWrite && this.backlog.isFull;
  }

  /** Makes no record until it is not behind any more, if that can be reached. */
  async catchUp() {
    const { host } = this.#options;
    host.hold();
    await this.#running;
    if (this.isBehind) await this.take(true);
    host.release();
  }

  get isDue(): boolean {
    if (this.#running !== undefined) return false;
    const { host: { engine }, journal, admission } = this.#options;
    const elapsed = performance.now() - this.#at;
    if (this.#retry.isWanted) {
      return this.#retry.isDue(performance.now(), () => admission?.hasMoreRoom === true);
    }
    if (this.backlog.isEnough || engine.unflushed >= CHECKPOINT_ROWS) return true;
    if (this.#mayCheck && elapsed >= CHECK_MS) return true;
    if (journal.last > this.#number) {
      return elapsed >= (admission?.isFull ? RETRY_MS : CHECKPOINT_MS);
    }
    return this.#isWriteDue || elapsed >= SHRINK_MS && (this.#mayCheck || engine.hasFreePages);
  }

  /** Whether rows are to be given checksums: not while room is short, or SQLite's log grows, for nobody counts on that. */
  get #mayCheck(): boolean {
    const { host: { engine }, admission } = this.#options;
    return engine.hasUnchecked && !this.#retry.isWanted && !this.#isHeld && !admission?.isFull;
  }

  /** Whether what was committed is to be made durable. */
  get #isWriteDue(): boolean {
    const { writeBack, admission } = this.#options;
    if (writeBack === undefined || !this.backlog.isUnwritten) return false;
    if (this.#isDurable && this.backlog.isEnoughToWrite) return true;
    const isUrgent = !this.#isDurable || admission?.isFull;
    return performance.now() - this.#writtenAt >= (isUrgent ? RETRY_MS : WRITE_BACK_MS);
  }

  /**
   * Takes one, unless one is being taken. Never rejects.
   *
   * @param isWhole Without a rest, and it is written back in any case.
   */
  take(isWhole = false): Promise<void> {
    return this.#running ??= this.#take(isWhole).catch(this.#options.host.lose).finally(() =>
      this.#running = undefined
    );
  }

  /** Takes checkpoints until every row has a checksum, as an `upgrade` relies on (store 7.8); unless room is short. */
  async addChecksums() {
    for (let before = -1; this.#mayCheck && this.count > before;) {
      before = this.count;
      await this.take();
    }
  }

  /** Takes the last one, of all that was recorded. */
  async takeLast() {
    await this.#running;
    await this.take(true);
  }

  /**
   * Takes a checkpoint and has it written back, and nothing more from then on. Resolves to its number.
   *
   * @param isWanted Whether the hold has not been ended meanwhile.
   * @throws {Error} It could not be written back, or is not wanted any more.
   */
  async beginHold(isWanted: () => boolean): Promise<number> {
    for (let i = 0; i < HOLD_TRIES; i++) {
      await (this.#running ?? this.take(true));
      if (!isWanted()) break;
      if (this.#running !== undefined || this.#writtenNumber !== this.#number) continue;
      this.#isHeld = true;
      return this.#number;
    }
    throw new Error("the database cannot be written back now");
  }

  /** Writes back what has come meanwhile. */
  async endHold() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    await this.#running;
    if (this.#writtenNumber !== this.#number) await this.take(true);
  }

  async #take(isWhole: boolean) {
    const { host, writeBack, admission, pause } = this.#options;
    let isHolding = false, position: Position, written: Promise<Written> | undefined;
    const hold = () => {
      if (!isHolding) host.hold();
      isHolding = true;
    };
    try {
      for (let i = 0; i < MAX_CHECKS && this.#mayCheck; i++) {
        host.engine.addChecksums(FLUSH_ROWS);
        await pause();
      }
      await this.#flush(isWhole);
      hold();
      await host.synced();
      position = host.position;
      this.#commit(position);
      if (isWhole || this.#isWriteDue) written = this.#write();
      if (written !== undefined && !this.#isHeld && writeBack!.logBytes > LOG_BYTES) {
        const ended = written.catch(() => {});
        await (writeBack!.logBytes > LOG_BYTES_MAX ? ended : within(MAX_WAIT_MS, ended));
      }
    } catch (error) {
      // the engine has a part of the checkpoint in it: nothing may be carried out on it any more
      hold();
      await this.#rebuild(error);
      return;
    } finally {
      if (isHolding) host.release();
    }
    try {
      this.#noteWritten(await written, position);
      this.#retry.worked();
      admission?.endCheckpoint(false);
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Writes rows a piece at a time, so that little is left to the checkpoint itself. More come meanwhile: the more there are,
   * the larger are the pieces; but what changes again and again is not written for ever.
   */
  async #flush(isWhole: boolean) {
    const { host: { engine }, pause, rest } = this.#options;
    for (let left = 2 * engine.unflushed; left > 0 && engine.unflushed > FEW_ROWS;) {
      const part = Math.ceil(engine.unflushed / FLUSH_PARTS);
      const rows = Math.min(FLUSH_ROWS_MAX, Math.max(FLUSH_ROWS, part));
      engine.flush(rows);
      left -= rows;
      await (isWhole ? pause() : rest());
    }
  }

  /** Makes what was committed durable: in the database's file, or in the log if the file has to stay as it is. */
  #write(): Promise<Written> | undefined {
    const { writeBack } = this.#options;
    if (this.#isHeld) return writeBack?.syncLog().then(() => "in the log");
    return writeBack?.run().then((isWhole) => isWhole ? "in the file" : "in part");
  }

  #noteWritten(written: Written | undefined, { number }: Position) {
    if (written === undefined) return;
    const { journal, host, writeBack } = this.#options;
    this.#isDurable = written !== "in part";
    // no other checkpoint was taken meanwhile
    if (this.#isDurable) this.backlog.write();
    this.#writtenAt = performance.now();
    if (written === "in the file") {
      this.#writtenNumber = number;
      journal.release(number + 1);
    } else if (this.#isHeld && writeBack!.logBytes > HELD_LOG_BYTES_MAX) {
      host.breakOffHold("SQLite's log has become too long");
    }
  }

  /** Before records are made again, the engine is made anew, or the store is lost. */
  async #rebuild(error: unknown) {
    const { host } = this.#options;
    try {
      this.#failed(error);
      await host.synced();
      await host.rebuild();
      this.#at = performance.now();
      this.#retry.rebuilt(this.#at);
    } catch (error) {
      host.lose(error);
    }
  }

  #commit(position: Position) {
    const { host: { engine }, admission } = this.#options;
    admission?.beginCheckpoint();
    if (engine.hasFreePages) engine.shrink();
    engine.checkpoint(position);
    this.#taken(position);
  }

  #taken({ number }: Position) {
    this.#number = number;
    this.backlog.take();
    this.#at = performance.now();
    this.count++;
  }

  /** It is tried again. @throws {Error} It was not for want of space (store 6.6). */
  #failed(error: unknown) {
    const { admission } = this.#options;
    if (!(admission?.isWantOfSpace(error) ?? isDatabaseFull(error) === true)) throw error;
    this.#at = performance.now();
    this.#retry.failed(this.#at);
    admission?.endCheckpoint(true);
  }
}
