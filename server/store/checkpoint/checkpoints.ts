import { throwIfLost } from "../database/database.ts";
import type { Engine } from "../engine/engine.ts";
import type { Position } from "../engine/position.ts";
import type { Journal } from "../journal/journal.ts";
import { within } from "../../quota/uptime.ts";
import type { Admission } from "../room/admission.ts";
import type { WriteBack } from "./write_back.ts";

/**
 * A checkpoint is taken when the records since the last one have so many bytes, or are so old, or when so many rows
 * are not written (store 5.1): to commit more would keep requests waiting for longer than two milliseconds.
 */
const CHECKPOINT_BYTES = 4 * 1024 * 1024, CHECKPOINT_MS = 5000, CHECKPOINT_ROWS = 8192;

/** What was committed is written back when its records have so many bytes, or are so old (store 5.2). */
const WRITE_BACK_BYTES = 4 * 1024 * 1024, WRITE_BACK_MS = 5000;

/** How long after one that failed it is tried again, and after one that made the file smaller it goes on, in milliseconds. */
const RETRY_MS = 1000, SHRINK_MS = 50;

/**
 * Rows that are written at a time before the checkpoint itself: so many, or the part of all that is left; less than a
 * millisecond's work. So few are left to the checkpoint.
 */
const FLUSH_ROWS = 192, FLUSH_PARTS = 32, FEW_ROWS = 256;

/** Longer than that SQLite's log should not become, and how long records wait for it to begin anew (store 5.3). */
const LOG_BYTES = 16 * 1024 * 1024, MAX_WAIT_MS = 10;

/** How often it is tried to have everything written back for a hold: there may be a checkpoint at any time. */
const HOLD_TRIES = 8;

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
  rebuild(): void;
  lose(error: unknown): void;
}

export interface CheckpointsOptions {
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
  readonly #options: CheckpointsOptions;
  /** Of the last checkpoint: the journal's last record, its bytes then, and when. */
  #number: number;
  #bytes: number;
  #at: number;
  /** Of the last one that was written back as a whole; 0 if none was. */
  #writtenNumber = 0;
  #writtenBytes: number;
  #writtenAt: number;
  /** Whether nothing is written back (store 10.2). */
  #isHeld = false;
  #hasFailed = false;
  #running: Promise<void> | undefined;
  /** Checkpoints that were taken. */
  count = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#number = options.host.engine.position.number;
    this.#bytes = this.#writtenBytes = options.journal.bytes;
    this.#at = this.#writtenAt = performance.now();
  }

  /** Bytes of the records since the last one. */
  get pendingBytes(): number {
    return this.#options.journal.bytes - this.#bytes;
  }

  /** Bytes of the records that are not in the database's file. */
  get unwrittenBytes(): number {
    return this.#options.journal.bytes - this.#writtenBytes;
  }

  get isDue(): boolean {
    if (this.#running !== undefined) return false;
    const { host: { engine }, journal, admission } = this.#options;
    if (this.pendingBytes >= CHECKPOINT_BYTES || engine.unflushed >= CHECKPOINT_ROWS) return true;
    const elapsed = performance.now() - this.#at;
    if (this.#hasFailed) return elapsed >= RETRY_MS;
    if (journal.last > this.#number) {
      return elapsed >= (admission?.isFull ? RETRY_MS : CHECKPOINT_MS);
    }
    return this.#isWriteBackDue || elapsed >= SHRINK_MS && engine.hasFreePages;
  }

  /** Whether what was committed is to be written back. */
  get #isWriteBackDue(): boolean {
    const { writeBack, admission } = this.#options;
    if (writeBack === undefined || this.#isHeld || this.#writtenNumber === this.#number) return false;
    const elapsed = performance.now() - this.#writtenAt;
    return this.unwrittenBytes >= WRITE_BACK_BYTES ||
      elapsed >= (admission?.isFull ? RETRY_MS : WRITE_BACK_MS);
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

  /** Takes the last one, of all that was recorded. */
  async takeLast() {
    await this.#running;
    await this.take(true);
  }

  /**
   * Takes a checkpoint and has it written back, and nothing more from then on. Resolves to its number.
   *
   * @throws {Error} It could not be written back.
   */
  async beginHold(): Promise<number> {
    for (let i = 0; i < HOLD_TRIES; i++) {
      await (this.#running ?? this.take(true));
      if (this.#running !== undefined || this.#writtenNumber !== this.#number) continue;
      this.#isHeld = true;
      return this.#number;
    }
    throw new Error("the database cannot be written back now");
  }

  /** Writes back what has come meanwhile. */
  endHold() {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    if (this.#writtenNumber !== this.#number) void this.take(true);
  }

  async #take(isWhole: boolean) {
    const { host, writeBack, journal } = this.#options;
    let isHolding = false, position: Position, written: Promise<boolean> | undefined;
    const hold = () => {
      if (!isHolding) host.hold();
      isHolding = true;
    };
    try {
      await this.#flush(isWhole);
      hold();
      await host.synced();
      position = host.position;
      this.#commit(position);
      if (!this.#isHeld && (isWhole || this.#isWriteBackDue)) written = writeBack?.run();
      const ended = written?.catch(() => {});
      if (ended !== undefined && writeBack!.logBytes > LOG_BYTES) await within(MAX_WAIT_MS, ended);
    } catch (error) {
      // the engine has a part of the checkpoint in it: nothing may be carried out on it any more
      hold();
      await this.#rebuild(error);
      return;
    } finally {
      if (isHolding) host.release();
    }
    const { bytes } = journal;
    try {
      if (await written) this.#written(position, bytes);
      this.#hasFailed = false;
      this.#options.admission?.endCheckpoint(false);
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
      const rows = Math.max(FLUSH_ROWS, Math.ceil(engine.unflushed / FLUSH_PARTS));
      engine.flush(rows);
      left -= rows;
      await (isWhole ? pause() : rest());
    }
  }

  #written({ number }: Position, bytes: number) {
    this.#writtenNumber = number;
    this.#writtenBytes = bytes;
    this.#writtenAt = performance.now();
    this.#options.journal.release(number + 1);
  }

  /** Before records are made again, the engine is made anew, or the store is lost. */
  async #rebuild(error: unknown) {
    const { host } = this.#options;
    try {
      this.#failed(error);
      await host.synced();
      host.rebuild();
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
    this.#bytes = this.#options.journal.bytes;
    this.#at = performance.now();
    this.count++;
  }

  /** It is tried again. @throws {Error} It was not for want of space. */
  #failed(error: unknown) {
    throwIfLost(error);
    this.#hasFailed = true;
    this.#at = performance.now();
    this.#options.admission?.endCheckpoint(true);
  }
}
