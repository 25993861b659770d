import { DatabaseSync } from "node:sqlite";
import type { TableLimits } from "../../quota/fair_table.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Context } from "../database/context.ts";
import {
  ANY_LENGTH,
  databasePath,
  isBusy,
  openDatabase,
  openError,
  throwIfLost,
} from "../database/database.ts";
import { FreePages } from "../database/free_pages.ts";
import { Reserve, RESERVE_BYTES } from "../database/reserve.ts";
import { prepareAll } from "../database/statements.ts";
import { PAGE_BYTES, Transaction } from "../database/transaction.ts";
import { StoreLocked } from "../errors.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits, type StoreLimits } from "../limits.ts";
import type { Counts } from "../requests/message.ts";
import type { OrderedBatch, SessionOutcome } from "../requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";
import { Accounts } from "./accounts.ts";
import { Channels } from "./channels.ts";
import { type Handlers, requestHandlers } from "./handlers.ts";
import { Measures } from "./measures.ts";
import { Messages } from "./message/messages.ts";
import { Reports } from "./reports.ts";
import { needsSpace, Sessions } from "./sessions.ts";
import { StorageFailure } from "./storage_failure.ts";
import { Threads } from "./threads.ts";

/** Clocks and randomness are the system's by default; leases end by the monotonic clock. */
export interface EngineOptions extends Partial<Omit<Environment, "setTimer">> {
  /** Where the database is; undefined: in memory. */
  directory: string | undefined;
  limits: StoreLimits;
  /** Most bytes of sender and text of a message that a take gives; any number by default. */
  takeBytesMax?: number | undefined;
  forumLimits?: Partial<ForumLimits> | undefined;
  /** Most bytes of the database file. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelayMs?: number | undefined;
  /** How many sessions are kept. */
  sessionLimits?: TableLimits | undefined;
  onEvent(event: StoreEvent): void;
}

/** What became of a batch. `dropped` counts messages that made room for newer ones. */
export interface BatchResult {
  outcomes: Outcome[];
  dropped: number;
}

/** Rows that are removed at a time in the background: about a millisecond's work. */
const SWEEP_ROWS = 512;

/** Pages of the log after which it is written back. */
const CHECKPOINT_PAGES = 1000;

interface Batch {
  requests: readonly StoreRequest[];
  result: BatchResult;
  /** Whether requests that need space may be tried. */
  canStore: boolean;
}

