import { assertEquals } from "@std/assert";
import type { Random } from "../../simulation/random.ts";
import { RandomRecords } from "./random_records.ts";
import { Replica } from "./replica.ts";

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

  /** Applies one record to both. */
  play() {
    const start = this.#records.begin(), requests = this.#requests();
    for (const replica of [this.still, this.written]) replica.begin(start);
    for (const request of requests) {
      const expected = this.still.carryOut(request), outcome = this.written.carryOut(request);
      assertEquals(outcome, expected, `record ${start.number}: ${JSON.stringify(request)}`);
      this.#records.learn(request, expected.outcome);
    }
    for (const replica of [this.still, this.written]) replica.end();
  }

  /** What is due by itself comes first, as in a store. */
  #requests() {
    if (!this.#isConfigured) {
      this.#isConfigured = true;
      return [this.#records.configure()];
    }
    const due = this.still.due(...this.#records.clocks);
    return due === undefined ? this.#records.requests() : [due];
  }

  [Symbol.dispose]() {
    for (const replica of [this.still, this.written]) replica.close();
  }
}
