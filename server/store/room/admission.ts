/**
 * Whether there is room, which is decided before a record is made (store section 6): applying it never fails for that.
 *
 * @module
 */

// not by name: an older runtime has no statfs
import * as fs from "node:fs";
import { LOG_FILE } from "../database/database.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import type { OrderedRequest } from "../requests/session.ts";
import type { StoreRequest } from "../store.ts";
import { Reserve } from "./reserve.ts";

/** How long, and for how many bytes of records, a decision holds. */
const CHECK_MS = 100, CHECK_BYTES = 64 * 1024;

/** About how much longer the rows of a record's requests are than the record, and what a checkpoint writes beside them. */
const GROWTH = 2, CHECKPOINT_BYTES = 256 * 1024;

/** Part of `maxFileBytes` that may be used when the file was full and messages are taken again. */
const ROOM_AGAIN = 0.9;

export interface AdmissionOptions {
  /** Where the database is. */
  directory: string;
  /** Most bytes of the database file. */
  maxFileBytes: number | undefined;
  /** Pages of the database, and those of them that are free. */
  pages(): { all: number; free: number };
  /** Bytes of the records since the last checkpoint. */
  pendingBytes(): number;
  /** Bytes that the journal can take, and how many of them are kept for requests that free space (store 6.5). */
  journalRoom(): number;
  keptRoomBytes: number;
  /** Bytes of its next segment. */
  segmentBytes: number;
  monotonicClock(): number;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #reserve: Reserve;
  #canStore = true;
  #checkedAt = -Infinity;
  #checkedBytes = 0;
  /** A checkpoint has failed for want of space, and none has worked since. */
  #hasFailed = false;

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
    const canStore = !this.#hasFailed && this.#hasJournalRoom && this.#hasFileRoom && this.#hasDiskRoom;
    return this.#canStore = canStore;
  }

  /** Whether what needs space was refused the last time: a checkpoint may make room. */
  get isFull(): boolean {
    return !this.#canStore;
  }

  get #hasJournalRoom(): boolean {
    const { journalRoom, keptRoomBytes } = this.#options;
    return journalRoom() > keptRoomBytes;
  }

  /** Bytes by which the next checkpoint may make the database longer. */
  get #growth(): number {
    return GROWTH * this.#options.pendingBytes();
  }

  get #hasFileRoom(): boolean {
    const { maxFileBytes, pages } = this.#options;
    if (maxFileBytes === undefined) return true;
    const { all, free } = pages(), used = (all - free) * PAGE_BYTES + this.#growth;
    return used < maxFileBytes * (this.#canStore ? 1 : ROOM_AGAIN);
  }

  get #hasDiskRoom(): boolean {
    const { directory, segmentBytes } = this.#options, free = freeBytes(directory);
    // the journal's next segment comes first
    if (!this.#reserve.restore(free - segmentBytes)) return false;
    return freeBytes(directory) >= this.#needed + (this.#canStore ? 0 : segmentBytes);
  }

  /** Bytes that the next checkpoint may need beside what it can use again: in SQLite's log, and then in the database. */
  get #needed(): number {
    const { directory, pages } = this.#options, bytes = this.#growth + CHECKPOINT_BYTES;
    const log = sizeOf(`${directory}/${LOG_FILE}`), free = pages().free * PAGE_BYTES;
    return Math.max(0, bytes - log) + Math.max(0, bytes - free);
  }

  /** A checkpoint begins: it may need the space of the reserve. */
  beginCheckpoint() {
    if (freeBytes(this.#options.directory) < this.#needed) this.#reserve.release();
    this.#checkedAt = -Infinity;
  }

  /** A checkpoint, or its write-back, has ended; if for want of space, it is tried again. */
  endCheckpoint(hasFailed: boolean) {
    this.#hasFailed = hasFailed;
    if (hasFailed) this.#reserve.release();
    this.#checkedAt = -Infinity;
  }

  /** Others must not use the space that the next start needs. */
  close() {
    this.#reserve.hold();
  }
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/** Bytes that this process can still write there; any number if the system does not say. */
export function freeBytes(directory: string): number {
  try {
    // the call itself would prompt for the permission
    if (Deno.permissions.querySync({ name: "sys", kind: "statfs" }).state !== "granted") return Infinity;
    const { bavail, bsize } = fs.statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Infinity;
  }
}

/** Whether a request needs space, rather than freeing some. */
export function isAdding(request: StoreRequest): boolean {
  return isRefusedWhole(request) || request.kind === "session" && request.changes.some(needsSpace);
}

/** Whether nothing of the request can be carried out without space: then it needs no record to be refused. */
export function isRefusedWhole(request: StoreRequest): boolean {
  return request.kind === "put" || request.kind === "attach" || request.kind === "channel" ||
    request.kind === "measure" && request.action === "take" ||
    request.kind === "account" && ["add", "change", "cover"].includes(request.what);
}

function needsSpace({ kind }: OrderedRequest): boolean {
  return kind === "put" || kind === "create" || kind === "post" || kind === "edit";
}
