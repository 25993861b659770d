/**
 * The SQLite store's rules: carries batches of requests out on one database, synchronously. It runs in a Worker (see
 * `sqlite_worker.ts`), so that sockets never wait for the disk.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Messages } from "./messages.ts";
import { MIGRATIONS } from "./migrations.ts";
import { Reserve } from "./reserve.ts";
import { Sessions } from "./sessions.ts";
import {
  type Counts,
  type Outcome,
  type SessionOutcome,
  type StoreEvent,
  type StoreLimits,
  StoreLocked,
  StoreLost,
  type StoreRequest,
} from "./store.ts";
import { Transaction } from "./transaction.ts";

export interface EngineOptions {
  /** Where the database is, or undefined to keep it in memory. */
  directory: string | undefined;
  limits: StoreLimits;
  /** Most bytes that the database file may take. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelay?: number | undefined;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970; the system's time by default. */
  now?(): number;
  /** That many random bytes; the system's by default. */
  random?(bytes: number): Uint8Array;
}

/** What a batch came to. `dropped` counts messages that made room for newer ones. */
export interface BatchResult {
  outcomes: Outcome[];
  dropped: number;
}

/** The database's file in its directory. */
export const DATABASE_FILE = "messages.db";

/** "Prly" in ASCII: tells `file` and other programs whose database this is. */
const APPLICATION_ID = 0x50726c79;

const PAGE_BYTES = 4096;

/** Rows of a cleared mailbox that are removed at a time: about a millisecond's work. */
const SWEEP_ROWS = 512;

/** SQLite, "Result and Error Codes": another process has the database locked. */
const SQLITE_BUSY = 5;

/** SQLite, "Result and Error Codes": those after which nothing on the disk can be relied on. */
const LOST = new Set([
  11, // SQLITE_CORRUPT
  26, // SQLITE_NOTADB
  1034, // SQLITE_IOERR_FSYNC: what a failed sync left behind can't be known, so it is not tried again
  1290, // SQLITE_IOERR_DIR_FSYNC
]);

