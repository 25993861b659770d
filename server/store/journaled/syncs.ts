import type { WriteBack } from "../checkpoint/write_back.ts";
import type { Journal } from "../journal/journal.ts";
import type { Outcome, StoreEvent } from "../store.ts";
import { SyncTimes } from "./figures.ts";
import { SyncPlace } from "./sync_place.ts";

/**
 * How long a record that nobody waits for stays without a sync, in milliseconds: messages that come one by one cost fewer
 * syncs, and one that is asked for meanwhile is synced with the record that takes it.
 */
const LINGER_MS = 2;

/**
 * After a sync that took so long, those whom it has answered are waited for, at most a part of that time and so many
 * milliseconds: they share the next one with those who wait already (store 4.8). Otherwise clients that send one request
 * after the other are two halves, each of which waits for the sync of the other one too.
 */
const SLOW_SYNC_MS = 2, GATHER_PART = 0.25, GATHER_MS_MAX = 5;

/** What was carried out: its outcomes and events are given out when the record of this number is durable. */
export interface CarriedOut {
  number: number;
  outcomes: Outcome[];
  events: StoreEvent[];
  /** Whether somebody waits for the outcomes. */
  isAwaited: boolean;
  resolve(outcomes: Outcome[]): void;
  reject(error: unknown): void;
}

export interface SyncsOptions {
  journal: Journal;
  /** Undefined in memory. */
  writeBack: WriteBack | undefined;
  /** Milliseconds that every sync takes longer, to measure as on a slower disk. */
  syncDelayMs?: number | undefined;
  /** Where syncs run; a test has its own. */
  place?: Pick<SyncPlace, "isInThread" | "took"> | undefined;
  /** Milliseconds; a test has its own. */
  monotonicClock?: () => number;
  onEvent(event: StoreEvent): void;
  /** Called when a sync has failed. */
  lose(error: unknown): void;
}

/**
 * Syncs the journal while somebody waits for that, one sync after the other, and gives out what was carried out.
 *
 * Invariant: outcomes and events are given out in the order of the records, when the record and all before it are durable;
 * what only reads, when those are that it may have seen (store 4.8).
 */
export class Syncs {
  readonly #options: SyncsOptions;
  readonly #place: Pick<SyncPlace, "isInThread" | "took">;
  readonly #now: () => number;
  /** What was not given out, in order. */
  #waiting: CarriedOut[] = [];
  /** The highest number that somebody waits for. */
  #awaited = 0;
  /** Ends with the sync that runs off the thread. */
  #running: Promise<void> | undefined;
  #lingering: ReturnType<typeof setTimeout> | undefined;
  /** Requests whose outcomes are awaited, and how many are waited for until when. */
  #requests = 0;
  #expectedRequests = 0;
  #gatherUntilMs = 0;
  #gathering: ReturnType<typeof setTimeout> | undefined;
  /** Bytes of the journal's records that are durable. */
  #durableBytes = 0;
  #isSettling = false;
  #lost: unknown;
  /** Of the syncs that were made. */
  readonly times = new SyncTimes();

  constructor(options: SyncsOptions) {
    this.#options = options;
    this.#place = options.place ?? new SyncPlace();
    this.#now = options.monotonicClock ?? (() => performance.now());
  }

  /** Whether every record is durable, and none is being made so. */
  get isIdle(): boolean {
    const { journal } = this.#options;
    return this.#running === undefined && journal.durable === journal.last;
  }

  /** Gives it out now or later. */
  add(what: CarriedOut) {
    const { journal } = this.#options;
    if (what.number <= journal.durable && this.#waiting.length === 0 && !this.#isSettling) {
      return this.#settle(what);
    }
    this.#waiting.push(what);
    if (what.isAwaited) this.#requests += what.outcomes.length;
    if (what.isAwaited || what.events.length > 0) this.#awaited = what.number;
    this.#schedule();
  }

