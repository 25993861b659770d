/**
 * Whether there is room, which is decided before a record is made (store section 6): applying it never fails for that.
 *
 * @module
 */

import { DATABASE_FILE, isDatabaseFull, LOG_FILE } from "../database/database.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import { needsSpace } from "../requests/session.ts";
import type { StoreRequest } from "../store.ts";
import { freeBytes } from "./file_system.ts";
import { Reserve } from "./reserve.ts";

/** How long, and for how many bytes of records, a decision holds. */
const CHECK_MS = 100, CHECK_BYTES = 64 * 1024;

/** About how much longer the rows of a record's requests are than the record, and what a checkpoint writes beside them. */
const GROWTH = 2, CHECKPOINT_BYTES = 256 * 1024;

/**
 * After something was refused, what is stored begins again only when so much was freed: a checkpoint alone shows that less
 * is needed than was thought, and without this the one would follow the other.
 */
const FREED_PART = 0.1, FREED_DISK_BYTES = 1024 * 1024;

export interface AdmissionOptions {
  /** Where the database is. */
  directory: string;
  /** Most bytes of the database file. */
  maxFileBytes: number | undefined;
  /** Pages of the database, and those of them that are free. */
  pages(): { all: number; free: number };
  /** Bytes of all messages. */
  textBytes(): number;
  /** Bytes of the records since the last checkpoint. */
  pendingBytes(): number;
  /** Bytes of the records that are not written back into the database's file. */
  unwrittenBytes(): number;
  /** Bytes that the journal can take, and how many of them are kept for requests that free space (store 6.5). */
  journalRoom(): number;
  keptRoomBytes: number;
  /** Bytes of its next segment. */
  segmentBytes: number;
  /** The hold of a backup, which takes room: without any left it ends (store 10.3). */
  hold: { readonly isOn: boolean; breakOff(why: string): void };
  monotonicClock(): number;
}

