/**
 * All kinds of requests at random, against a store that is stopped at random: after each start its whole state must be
 * that of its records.
 *
 * @module
 */

import type { StoreRequest } from "../../../server/store/store.ts";
import { RandomRecords } from "../../server/store/determinism/random_records.ts";
import type { Random } from "../random.ts";
import type { Load, Submit } from "./world.ts";

export class Everything implements Load {
  readonly #records: RandomRecords;
  #clock = 0;
  #requests: StoreRequest[] = [];

  constructor(random: Random) {
    this.#records = new RandomRecords(random);
  }

  start(): StoreRequest[] {
    return [this.#records.configure()];
  }

  act(submit: Submit): number {
    const request = this.#requests.pop();
    if (request !== undefined) {
      submit(request, (outcome) => this.#records.learn(request, outcome));
      return 0;
    }
    const { monotonicClock } = this.#records.begin(), elapsed = monotonicClock - this.#clock;
    this.#clock = monotonicClock;
    this.#requests = this.#records.requests();
    return elapsed;
  }

  restarted() {
    return Promise.resolve();
  }

  end() {
    return Promise.resolve();
  }
}