  /**
   * Resolves when the records up to this number are durable; by default, all.
   *
   * @throws The store is lost.
   */
  async until(number = Infinity) {
    const { journal } = this.#options;
    while (journal.durable < Math.min(number, journal.last) && this.#lost === undefined) await this.begin();
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Begins a sync off the thread, unless one runs; resolves when it has ended. Never rejects. */
  begin(): Promise<void> {
    return this.#running ??= this.#sync();
  }

  /** From now on nothing is given out. */
  lose(error: unknown) {
    this.#lost = error;
    this.stop();
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  /** Does not sync by itself any more what nobody waits for. */
  stop() {
    clearTimeout(this.#lingering);
    clearTimeout(this.#gathering);
    this.#lingering = this.#gathering = undefined;
  }

  #schedule() {
    if (this.#lost !== undefined || this.#waiting.length === 0) return;
    // what is appended while one runs goes with the next
    if (this.#running !== undefined || this.#isSettling) return;
    if (this.#awaited <= this.#options.journal.durable) {
      this.#lingering ??= setTimeout(() => void this.begin(), LINGER_MS);
    } else if (this.#isGathering()) {
      // the last one that comes begins it, or the time
    } else if (this.#isInThread()) {
      this.#syncNow();
    } else {
      void this.begin();
    }
  }

  /** Whether more requests are waited for. */
  #isGathering(): boolean {
    const leftMs = this.#gatherUntilMs - this.#now();
    if (this.#requests >= this.#expectedRequests || leftMs <= 0) return false;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#schedule();
    }, leftMs);
    return true;
  }

  #isInThread(): boolean {
    const { journal, syncDelayMs, writeBack } = this.#options;
    const isFast = this.#place.isInThread(journal.bytes - this.#durableBytes, this.#now());
    return isFast && syncDelayMs === undefined && !writeBack?.isRunning;
  }

  #syncNow() {
    const { journal, lose } = this.#options;
    this.stop();
    try {
      const { bytes } = journal,
        began = this.#now(),
        durable = journal.syncNow(),
        ended = this.#now();
      this.#place.took(ended - began, ended);
      this.#synced(durable, bytes, ended - began);
    } catch (error) {
      lose(error);
    }
    // those who wait for what was just given out look at it before what came meanwhile is given out
    queueMicrotask(() => this.#schedule());
  }

  async #sync() {
    const { journal, syncDelayMs = 0, lose } = this.#options;
    this.stop();
    try {
      if (syncDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, syncDelayMs));
      const { bytes } = journal, began = this.#now(), durable = await journal.sync();
      const ended = this.#now(), expected = this.#requests;
      this.#synced(durable, bytes, ended - began);
      if (ended - began >= SLOW_SYNC_MS) {
        this.#expectedRequests = expected;
        this.#gatherUntilMs = ended + Math.min(GATHER_MS_MAX, GATHER_PART * (ended - began));
      }
    } catch (error) {
      lose(error);
    }
    this.#running = undefined;
    this.#schedule();
  }

  #synced(durable: number, bytes: number, ms: number) {
    const { journal, writeBack } = this.#options;
    this.times.add(ms);
    this.#durableBytes = bytes;
    // in memory nothing is read again
    if (writeBack === undefined) journal.release(durable + 1);
    this.#settleUpTo(durable);
  }

  #settleUpTo(durable: number) {
    this.#isSettling = true;
    // what is carried out meanwhile has its turn after those before it
    while (this.#waiting.length > 0 && this.#waiting[0]!.number <= durable) {
      const first = this.#waiting.findIndex(({ number }) => number > durable);
      const settled = this.#waiting.splice(0, first < 0 ? this.#waiting.length : first);
      for (const what of settled) {
        if (what.isAwaited) this.#requests -= what.outcomes.length;
        this.#settle(what);
      }
    }
    this.#isSettling = false;
  }

  #settle({ outcomes, events, resolve }: CarriedOut) {
    for (const event of events) {
      try {
        this.#options.onEvent(event);
      } catch (error) {
        // an error of this program and not of the store: the others are answered before it ends
        reportError(error);
      }
    }
    resolve(outcomes);
  }
}
