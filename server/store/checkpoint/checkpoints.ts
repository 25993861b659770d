import { isDatabaseFull } from "../database/database.ts";
import type { Engine } from "../engine/engine.ts";
import type { Position } from "../engine/position.ts";
import type { Journal } from "../journal/journal.ts";
import { within } from "../../quota/uptime.ts";
import type { Admission } from "../room/admission.ts";
import type { WriteBack } from "./write_back.ts";

/** A checkpoint is taken when the records since the last one have so many bytes, or are so old (store 5.1). */
const CHECKPOINT_BYTES = 4 * 1024 * 1024, CHECKPOINT_MS = 5000;

/** How long after one that failed it is tried again, and after one that made the file smaller it goes on, in milliseconds. */
const RETRY_MS = 1000, SHRINK_MS = 50;

/** Rows that are written at a time before the checkpoint itself: about a millisecond's work; and how often, at most. */
const FLUSH_ROWS = 256, MAX_FLUSHES = 4096;

/** Longer than that SQLite's log should not become, and how long records wait for it to begin anew (store 5.3). */
const LOG_BYTES = 4 * 1024 * 1024, MAX_WAIT_MS = 10;

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
  /** Whether nothing is written back (store 10.2). */
  #isHeld = false;
  #hasFailed = false;
  #running: Promise<void> | undefined;
  /** Checkpoints that were taken. */
  count = 0;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
    this.#number = options.host.engine.position.number;
    this.#bytes = options.journal.bytes;
    this.#at = performance.now();
  }

  /** Bytes of the records since the last one. */
  get pendingBytes(): number {
    return this.#options.journal.bytes - this.#bytes;
  }

  get isDue(): boolean {
    if (this.#running !== undefined) return false;
    if (this.pendingBytes >= CHECKPOINT_BYTES) return true;
    const { host, journal, admission } = this.#options, elapsed = performance.now() - this.#at;
    if (this.#hasFailed) return elapsed >= RETRY_MS;
    if (journal.last > this.#number) {
      return elapsed >= (admission?.isFull ? RETRY_MS : CHECKPOINT_MS);
    }
    return elapsed >= SHRINK_MS && host.engine.hasFreePages;
  }

  /** Takes one, unless one is being taken. Never rejects. */
  take(): Promise<void> {
    return this.#running ??= this.#take().catch(this.#options.host.lose).finally(() =>
      this.#running = undefined
    );
  }

  /** Takes the last one, of all that was recorded. */
  async takeLast() {
    await this.#running;
    await this.take();
  }

  /**
   * Takes a checkpoint and has it written back, and nothing more from then on. Resolves to its number.
   *
   * @throws {Error} It could not be written back.
   */
  async beginHold(): Promise<number> {
    for (let i = 0; i < HOLD_TRIES; i++) {
      await (this.#running ?? this.take());
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
    if (this.#writtenNumber !== this.#number) void this.take();
  }

  async #take() {
    const { host, writeBack, journal, admission, pause } = this.#options;
    let isHolding = false, position: Position, written: Promise<boolean> | undefined;
    const hold = () => {
      if (!isHolding) host.hold();
      isHolding = true;
    };
    try {
      // what is new meanwhile is written too, so that little is left to the checkpoint itself
      for (let i = 0; i < MAX_FLUSHES && host.engine.flush(FLUSH_ROWS); i++) await pause();
      hold();
      await host.synced();
      position = host.position;
      this.#commit(position);
      written = this.#isHeld ? undefined : writeBack?.run();
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
    try {
      if (await written) {
        this.#writtenNumber = position.number;
        journal.release(position.number + 1);
      }
      this.#hasFailed = false;
      admission?.endCheckpoint(false);
    } catch (error) {
      this.#failed(error);
    }
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

  /** It is tried again. @throws {Error} It was not for want of space (store 6.6). */
  #failed(error: unknown) {
    const { admission } = this.#options;
    if (!(admission?.isWantOfSpace(error) ?? isDatabaseFull(error) === true)) throw error;
    this.#hasFailed = true;
    this.#at = performance.now();
    admission?.endCheckpoint(true);
  }
}
