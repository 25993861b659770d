import { Again } from "../../../../server/store/requests/again.ts";
import { Engine, type RecordStart } from "../../../../server/store/engine/engine.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import type { Random } from "../../../simulation/random.ts";

export interface AppliedRecord {
  start: RecordStart;
  requests: StoreRequest[];
}

/**
 * An engine that writes what it has to its file at random moments, and that is closed and opened again at others: then it
 * applies the records since its last checkpoint once more.
 */
export class Replica {
  readonly #directory: string | undefined;
  readonly #random: Random | undefined;
  #engine: Engine;
  /** Records since the last checkpoint. */
  #records: AppliedRecord[] = [];
  checkpoints = 0;
  restarts = 0;

  /** @param random When it writes and is opened again; undefined: never. */
  constructor(directory: string | undefined, random?: Random) {
    this.#directory = directory;
    this.#random = random;
    this.#engine = new Engine({ directory });
  }

  begin(start: RecordStart) {
    this.#engine.begin(start);
    this.#records.push({ start, requests: [] });
    if (this.#random === undefined) this.#records = this.#records.slice(-1);
  }

  /** Carries a request out, as a store does; also returns whether it is in the record. */
  carryOut(request: StoreRequest): { isRead: boolean; outcome: Outcome } {
    const isRead = this.#engine.isRead(request);
    if (isRead) {
      let outcome = this.#engine.query(request);
      // how many pieces there are may depend on what was written down
      while (outcome instanceof Again) outcome = this.#engine.query(outcome.request as StoreRequest);
      return { isRead, outcome };
    }
    this.#records.at(-1)!.requests.push(request);
    return { isRead, outcome: this.#engine.apply(request) };
  }

  due(wallClock: number, monotonicClock: number): StoreRequest | undefined {
    for (;;) {
      const due = this.#engine.due(wallClock, monotonicClock);
      if (due !== "not yet") return due;
    }
  }

  /** Ends a record: then, perhaps, something is written, or the engine is opened again. */
  end() {
    this.#engine.takeEvents();
    const random = this.#random;
    if (random === undefined) return;
    if (random.chance(0.2)) this.#engine.flush(random.between(1, 20));
    if (random.chance(0.1)) this.#checkpoint();
    if (random.chance(0.05)) this.#restart();
  }

  #checkpoint() {
    const { number, wallClock, monotonicClock } = this.#records.at(-1)?.start ?? this.#engine.position;
    this.#engine.checkpoint({ number, wallClock, monotonicClock, chain: new Uint8Array(16) });
    this.#records = [];
    this.checkpoints++;
  }

  /** As after a kill: the file is as of the last checkpoint. */
  #restart() {
    this.#engine.close();
    this.#engine = new Engine({ directory: this.#directory });
    for (const { start, requests } of this.#records) {
      this.#engine.begin(start);
      for (const request of requests) this.#engine.apply(request);
      this.#engine.takeEvents();
    }
    this.restarts++;
  }

  dump(): string[] {
    return [...this.#engine.dump()];
  }

  close() {
    this.#engine.close();
  }
}
