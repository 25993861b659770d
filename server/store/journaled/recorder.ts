import type { Engine } from "../engine/engine.ts";
import { type Journal, RECORD_HEAD_BYTES, type RecordHead } from "../journal/journal.ts";
import { requestBytes, requestBytesMax } from "../journal/codec/request_codec.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../store.ts";
import { type Admission, isAdding, isRefusedWhole } from "../room/admission.ts";
import type { StoreClocks } from "./clocks.ts";
import type { RecordClocks } from "./replay.ts";
import { StorageFailure } from "../room/storage_failure.ts";

/** The ID of the leader on one machine. */
const NO_LEADER = new Uint8Array(16);

/** Bytes of a record, about: more requests go into the next one. Any segment has room for a record of several times that. */
const RECORD_BYTES = 256 * 1024;

export interface RecorderOptions {
  journal: Journal;
  clocks: StoreClocks;
  /** The clocks of the last record. */
  last: RecordClocks;
  /** Undefined in memory: then there always is room. */
  admission?: Admission | undefined;
  random(bytes: number): Uint8Array;
  onEvent(event: StoreEvent): void;
}

/** A record that has begun: its requests were applied. */
interface OpenRecord {
  head: Omit<RecordHead, "number">;
  requests: StoreRequest[];
  bytes: number;
}

/**
 * Carries requests out on an engine, and appends records of those that change something.
 *
 * Invariant: between two calls the journal has what the engine has applied, and nothing else.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #failure: StorageFailure;
  #record: OpenRecord | undefined;
  /** The clocks of the last record. */
  last: RecordClocks;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#failure = new StorageFailure(options.onEvent);
    this.last = options.last;
  }

  /** The outcomes hold as soon as the journal's last record is durable. */
  carryOut(engine: Engine, requests: readonly StoreRequest[]): Outcome[] {
    const canStore = this.#options.admission?.canStore ?? true,
      outcomes: Outcome[] = new Array(requests.length);
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i]!;
      if (!canStore && isRefusedWhole(request)) outcomes[i] = "storage";
      else if (engine.isRead(request)) outcomes[i] = engine.query(request);
      else outcomes[i] = this.#apply(engine, request, canStore);
    }
    this.#append();
    if (!canStore) this.#failure.count(requests, outcomes);
    else if (this.#failure.isOn && requests.some(isAdding)) this.#failure.end();
    return outcomes;
  }

  /** Appends a record without requests: it says up to which one all were durable. */
  appendEmpty(engine: Engine) {
    if (this.#options.journal.room < RECORD_HEAD_BYTES) return;
    this.#record = this.#begin(engine, true, engine.version);
    this.#append();
  }

  /** Applies a request in the record that is open, or in a new one. */
  #apply(engine: Engine, request: StoreRequest, canStore: boolean): Outcome {
    const { journal } = this.#options, most = requestBytesMax(request);
    // of a long one the bytes are known exactly, so that it is not refused for nothing
    const bytes = most > RECORD_BYTES ? requestBytes(request) : most;
    // a record is for one version
    const version = request.kind === "upgrade" ? request.version : engine.version;
    const isOther = this.#record !== undefined && this.#record.head.engine !== version;
    if (
      isOther ||
      this.#record !== undefined && this.#record.bytes + bytes > Math.min(RECORD_BYTES, journal.room)
    ) {
      this.#append();
    }
    if ((this.#record?.bytes ?? RECORD_HEAD_BYTES) + bytes > journal.room) return refusalOf(request);
    const record = this.#record ??= this.#begin(engine, canStore, version);
    record.requests.push(request);
    record.bytes += bytes;
    return engine.apply(request);
  }

  #begin(engine: Engine, canStore: boolean, version: number): OpenRecord {
    const { journal, clocks, random } = this.#options;
    const wallClock = clocks.wallClock(), monotonicClock = clocks.monotonicClock();
    this.last = { wallClock, monotonicClock };
    const common = { canStore, wallClock, monotonicClock, random: random(32) };
    engine.begin({ ...common, number: journal.last + 1 });
    const head = { ...common, engine: version, shard: 0, term: 0n, leader: NO_LEADER };
    return { head, requests: [], bytes: RECORD_HEAD_BYTES };
  }

  #append() {
    if (this.#record === undefined) return;
    const { head, requests } = this.#record;
    this.#record = undefined;
    this.#options.journal.append({ ...head, requests });
  }
}

/** What is answered if the journal has no room for anything any more (store 6.5). */
function refusalOf({ kind }: StoreRequest): Outcome {
  // its client repeats it
  if (kind === "confirm") return "unknown";
  return kind === "channels complete" ? false : "storage";
}
