import { assert, assertEquals } from "@std/assert";
import type { Random } from "../../../simulation/random.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { RandomRecords, TICK_ROWS } from "./random_records.ts";
import { type AppliedRecord, Replica } from "./replica.ts";

/** Two engines that are given the same random records, and have to come to the same. */
export class Pair implements Disposable {
  /** Is never written down. */
  readonly still = new Replica(undefined);
  /** Is written down and opened again at random moments; without a directory neither. */
  readonly written: Replica;
  readonly #records: RandomRecords;
  #isConfigured = false;

  constructor(random: Random, directory: string | undefined) {
    this.#records = new RandomRecords(random.split());
    this.written = new Replica(directory, directory === undefined ? undefined : random.split());
  }

  /** Applies one record to both. Returns it, with what of its requests a journal would have. */
  play(): AppliedRecord {
    const start = this.#records.begin(),
      requests = this.#isConfigured ? this.#records.requests() : [this.#records.configure()];
    this.#isConfigured = true;
    for (const replica of [this.still, this.written]) replica.begin(start);
    const recorded: StoreRequest[] = [];
    for (const request of requests) {
      const expected = this.still.carryOut(request), outcome = this.written.carryOut(request);
      assertEquals(outcome, expected, `record ${start.number}: ${JSON.stringify(request)}`);
      if (!expected.isRead) recorded.push(request);
      this.#records.learn(request, expected.outcome);
    }
    const [first] = requests as [StoreRequest],
      isWholeTick = first.kind === "tick" && first.rows === TICK_ROWS;
    for (const replica of [this.still, this.written]) {
      const due = replica.due(start.wallClock, start.monotonicClock)?.kind;
      assert(!isWholeTick || due !== "tick", `record ${start.number}: a tick is due after it`);
      replica.end();
    }
    return { start, requests: recorded };
  }

  [Symbol.dispose]() {
    for (const replica of [this.still, this.written]) replica.close();
  }
}