/**
 * The state machine: carries batches of requests out on one database, synchronously. It runs in a Worker (see
 * `sqlite_worker.ts`), so that sockets never wait for the disk.
 *
 * Invariant: between calls of `apply`, what memory counts is what the database holds.
 */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #clocks: Context;
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #sessions: Sessions;
  readonly #handlers: Handlers;
  readonly #sql;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #reserve: Reserve | undefined;
  readonly #failure: StorageFailure;
  readonly #freePages: FreePages;
  /** Whether the last commit has stored something. */
  #hasStored = false;

  /**
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It cannot be opened, or its schema is newer than this program.
   */
  constructor(options: EngineOptions) {
    const { directory, takeBytesMax = ANY_LENGTH, onEvent } = options;
    const path = databasePath(directory), db = this.#db = new DatabaseSync(path);
    try {
      openDatabase(db, options.maxFileBytes, takeBytesMax);
      if (directory !== undefined) this.#reserve = new Reserve(directory);
    } catch (error) {
      db.close();
      if (isBusy(error)) throw new StoreLocked(`Cannot open ${path}: another process has it open`);
      throw openError(path, error);
    }
    const context: Context = {
      db,
      transaction: new Transaction(db, options.commitDelayMs),
      limits: { ...options.limits },
      onEvent,
      wallClock: options.wallClock ?? Date.now,
      monotonicClock: options.monotonicClock ?? (() => performance.now()),
      random: options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes))),
    };
    this.#transaction = context.transaction;
    this.#clocks = context;
    this.#onEvent = onEvent;
    this.#failure = new StorageFailure(onEvent);
    this.#freePages = new FreePages(db, this.#transaction);
    this.#sql = prepareAll(db, {
      writeBack: "PRAGMA wal_checkpoint(PASSIVE)",
    });
    const messages = this.#messages = new Messages(context, takeBytesMax);
    const threads = this.#threads = new Threads(context, { ...DEFAULT_FORUM_LIMITS, ...options.forumLimits });
    this.#sessions = new Sessions(context, messages, threads, options.sessionLimits);
    this.#handlers = requestHandlers({
      limits: context.limits,
      messages,
      threads,
      sessions: this.#sessions,
      accounts: new Accounts(context, messages),
      channels: new Channels(context),
      measures: new Measures(context),
      reports: new Reports(context, messages, threads),
    });
    // what was read at the start is not undone
    this.#transaction.commit();
  }

  /** Messages, bytes and mailboxes that are there. */
  get counts(): Counts {
    return this.#messages.counts;
  }

  /**
   * Carries the requests out. When it returns, every outcome is durable.
   *
   * If the disk has no room for the whole batch, it is tried again in pieces: first what frees space, for which the
   * reserve is released if need be, and then the puts, unless it was: the space that it holds back is not for them.
   *
   * @throws {StoreLost} What is on disk cannot be relied on any more.
   */
  apply(requests: readonly StoreRequest[]): BatchResult {
    const result: BatchResult = { outcomes: new Array(requests.length), dropped: 0 };
    const batch: Batch = { requests, result, canStore: this.#canStore() };
    this.#sessions.begin(requests);
    const which = this.#refuseIfFull(batch, requests.map((_, i) => i));
    this.#hasStored = false;
    const wasFailing = this.#failure.isOn;
    if (this.#attempt(batch, which)) {
      const isRefused = this.#failure.count(requests, result.outcomes);
      // not if only the log could not be written back, which was reported just now
      if (wasFailing && this.#hasStored && !isRefused) this.#failure.end();
      return result;
    }
    this.#inPieces(batch, which);
    this.#failure.count(requests, result.outcomes);
    return result;
  }

  /** Frees space first, and then tries what needs some. */
  #inPieces(batch: Batch, which: readonly number[]) {
    const [adding, freeing] = [true, false].map((adds) =>
      which.filter((i) => isAdding(batch.requests[i]!) === adds)
    ) as [number[], number[]];
    this.#checkpoint();
    if (!this.#attempt(batch, freeing)) {
      this.#reserve?.release();
      this.#checkpoint();
      this.#inHalves(batch, freeing);
    }
    batch.canStore = this.#reserve?.isHeld ?? true;
    this.#inHalves(batch, this.#refuseIfFull(batch, adding));
    // no more puts until the reserve can be held again: this is the room for giving messages out
    this.#reserve?.release();
  }

  /** Carries out the requests of the batch at these indexes, in one transaction. Returns whether that worked. */
  #attempt({ requests, result, canStore }: Batch, which: readonly number[]): boolean {
    if (which.length === 0) return true;
    try {
      for (const i of which) result.outcomes[i] = this.#carryOut(requests[i]!, canStore);
      result.dropped += this.#commit();
    } catch (error) {
      this.#rollback();
      throwIfLost(error);
      this.#failure.begin((error as Error).message);
      return false;
    }
    return true;
  }

  #carryOut(request: StoreRequest, canStore: boolean): Outcome {
    // not in the table: to look the most frequent kinds up would make batches of them a tenth slower
    if (request.kind === "put") {
      const result = this.#messages.put(request);
      if (result === "stored") return result;
      return result.of === "share" ? "full share" : "full";
    }
    if (request.kind === "take") return this.#messages.take(request.mailbox);
    const handler = this.#handlers[request.kind] as (request: StoreRequest, canStore: boolean) => Outcome;
    return handler(request, canStore);
  }

  /** Carries requests out in halves if not all together. What fails alone is answered `storage`. */
  #inHalves(batch: Batch, which: readonly number[]) {
    if (this.#attempt(batch, which)) return;
    if (which.length > 1) {
      this.#inHalves(batch, which.slice(0, which.length >> 1));
      this.#inHalves(batch, which.slice(which.length >> 1));
      return;
    }
    const [i] = which as [number], request = batch.requests[i]!;
    batch.result.outcomes[i] = request.kind === "session" && request.changes.length > 1
      ? this.#sessionInHalves(batch, request)
      : "storage";
  }

  /** Refuses puts if they may not be tried. Returns the other requests. */
  #refuseIfFull({ requests, result, canStore }: Batch, which: readonly number[]): readonly number[] {
    if (canStore) return which;
    return which.filter((i) => {
      const { kind } = requests[i]!;
      if (kind !== "put" && kind !== "channel") return true;
      result.outcomes[i] = "storage";
      return false;
    });
  }

  /** Carries out the requests of a session, which failed together, in halves, in their order. */
  #sessionInHalves(batch: Batch, request: OrderedBatch): SessionOutcome {
    const half = request.changes.length >> 1;
    const front = request.changes.slice(0, half);
    const numbers = front.reduce((sum, change) => sum + (change.numbers ?? 1), 0);
    const halves: StoreRequest[] = [
      { ...request, changes: front },
      { ...request, first: request.first + numbers, changes: request.changes.slice(half) },
    ];
    const each: Batch = { ...batch, requests: halves, result: { outcomes: [], dropped: 0 } };
    this.#inHalves(each, [0]);
    this.#inHalves(each, [1]);
    batch.result.dropped += each.result.dropped;
    const [first, second] = each.result.outcomes as [SessionOutcome, SessionOutcome];
    if (typeof first === "object" && typeof second === "object") {
      return first.refused === undefined ? second : { ...second, refused: first.refused };
    }
    // what the first half asks for may have been done before: then the second one was carried out
    if (typeof second === "object" && second.done >= request.first + numbers) return second;
    return typeof first === "object" ? { ...first, refused: first.refused ?? { n: first.done + 1 } } : first;
  }

  /** Returns how many messages were dropped for newer ones. */
  #commit(): number {
    const messages = this.#messages;
    messages.flush();
    this.#hasStored = this.#transaction.commit();
    const { dropped } = messages;
    messages.dropped = 0;
    messages.endRecord();
    const contents = this.#threads.afterCommit();
    if (contents.length > 0) this.#onEvent({ kind: "unused", contents });
    if (this.#transaction.pages >= CHECKPOINT_PAGES) this.#checkpoint();
    return dropped;
  }

  /**
   * Writes the log back, so that its space can be used again. SQLite would do it by itself, but without reporting errors:
   * then a failed sync would go unnoticed.
   */
  #checkpoint() {
    this.#transaction.pages = 0;
    for (let first = true;; first = false) {
      try {
        this.#sql.writeBack.all();
        return;
      } catch (error) {
        // reported when a message is refused for it
        throwIfLost(error);
        // the file may have to grow
        if (!first || !this.#reserve?.isHeld) return;
        this.#reserve.release();
      }
    }
  }

  #rollback() {
    this.#transaction.rollback();
    this.#threads.rollback();
  }

  /**
   * Whether puts may be tried: the reserve is held, or the database itself has as much room, so that none of them uses up
   * the space that is needed to give messages out.
   */
  #canStore(): boolean {
    if (this.#reserve === undefined || this.#reserve.restore()) return true;
    return this.#freePages.count * PAGE_BYTES >= RESERVE_BYTES;
  }

  /** Whether {@linkcode tick} has something to do as time passes. */
  get isTimed(): boolean {
    const { wall, monotonic } = this.#messages.nextDue();
    return wall !== undefined || monotonic !== undefined;
  }

  /**
   * Ends leases, makes delayed messages ready and removes expired ones, as far as it is time; a piece at a time. Returns
   * whether there may be more.
   */
  tick(): boolean {
    return this.#background(() => {
      this.#messages.tick();
      const { wall = Infinity, monotonic = Infinity } = this.#messages.nextDue();
      return wall <= this.#clocks.wallClock() || monotonic <= this.#clocks.monotonicClock();
    });
  }

  /** Forgets a piece of the sessions that are old. Returns whether there are more that can be forgotten now. */
  forgetSessions(): boolean {
    return this.#background(() => this.#sessions.forgetOld(SWEEP_ROWS) === SWEEP_ROWS);
  }

  /** Whether rows of cleared mailboxes or removed threads may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#messages.hasCleared || this.#threads.hasRemoved;
  }

  /** Removes a piece of these rows. Returns whether there are more that can be removed now. */
  sweep(): boolean {
    const swept = this.#messages.hasCleared ? this.#messages : this.#threads;
    return this.#background(() => {
      swept.sweep(SWEEP_ROWS);
      return this.hasCleared;
    });
  }

  /** Whether much of the file is free, and can be given back to the disk by {@linkcode shrink}. */
  get hasFreePages(): boolean {
    return !this.hasCleared && this.#freePages.isTooMany;
  }

  /** Makes the file a piece smaller. Returns whether it can be made smaller still. */
  shrink(): boolean {
    return this.#background(() => {
      this.#freePages.shrink();
      return true;
    }) && this.hasFreePages;
  }

  /** Does what no request waits for. Returns whether there is more; if it fails, it is tried again later. */
  #background(work: () => boolean): boolean {
    try {
      const isMore = work();
      this.#commit();
      return isMore;
    } catch (error) {
      this.#rollback();
      throwIfLost(error);
      return false;
    }
  }

  close() {
    this.#db.close();
    // the log is gone now, and others must not use the space that the next start needs
    this.#reserve?.hold();
  }
}

/** Whether a request needs space, rather than freeing some. */
function isAdding(request: StoreRequest): boolean {
  return request.kind === "put" || request.kind === "attach" || request.kind === "channel" ||
    request.kind === "measure" && request.action === "take" ||
    request.kind === "account" && ["add", "change", "cover"].includes(request.what) ||
    request.kind === "session" && request.changes.some(needsSpace);
}