/** Invariant: between calls of `apply`, what memory counts is what the database holds. */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #sessions: Sessions;
  readonly #checkpoint: StatementSync;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #reserve: Reserve | undefined;
  /** Puts refused because the disk takes nothing; undefined while it does. */
  #storageRefused: number | undefined;
  /** Whether a part of the batch failed. */
  #failing = false;

  /**
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It can't be opened, or its schema is newer than this program.
   */
  constructor(options: EngineOptions) {
    const path = options.directory === undefined ? ":memory:" : `${options.directory}/${DATABASE_FILE}`;
    const db = this.#db = new DatabaseSync(path);
    try {
      open(db, options.maxFileBytes);
      if (options.directory !== undefined) this.#reserve = new Reserve(options.directory);
    } catch (error) {
      db.close();
      if (errcode(error) === SQLITE_BUSY) {
        throw new StoreLocked(`Cannot open ${path}: another process has it open`);
      }
      throw error;
    }
    const { onEvent, now = Date.now } = options;
    const random = options.random ?? ((bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)));
    const transaction = this.#transaction = new Transaction(db, options.commitDelay ?? 0);
    const limits = this.#limits = { ...options.limits };
    this.#onEvent = onEvent;
    this.#checkpoint = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#messages = new Messages({ db, transaction, limits, onEvent, now, random });
    this.#sessions = new Sessions(db, transaction, this.#messages, now);
  }

  /** Messages, bytes and mailboxes that are there. */
  get counts(): Counts {
    return this.#messages.counts;
  }

  /**
   * Carries the requests out. When it returns, every outcome is durable.
   *
   * @throws {StoreLost} Nothing of what the disk holds can be relied on any more.
   */
  apply(requests: readonly StoreRequest[]): BatchResult {
    const result: BatchResult = { outcomes: new Array(requests.length), dropped: 0 };
    const storing = this.#storing();
    let which = requests.map((_, i) => i);
    if (!storing) {
      // while the reserve is gone, what room there is belongs to those that free some
      for (const i of which) if (requests[i]!.kind === "put") result.outcomes[i] = this.#refuseForStorage();
      which = which.filter((i) => result.outcomes[i] === undefined);
    }
    this.#failing = false;
    this.#applyPieces(requests, which, result, storing);
    const stored = () => result.outcomes.some((outcome, i) => hasStored(requests[i]!, outcome));
    if (this.#storageRefused !== undefined && !this.#failing && stored()) {
      this.#onEvent({ kind: "storage works", refused: this.#storageRefused });
      this.#storageRefused = undefined;
    }
    return result;
  }

  /**
   * Carries out those of the requests whose places are in `which`, in one transaction. If that fails, those that free
   * space, then the rest; if a part of one sort fails, its halves; one that fails alone is answered `storage`.
   */
  #applyPieces(requests: readonly StoreRequest[], which: number[], result: BatchResult, storing: boolean) {
    if (which.length === 0) return;
    const { outcomes } = result;
    try {
      for (const i of which) outcomes[i] = this.#one(requests[i]!, storing);
      result.dropped += this.#commit();
    } catch (error) {
      this.#rollback();
      this.#storageFailed(error);
      const adding = which.filter((i) => isAdding(requests[i]!));
      if (which.length === 1) {
        outcomes[which[0]!] = this.#failed(requests[which[0]!]!, result, storing);
        return;
      }
      const mixed = adding.length > 0 && adding.length < which.length;
      const half = which.length >> 1;
      const first = mixed ? which.filter((i) => !isAdding(requests[i]!)) : which.slice(0, half);
      this.#applyPieces(requests, first, result, storing);
      this.#applyPieces(requests, mixed ? adding : which.slice(half), result, storing);
      return;
    }
  }

  /** The outcome of a request that failed alone. The changes of a session are tried again in halves, in their order. */
  #failed(request: StoreRequest, result: BatchResult, storing: boolean): Outcome {
    if (request.kind !== "session" || request.changes.length === 1) {
      return isAdding(request) ? this.#refuseForStorage() : "storage";
    }
    const half = request.changes.length >> 1;
    const front = request.changes.slice(0, half);
    const numbers = front.reduce((sum, change) => sum + (change.numbers ?? 1), 0);
    const halves: StoreRequest[] = [
      { ...request, changes: front },
      { ...request, first: request.first + numbers, changes: request.changes.slice(half) },
    ];
    const each: BatchResult = { outcomes: [], dropped: 0 };
    this.#applyPieces(halves, [0], each, storing);
    this.#applyPieces(halves, [1], each, storing);
    result.dropped += each.dropped;
    const [first, second] = each.outcomes as [SessionOutcome, SessionOutcome];
    if (typeof second === "object" && typeof first === "object") {
      return first.refused === undefined ? second : { ...second, refused: first.refused };
    }
    return typeof first === "object" ? { ...first, refused: first.refused ?? { n: first.done + 1 } } : first;
  }

  #one(request: StoreRequest, storing: boolean): Outcome {
    const messages = this.#messages, sessions = this.#sessions;
    switch (request.kind) {
      case "put":
        return messages.put(request);
      case "take":
        return messages.take(request.mailbox);
      case "lease":
        return messages.lease(request);
      case "unwatch":
        messages.unwatch(request.mailbox);
        return "set";
      case "confirm":
        return messages.confirm(request.session, request.tag);
      case "release":
        messages.release(request.session, request.tag);
        return "released";
      case "session":
        return sessions.change(request, storing);
      case "open":
        return sessions.open(request.session);
      case "count":
        return messages.count(request);
      case "stat":
        return messages.stat(request);
      case "list":
        return messages.list(request);
      case "clear":
        return messages.clear(request);
      case "dead":
        return messages.dead(request);
      case "limit":
        this.#limits.mailboxMessages = request.messages;
        return "set";
    }
  }

  /** Returns how many messages were dropped for newer ones. */
  #commit(): number {
    const messages = this.#messages;
    messages.beforeCommit();
    this.#transaction.commit();
    const { dropped } = messages;
    messages.afterCommit();
    return dropped;
  }

  #rollback() {
    this.#transaction.rollback();
    this.#messages.rollback();
  }

  /** Whether puts may be tried: always, but after a failure only once the reserve could be made again. */
  #storing(): boolean {
    return this.#storageRefused === undefined || this.#reserve === undefined || this.#reserve.restore();
  }

  #refuseForStorage(): "storage" {
    this.#storageRefused = (this.#storageRefused ?? 0) + 1;
    return "storage";
  }

  /** @throws {StoreLost} Or the error itself, where it does not come from the disk. */
  #storageFailed(error: unknown) {
    throwIfLost(error);
    this.#failing = true;
    if (this.#storageRefused === undefined) {
      this.#storageRefused = 0;
      this.#onEvent({ kind: "storage failed", reason: (error as Error).message });
    }
    this.#reserve?.release();
    try {
      // what is in the log goes to the database, and the log's space can be used again
      this.#checkpoint.all();
    } catch (error) {
      throwIfLost(error);
    }
  }

  /** Whether {@linkcode tick} has something to do as time goes by. */
  get isTimed(): boolean {
    return this.#messages.isTimed;
  }

  /** Does what it is time for: leases that end, messages that are due or expired, sessions that are old. */
  tick() {
    this.#background(() => {
      this.#messages.tick();
      this.#sessions.sweep(SWEEP_ROWS);
    });
  }

  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#messages.hasCleared;
  }

  /** Removes a piece of what was cleared. Returns whether there is more that can be removed now. */
  sweep(): boolean {
    return this.#background(() => this.#messages.sweep(SWEEP_ROWS)) && this.hasCleared;
  }

  /** Does what nobody waits for. Returns whether it could be done; otherwise it is tried again later. */
  #background(work: () => void): boolean {
    try {
      work();
      this.#commit();
      return true;
    } catch (error) {
      this.#rollback();
      this.#storageFailed(error);
      return false;
    }
  }

  close() {
    this.#db.close();
  }
}

