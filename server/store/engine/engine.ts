/**
 * The SQLite store's rules: carries batches of requests out on one database, synchronously. It runs in a Worker (see
 * `sqlite_worker.ts`), so that sockets never wait for the disk.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Accounts } from "./accounts.ts";
import { Channels } from "./channels.ts";
import { DATABASE_FILE, isBusy, openDatabase, openError, throwIfLost } from "../database/database.ts";
import type { TableLimits } from "../../quota/fair_table.ts";
import { ANY_LENGTH } from "../database/message_order.ts";
import { Messages } from "./message/messages.ts";
import { Reserve, RESERVE_BYTES } from "../database/reserve.ts";
import { isAddingChange, Sessions } from "./sessions.ts";
import type { Reached } from "./message/mailboxes.ts";
import type { Counts, PutOutcome } from "../requests/message.ts";
import type { SessionOutcome } from "../requests/session.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits, type StoreLimits } from "../limits.ts";
import { StoreLocked } from "../errors.ts";
import { StorageFailure } from "./storage_failure.ts";
import { Threads } from "./threads.ts";
import { PAGE_BYTES, Transaction } from "../database/transaction.ts";

export interface EngineOptions {
  /** Where the database is, or undefined to keep it in memory. */
  directory: string | undefined;
  limits: StoreLimits;
  /** Most bytes of sender and text of a message that a take gives; any number by default. */
  takeBytesMax?: number | undefined;
  forumLimits?: Partial<ForumLimits> | undefined;
  /** Most bytes that the database file may take. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelayMs?: number | undefined;
  /** How many sessions are kept. */
  sessionLimits?: TableLimits | undefined;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970; the system's time by default. */
  wallClock?(): number;
  /** Milliseconds of a clock that is never set, by which leases end; the system's by default. */
  monotonicClock?(): number;
  /** That many random bytes; the system's by default. */
  random?(bytes: number): Uint8Array;
}

/** What a batch came to. `dropped` counts messages that made room for newer ones. */
export interface BatchResult {
  outcomes: Outcome[];
  dropped: number;
}

/** Rows of cleared mailboxes, or old sessions, that are removed at a time: about a millisecond's work. */
const SWEEP_ROWS = 512;

/** Pages of the log after which it is written back. */
const CHECKPOINT_PAGES = 1000;

interface Batch {
  requests: readonly StoreRequest[];
  result: BatchResult;
  /** Whether puts may be tried. */
  storing: boolean;
}

/** Invariant: between calls of `apply`, what memory counts is what the database holds. */
export class Engine {
  readonly #db: DatabaseSync;
  readonly #limits: StoreLimits;
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #sessions: Sessions;
  readonly #accounts: Accounts;
  readonly #channels: Channels;
  readonly #writeBack: StatementSync;
  readonly #freePages: StatementSync;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #reserve: Reserve | undefined;
  readonly #failure: StorageFailure;
  /** Whether the last commit gave a message a row, or one that was said. */
  #inserted = false;