/** How full a store is: bytes of all messages, of what is used in the database's file, and what is free on the disk. */
interface Fill {
  textBytes: number;
  fileBytes: number;
  freeBytes: number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #reserve: Reserve;
  #canStore = true;
  #checkedAt = -Infinity;
  #checkedBytes = 0;
  /** A checkpoint has failed for want of space, and none has worked since. */
  #hasFailed = false;
  /** Bytes that were free on the disk when the last one failed. */
  #freeAtFailure = 0;
  /** How full it was at most since something was refused; undefined while nothing is. */
  #fullest: Fill | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#reserve = new Reserve(options.directory);
  }

  /** Whether what needs space may be stored now. */
  get canStore(): boolean {
    const { monotonicClock, pendingBytes } = this.#options, now = monotonicClock(), bytes = pendingBytes();
    const isDue = now - this.#checkedAt >= CHECK_MS || Math.abs(bytes - this.#checkedBytes) >= CHECK_BYTES;
    if (!isDue) return this.#canStore;
    this.#checkedAt = now;
    this.#checkedBytes = bytes;
    const hasJournal = this.#hasJournalRoom, hasDisk = !this.#hasFailed && hasJournal && this.#hasDiskRoom;
    if (!hasDisk) this.#options.hold.breakOff("there is no room left on the disk");
    this.#canStore = hasDisk && this.#hasFileRoom &&
      (this.#fullest === undefined || this.#isFreed(this.#fullest));
    // where only the journal's next segment was missing, that it is there now shows that there is room for it
    if (hasJournal) {
      this.#fullest = this.#canStore ? undefined : this.#fuller(hasDisk && !this.#hasFileRoom, this.#fullest);
    }
    return this.#canStore;
  }

  get #fill(): Fill {
    const { textBytes, directory } = this.#options;
    return { textBytes: textBytes(), fileBytes: this.#fileBytes, freeBytes: freeBytes(directory) };
  }

  /** Whether something was freed since it was so full. */
  #isFreed({ textBytes, fileBytes, freeBytes }: Fill): boolean {
    const now = this.#fill;
    return now.textBytes <= textBytes * (1 - FREED_PART) || now.fileBytes <= fileBytes * (1 - FREED_PART) ||
      now.freeBytes >= freeBytes + FREED_DISK_BYTES;
  }

  /** The fuller of now and before, in each respect. */
  #fuller(isFileFull: boolean, before: Fill = { textBytes: 0, fileBytes: 0, freeBytes: Infinity }): Fill {
    const now = this.#fill;
    // where the file is as long as it may be, others that free some of the disk change nothing
    if (isFileFull) now.freeBytes = Infinity;
    return {
      textBytes: Math.max(before.textBytes, now.textBytes),
      fileBytes: Math.max(before.fileBytes, now.fileBytes),
      freeBytes: Math.min(before.freeBytes, now.freeBytes),
    };
  }

  /** Whether what needs space was refused the last time: a checkpoint may make room. */
  get isFull(): boolean {
    return !this.#canStore;
  }

  /** Whether the disk has more room than when a checkpoint failed. */
  get hasMoreRoom(): boolean {
    return freeBytes(this.#options.directory) >= this.#freeAtFailure + FREED_DISK_BYTES;
  }

  get #hasJournalRoom(): boolean {
    const { journalRoom, keptRoomBytes } = this.#options;
    return journalRoom() > keptRoomBytes;
  }

  /** Bytes by which the next checkpoint may make the database longer. */
  get #growth(): number {
    return GROWTH * this.#options.pendingBytes();
  }

  /** Bytes that the database uses in its file. */
  get #fileBytes(): number {
    const { all, free } = this.#options.pages();
    return (all - free) * PAGE_BYTES;
  }

  get #hasFileRoom(): boolean {
    const { maxFileBytes } = this.#options;
    return maxFileBytes === undefined || this.#fileBytes + this.#growth < maxFileBytes;
  }

  get #hasDiskRoom(): boolean {
    const { directory, segmentBytes } = this.#options, free = freeBytes(directory);
    // the journal's next segment comes first
    if (!this.#reserve.restore(free - segmentBytes)) return false;
    return freeBytes(directory) >= this.#needed;
  }

  /** Bytes that the next checkpoint may need beside what it can use again: in SQLite's log, and then in the database. */
  get #needed(): number {
    const { directory, pages, hold, unwrittenBytes } = this.#options, { all, free } = pages();
    const growth = this.#growth + CHECKPOINT_BYTES;
    // what was committed and not written back is in the log, and has to go into the database
    const unwritten = Math.max(0, all * PAGE_BYTES - sizeOf(`${directory}/${DATABASE_FILE}`));
    // while it is held, the log only becomes longer
    if (hold.isOn) return 2 * growth + unwritten;
    const log = GROWTH * unwrittenBytes() + CHECKPOINT_BYTES - sizeOf(`${directory}/${LOG_FILE}`);
    return Math.max(0, log) + unwritten + Math.max(0, growth - free * PAGE_BYTES);
  }

  /**
   * Whether a checkpoint, or its write-back, has failed for want of space, and can be tried again (store 6.6).
   *
   * @throws {FileFailed} The disk fails.
   */
  isWantOfSpace(error: unknown): boolean {
    const isFull = isDatabaseFull(error);
    return isFull === "maybe" ? this.#reserve.isRefusedMore() : isFull;
  }

  /** A checkpoint begins: it may need the space of the reserve. */
  beginCheckpoint() {
    if (freeBytes(this.#options.directory) < this.#needed) this.#reserve.release();
    this.#checkedAt = -Infinity;
  }

  /** A checkpoint, or its write-back, has ended; if for want of space, it is tried again. */
  endCheckpoint(hasFailed: boolean) {
    // one that works again shows that the disk does, whether or not it had been for want of space
    if (this.#hasFailed && !hasFailed) this.#fullest = undefined;
    this.#hasFailed = hasFailed;
    if (hasFailed) {
      this.#reserve.release();
      this.#freeAtFailure = freeBytes(this.#options.directory);
    }
    this.#checkedAt = -Infinity;
  }

  /** Others must not use the space that the next start needs. */
  close() {
    try {
      this.#reserve.hold();
    } catch {
      // whatever the disk has: nothing more is written, and the next start will see it
    }
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** Whether a request needs space, rather than freeing some. */
export function isAdding(request: StoreRequest): boolean {
  return isRefusedWhole(request) || request.kind === "session" && request.changes.some(needsSpace);
}

/** Whether nothing of the request can be carried out without space: then it needs no record to be refused. */
export function isRefusedWhole(request: StoreRequest): boolean {
  return request.kind === "put" || request.kind === "put once" || request.kind === "attach" ||
    request.kind === "channel" ||
    request.kind === "thread" && (needsSpace(request.change) || request.key !== undefined) ||
    request.kind === "measure" && request.action === "take" ||
    request.kind === "account" && ["add", "change", "cover"].includes(request.what);
}
