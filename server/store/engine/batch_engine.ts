import type { TableLimits } from "../../quota/fair_table.ts";
import { SESSION_LIMITS } from "../../quota/fair_table.ts";
import type { Environment } from "../../quota/uptime.ts";
import { ANY_LENGTH } from "../database/database.ts";
import { Reserve } from "../journaled/reserve.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits, type StoreLimits } from "../limits.ts";
import type { Counts } from "../requests/message.ts";
import type { Configuration } from "../requests/upkeep.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";
import { isSameConfiguration } from "./configuration.ts";
import { Engine } from "./engine.ts";
import { StorageFailure } from "../journaled/storage_failure.ts";
import type { Position } from "./position.ts";

/** Clocks and randomness are the system's by default. */
export interface BatchOptions extends Partial<Omit<Environment, "setTimer">> {
  /** Where the database is; undefined: in memory. */
  directory: string | undefined;
  limits: StoreLimits;
  /** Most bytes of sender and text of a message that a take gives; any number by default. */
  takeBytesMax?: number | undefined;
  forumLimits?: Partial<ForumLimits> | undefined;
  /** Most bytes of the database file: past it nothing more is stored. */
  maxFileBytes?: number | undefined;
  /** Milliseconds that every commit takes longer, to measure as on a slower disk. */
  commitDelayMs?: number | undefined;
  /** Whether there is room for what needs space; always by default. */
  canStore?: () => boolean;
  /** What is written after a record: so many rows, or all, with a checkpoint, as it is by default and when it is closed. */
  writes?: () => number | "checkpoint";
  /** How many sessions are kept. */
  sessionLimits?: TableLimits | undefined;
  onEvent(event: StoreEvent): void;
}

/** What became of a batch. `dropped` counts messages that made room for newer ones. */
export interface BatchResult {
  outcomes: Outcome[];
  dropped: number;
}

/** An engine without a journal: each batch is a record, and each record a checkpoint unless its options say otherwise. */
export class BatchEngine {
  readonly #engine: Engine;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #failure: StorageFailure;
  readonly #reserve: Reserve | undefined;
  readonly #maxFileBytes: number;
  readonly #commitDelayMs: number;
  readonly #mayStore: () => boolean;
  readonly #writes: () => number | "checkpoint";
  /** That of the last record. */
  #position: Position;
  readonly #wallClock: () => number;
  readonly #monotonicClock: () => number;
  readonly #random: (bytes: number) => Uint8Array;

  constructor(options: BatchOptions) {
    const { directory, onEvent, limits, takeBytesMax = ANY_LENGTH, maxFileBytes = Infinity } = options;
    this.#onEvent = onEvent;
    this.#maxFileBytes = maxFileBytes;
    this.#mayStore = options.canStore ?? (() => true);
    this.#writes = options.writes ?? (() => "checkpoint");
    this.#commitDelayMs = options.commitDelayMs ?? 0;
    this.#wallClock = options.wallClock ?? Date.now;
    this.#random = options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
    this.#failure = new StorageFailure(onEvent);
    const engine = this.#engine = new Engine({ directory });
    this.#position = engine.position;
    // it goes on where it was (store 4.4)
    const monotonicClock = options.monotonicClock ?? (() => performance.now());
    const behind = Math.max(0, engine.position.monotonicClock - monotonicClock());
    this.#monotonicClock = () => monotonicClock() + behind;
    if (directory !== undefined) this.#reserve = new Reserve(directory);
    const wanted: Configuration = {
      limits,
      takeBytesMax,
      forumLimits: { ...DEFAULT_FORUM_LIMITS, ...options.forumLimits },
      sessionLimits: options.sessionLimits ?? SESSION_LIMITS,
    };
    const requests: StoreRequest[] = [{ kind: "start" }];
    if (!isSameConfiguration(this.#engine.configuration, wanted)) {
      requests.push({ kind: "configure", ...wanted });
    }
    this.#record(requests);
  }

  get counts(): Counts {
    return this.#engine.counts;
  }

  apply(requests: readonly StoreRequest[]): BatchResult {
    const result = this.#record(requests);
    if (!this.#failure.count(requests, result.outcomes) && this.#failure.isOn && this.#canStore) {
      this.#failure.end();
    }
    return result;
  }

  #record(requests: readonly StoreRequest[]): BatchResult {
    const engine = this.#engine, { dropped } = engine, number = this.#position.number + 1;
    const wallClock = Math.max(this.#wallClock(), this.#position.wallClock);
    const monotonicClock = this.#monotonicClock();
    this.#position = { number, chain: new Uint8Array(16), wallClock, monotonicClock };
    engine.begin({ number, canStore: this.#canStore, wallClock, monotonicClock, random: this.#random(32) });
    const outcomes = requests.map((request) =>
      engine.isRead(request) ? engine.query(request) : engine.apply(request)
    );
    const events = engine.takeEvents();
    const still = new Int32Array(new SharedArrayBuffer(4));
    if (this.#commitDelayMs > 0) Atomics.wait(still, 0, 0, this.#commitDelayMs);
    const rows = this.#writes();
    if (rows === "checkpoint") engine.checkpoint(this.#position);
    else if (rows > 0) engine.flush(rows);
    for (const event of events) this.#onEvent(event);
    return { outcomes, dropped: engine.dropped - dropped };
  }

  get #canStore(): boolean {
    if (!this.#mayStore() || !(this.#reserve?.restore() ?? true)) return false;
    if (this.#maxFileBytes === Infinity) return true;
    const { all, free } = this.#engine.pages;
    return (all - free) * PAGE_BYTES < this.#maxFileBytes;
  }

  /** Whether something is due by itself at some time. */

  /** Does a piece of what is due by itself. Returns whether there may be more. */
  work(): boolean {
    const due = this.#due();
    if (due === undefined) return false;
    this.#record([due]);
    return true;
  }

  #due(): StoreRequest | undefined {
    return this.#engine.due(this.#wallClock(), this.#monotonicClock());
  }

  tick(): boolean {
    this.#record([{ kind: "tick", rows: 256 }]);
    return this.#due()?.kind === "tick";
  }

  forgetSessions(): boolean {
    this.#record([{ kind: "forget", rows: 512 }]);
    return this.#due()?.kind === "forget";
  }

  get hasCleared(): boolean {
    return this.#engine.hasCleared;
  }

  sweep(): boolean {
    this.#record([{ kind: "sweep", rows: 512 }]);
    return this.hasCleared;
  }

  get hasFreePages(): boolean {
    return this.#engine.hasFreePages;
  }

  shrink(): boolean {
    this.#engine.shrink();
    this.#record([]);
    return this.hasFreePages;
  }

  close() {
    this.#engine.checkpoint(this.#position);
    this.#engine.close();
    this.#reserve?.hold();
  }
}
