import { LEASE_LIMITS, SESSION_LIMITS, type TableLimits } from "../server/quota/fair_table.ts";
import type { Environment } from "../server/quota/uptime.ts";
import { ANY_LENGTH } from "../server/store/database/database.ts";
import { PAGE_BYTES } from "../server/store/database/transaction.ts";
import { DEFAULT_FORUM_LIMITS, type ForumLimits, type StoreLimits } from "../server/store/limits.ts";
import { Again } from "../server/store/requests/again.ts";
import type { Counts } from "../server/store/requests/message.ts";
import type { Configuration } from "../server/store/requests/upkeep.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../server/store/store.ts";
import { isSameConfiguration } from "../server/store/engine/state/configuration.ts";
import { Engine } from "../server/store/engine/engine.ts";
import type { Position } from "../server/store/engine/state/position.ts";

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
  /** Whether there is room for what needs space; always by default. */
  canStore?: () => boolean;
  /** What is written after a record: so many rows, or all, with a checkpoint, as it is by default and when it is closed. */
  writes?: () => number | "checkpoint";
  /** How many sessions are kept. */
  sessionLimits?: TableLimits | undefined;
  /** How many leases run. */
  leaseLimits?: TableLimits | undefined;
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
  readonly #maxFileBytes: number;
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
    this.#wallClock = options.wallClock ?? Date.now;
    this.#random = options.random ?? ((bytes) => crypto.getRandomValues(new Uint8Array(bytes)));
    const engine = this.#engine = new Engine({ directory });
    this.#position = engine.position;
    // it goes on where it was (store 4.4)
    const monotonicClock = options.monotonicClock ?? (() => performance.now());
    const behind = Math.max(0, engine.position.monotonicClock - monotonicClock());
    this.#monotonicClock = () => monotonicClock() + behind;
    const wanted: Configuration = {
      limits,
      takeBytesMax,
      forumLimits: { ...DEFAULT_FORUM_LIMITS, ...options.forumLimits },
      sessionLimits: options.sessionLimits ?? SESSION_LIMITS,
      leaseLimits: options.leaseLimits ?? LEASE_LIMITS,
    };
    const requests: StoreRequest[] = [{ kind: "start" }];
    if (!isSameConfiguration(this.#engine.configuration, wanted)) {
      requests.push({ kind: "configure", ...wanted });
    }
    this.apply(requests);
  }

  get counts(): Counts {
    return this.#engine.counts;
  }

  /** Carries the requests out as one record, and the further pieces of long ones as more records. */
  apply(requests: readonly StoreRequest[]): BatchResult {
    const { outcomes, dropped } = this.applyOnce(requests);
    return { outcomes: outcomes.map((outcome) => this.#lastOf(outcome)), dropped };
  }

  #lastOf(outcome: Outcome): Outcome {
    while (outcome instanceof Again) {
      [outcome] = this.applyOnce([outcome.request as StoreRequest]).outcomes as [Outcome];
    }
    return outcome;
  }

  /** Carries the requests out as one record. */
  applyOnce(requests: readonly StoreRequest[]): BatchResult {
    const engine = this.#engine, { dropped } = engine, number = this.#position.number + 1;
    const wallClock = Math.max(this.#wallClock(), this.#position.wallClock);
    const monotonicClock = this.#monotonicClock();
    this.#position = { number, chain: new Uint8Array(16), wallClock, monotonicClock };
    engine.begin({ number, canStore: this.#canStore, wallClock, monotonicClock, random: this.#random(32) });
    const outcomes = requests.map((request) =>
      engine.isRead(request) ? engine.query(request) : engine.apply(request)
    );
    const events = engine.takeEvents();
    const rows = this.#writes();
    if (rows === "checkpoint") engine.checkpoint(this.#position);
    else if (rows > 0) engine.flush(rows);
    for (const event of events) this.#onEvent(event);
    return { outcomes, dropped: engine.dropped - dropped };
  }

  get #canStore(): boolean {
    if (!this.#mayStore()) return false;
    if (this.#maxFileBytes === Infinity) return true;
    const { all, free } = this.#engine.pages;
    return (all - free) * PAGE_BYTES < this.#maxFileBytes;
  }

  /** Does a piece of what is due by itself. Returns whether there may be more. */
  work(): boolean {
    const due = this.#due();
    if (due === undefined) return false;
    this.apply([due]);
    return true;
  }

  #due(): StoreRequest | undefined {
    for (;;) {
      const due = this.#engine.due(this.#wallClock(), this.#monotonicClock());
      if (due !== "not yet") return due;
    }
  }

  tick(): boolean {
    this.apply([{ kind: "tick", rows: 256 }]);
    return this.#due()?.kind === "tick";
  }

  forgetSessions(): boolean {
    this.apply([{ kind: "forget", rows: 512 }]);
    return this.#due()?.kind === "forget";
  }

  get hasCleared(): boolean {
    return this.#engine.hasCleared;
  }

  sweep(): boolean {
    this.apply([{ kind: "sweep", rows: 512 }]);
    return this.hasCleared;
  }

  get hasFreePages(): boolean {
    return this.#engine.hasFreePages;
  }

  shrink(): boolean {
    this.#engine.shrink();
    this.apply([]);
    return this.hasFreePages;
  }

  close() {
    this.#engine.checkpoint(this.#position);
    this.#engine.close();
  }
}