  /**
   * @throws {StoreLocked} Another process has it open.
   * @throws {Error} It can't be opened, or its schema is newer than this program.
   */
  constructor(options: EngineOptions) {
    const { directory, takeBytesMax = ANY_LENGTH } = options;
    const path = directory === undefined ? ":memory:" : `${directory}/${DATABASE_FILE}`;
    // made here, for its owner alone; SQLite gives its log the same mode
    if (directory !== undefined) Deno.openSync(path, { append: true, create: true, mode: 0o600 }).close();
    const db = this.#db = new DatabaseSync(path);
    try {
      openDatabase(db, options.maxFileBytes, takeBytesMax);
      if (directory !== undefined) this.#reserve = new Reserve(directory);
    } catch (error) {
      db.close();
      if (isBusy(error)) {
        throw new StoreLocked(`Cannot open ${path}: another process has it open`);
      }
      throw openError(path, error);
    }
    const { onEvent, wallClock = Date.now, monotonicClock = () => performance.now() } = options;
    const random = options.random ?? ((bytes: number) => crypto.getRandomValues(new Uint8Array(bytes)));
    const transaction = this.#transaction = new Transaction(db, options.commitDelayMs ?? 0);
    const limits = this.#limits = { ...options.limits };
    this.#onEvent = onEvent;
    this.#failure = new StorageFailure(onEvent);
    this.#writeBack = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#freePages = db.prepare("PRAGMA freelist_count");
    this.#messages = new Messages({
      db,
      transaction,
      limits,
      takenBytes: takeBytesMax,
      onEvent,
      wallClock,
      monotonicClock,
      random,
    });
    this.#threads = new Threads(db, transaction, { ...DEFAULT_FORUM_LIMITS, ...options.forumLimits });
    this.#sessions = new Sessions({
      db,
      transaction,
      messages: this.#messages,
      threads: this.#threads,
      limits: options.sessionLimits,
      wallClock,
    });
    this.#accounts = new Accounts(db, transaction, this.#messages);
    this.#channels = new Channels(db, transaction);
  }

  /** Messages, bytes and mailboxes that are there. */
  get counts(): Counts {
    return this.#messages.counts;
  }

  /**
   * Carries the requests out. When it returns, every outcome is durable.
   *
   * What the disk does not take as a whole is tried again in pieces: first what frees space, for which the reserve is
   * given up if need be, and then the puts, unless it was: what it holds back is not for them.
   *
   * @throws {StoreLost} Nothing of what the disk holds can be relied on any more.
   */
  apply(requests: readonly StoreRequest[]): BatchResult {
    const result: BatchResult = { outcomes: new Array(requests.length), dropped: 0 };
    const batch: Batch = { requests, result, storing: this.#storing() };
    this.#sessions.begin(requests);
    let which = requests.map((_, i) => i);
    if (!batch.storing) which = this.#refusePuts(batch, which);
    this.#inserted = false;
    const wasFailing = this.#failure.isOn;
    if (this.#attempt(batch, which)) {
      const isRefused = this.#failure.count(requests, result.outcomes);
      // not where only the log could not be written back, which was told just now
      if (wasFailing && this.#inserted && !isRefused) this.#failure.end();
      return result;
    }
    this.#inPieces(batch, which);
    this.#failure.count(requests, result.outcomes);
    return result;
  }

  /** Frees space first, and then tries what needs some. */
  #inPieces(batch: Batch, which: readonly number[]) {
    const { requests } = batch;
    this.#checkpoint();
    const freeing = which.filter((i) => !isAdding(requests[i]!));
    if (!this.#attempt(batch, freeing)) {
      this.#reserve?.release();
      this.#checkpoint();
      this.#inHalves(batch, freeing);
    }
    let adding = which.filter((i) => isAdding(requests[i]!));
    batch.storing = this.#reserve?.isHeld ?? true;
    if (!batch.storing) adding = this.#refusePuts(batch, adding);
    this.#inHalves(batch, adding);
    // no more puts, and room for what is to be given out, until there is that much room again
    this.#reserve?.release();
  }

  /** Carries out those of the batch whose places are in `which`, in one transaction. Returns whether it could be. */
  #attempt({ requests, result, storing }: Batch, which: readonly number[]): boolean {
    if (which.length === 0) return true;
    try {
      for (const i of which) result.outcomes[i] = this.#one(requests[i]!, storing);
      result.dropped += this.#commit();
    } catch (error) {
      this.#rollback();
      this.#storageFailed(error);
      return false;
    }
    return true;
  }

  /** What can't be carried out together is in halves, and what can't be alone is answered `storage`. */
  #inHalves(batch: Batch, which: readonly number[]) {
    if (this.#attempt(batch, which)) return;
    if (which.length > 1) {
      this.#inHalves(batch, which.slice(0, which.length >> 1));
      this.#inHalves(batch, which.slice(which.length >> 1));
      return;
    }
    const [i] = which as [number];
    batch.result.outcomes[i] = this.#failed(batch, batch.requests[i]!);
  }

  /** Refuses the puts among `which`, and returns the others. */
  #refusePuts({ requests, result }: Batch, which: readonly number[]): number[] {
    return which.filter((i) => {
      const request = requests[i]!;
      if (request.kind !== "put" && request.kind !== "channel") return true;
      result.outcomes[i] = "storage";
      return false;
    });
  }

  /** The outcome of a request that failed alone. The changes of a session are tried again in halves, in their order. */
  #failed(batch: Batch, request: StoreRequest): Outcome {
    if (request.kind !== "session" || request.changes.length === 1) {
      return "storage";
    }
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

  #one(request: StoreRequest, storing: boolean): Outcome {
    const messages = this.#messages, sessions = this.#sessions, threads = this.#threads;
    switch (request.kind) {
      case "put":
        return putOutcome(messages.put(request));
      case "take":
        return messages.take(request.mailbox);
      case "lease":
        return messages.lease(request);
      case "unsubscribe":
        messages.unwatch(request.mailbox);
        return "set";
      case "confirm":
        return messages.leased.confirm(request.session, request.tag);
      case "release":
        messages.leased.release(request.session, request.tag);
        return "released";
      case "session":
        return sessions.change(request, storing);
      case "open":
        return sessions.open(request);
      case "end":
        return sessions.end(request);
      case "latest start":
        return sessions.births;
      case "usage":
        return { sessions: sessions.usage, leases: messages.leased.usage };
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
      case "threads":
        return threads.list(request);
      case "read":
        return threads.read(request);
      case "file":
        return threads.findFile(request);
      case "attach":
        return storing ? threads.attach(request) : "storage";
      case "contents":
        return threads.known(request.contents);
      case "unused":
        return threads.unused(request);
      case "thread counts":
        return threads.counts;
      case "account":
        return this.#accounts.request(request, storing);
      case "channel":
        this.#channels.change(request);
        return "kept";
      case "remove channel":
        this.#channels.remove(request.name);
        return "kept";
      case "channels":
        return this.#channels.list();
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
    const { dropped, inserted } = messages;
    this.#inserted = inserted || this.#threads.inserted || this.#channels.inserted;
    this.#channels.inserted = false;
    messages.afterCommit();
    const contents = this.#threads.afterCommit();
    if (contents.length > 0) this.#onEvent({ kind: "unused", contents });
    if (this.#transaction.pages >= CHECKPOINT_PAGES) this.#checkpoint();
    return dropped;
  }

  /**
   * Writes the log back, so that its space can be used again. SQLite would do it by itself, but without a word of an
   * error: then a failed sync would go unnoticed.
   */
  #checkpoint() {
    this.#transaction.checkpointed();
    for (let first = true;; first = false) {
      try {
        this.#writeBack.all();
        return;
      } catch (error) {
        // told when a message is refused for it
        throwIfLost(error);
        // the file may have to grow
        if (!first || !this.#reserve?.isHeld) return;
        this.#reserve.release();
      }
    }
  }

  #rollback() {
    this.#transaction.rollback();
    this.#messages.rollback();
    this.#threads.rollback();
    this.#channels.inserted = false;
  }

  /**
   * Whether puts may be tried: with the reserve held back, or as much room in the database itself, so that none of them
   * takes what is needed to give messages out.
   */
  #storing(): boolean {
    if (this.#reserve === undefined || this.#reserve.restore()) return true;
    const { freelist_count: free } = this.#freePages.get() as { freelist_count: number };
    return free * PAGE_BYTES >= RESERVE_BYTES;
  }

  /** @throws {StoreLost} Or the error itself, where it does not come from a disk that takes nothing. */
  #storageFailed(error: unknown) {
    throwIfLost(error);
    this.#failure.begin((error as Error).message);
  }

  /** Whether {@linkcode tick} has something to do as time goes by. */
  get isTimed(): boolean {
    return this.#messages.isTimed;
  }

  /**
   * Does a piece of what it is time for: leases that end, messages that are due or expired. Returns whether there may be
   * more.
   */
  tick(): boolean {
    let isMore = false;
    return this.#background(() => isMore = this.#messages.tick()) && isMore;
  }

  /** Forgets a piece of the sessions that are old. Returns whether there are more that can be forgotten now. */
  forgetSessions(): boolean {
    let forgotten = 0;
    return this.#background(() => forgotten = this.#sessions.forget(SWEEP_ROWS)) && forgotten === SWEEP_ROWS;
  }

  /** Whether rows of cleared mailboxes or removed threads may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#messages.hasCleared || this.#threads.hasRemoved;
  }

  /** Removes a piece of what was cleared. Returns whether there is more that can be removed now. */
  sweep(): boolean {
    const swept = this.#messages.hasCleared ? this.#messages : this.#threads;
    return this.#background(() => swept.sweep(SWEEP_ROWS)) && this.hasCleared;
  }

  /** Does what nobody waits for. Returns whether it could be done; otherwise it is tried again later. */
  #background(work: () => unknown): boolean {
    try {
      work();
      this.#commit();
      return true;
    } catch (error) {
      this.#rollback();
      throwIfLost(error);
      return false;
    }
  }

  close() {
    this.#db.close();
    // the log is gone now, and others must not take the space that the next start needs
    this.#reserve?.keep();
  }
}

function putOutcome(result: "stored" | Reached): PutOutcome {
  if (result === "stored") return result;
  return result.of === "share" ? "full share" : "full";
}

/** Whether a request needs space, rather than freeing some. */
function isAdding(request: StoreRequest): boolean {
  return request.kind === "put" || request.kind === "attach" || request.kind === "channel" ||
    request.kind === "account" && ["add", "change", "cover"].includes(request.what) ||
    request.kind === "session" && request.changes.some(isAddingChange);
}