/** Whether a request needs space, rather than freeing some. */
function isAdding(request: StoreRequest): boolean {
  return request.kind === "put" ||
    request.kind === "session" && request.changes.some(({ kind }) => kind === "put");
}

/** Whether the outcome proves that the disk takes messages. */
function hasStored(request: StoreRequest, outcome: Outcome): boolean {
  return outcome === "stored" ||
    isAdding(request) && typeof outcome === "object" && "done" in outcome && outcome.refused === undefined;
}

function open(db: DatabaseSync, maxFileBytes: number | undefined) {
  // locking_mode comes before WAL: then it needs no shared memory file, and keeps every other process out
  const settings = [
    "busy_timeout = 500",
    "locking_mode = EXCLUSIVE",
    `page_size = ${PAGE_BYTES}`,
    "journal_mode = WAL",
    "synchronous = FULL",
    "fullfsync = ON",
    "checkpoint_fullfsync = ON",
    "cache_size = -49152",
  ];
  // prepared, because an error of exec() tells no result code
  for (const setting of settings) db.prepare(`PRAGMA ${setting}`).all();
  db.prepare("BEGIN IMMEDIATE").run();
  const pragma = (name: string) => (db.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name]!;
  const id = pragma("application_id"), version = pragma("user_version");
  if (id !== APPLICATION_ID && (id !== 0 || version !== 0)) {
    throw new Error(`Cannot open ${DATABASE_FILE}: another program made it`);
  }
  if (version > MIGRATIONS.length) {
    throw new Error(
      `Cannot open ${DATABASE_FILE}: its schema is version ${version}, this program knows up to ${MIGRATIONS.length}`,
    );
  }
  for (const step of MIGRATIONS.slice(version)) db.exec(step);
  db.exec(`
    PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${MIGRATIONS.length};
    COMMIT;
  `);
  if (maxFileBytes !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / PAGE_BYTES))}`);
  }
}

function errcode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code : undefined;
}

function throwIfLost(error: unknown) {
  const code = errcode(error);
  if (code === undefined) throw error;
  if (LOST.has(code)) throw new StoreLost(`Cannot rely on the store any more: ${(error as Error).message}`);
}
