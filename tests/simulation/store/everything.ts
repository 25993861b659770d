/**
 * All kinds of requests at random, against a store that is stopped at random: after each start its whole state must be
 * that of its records.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { StoreRequest } from "../../../server/store/store.ts";
import { RandomRecords } from "../../server/store/random_records.ts";
import type { Random } from "../random.ts";
import type { Load } from "./world.ts";

export class Everything implements Load {
  readonly #records: RandomRecords;
  #clock = 0;

  constructor(random: Random) {
    this.#records = new RandomRecords(random);
  }

  start(): StoreRequest[] {
    return [this.#records.configure()];
  }

  act(submit: Parameters<Load["act"]>[0]): number {
    this.#records.begin();
    const requests = this.#records.requests();
    for (const request of requests) {
      submit(request, (outcome) => this.#records.learn(request, outcome));
    }
    const [, clock] = this.#records.clocks, elapsed = clock - this.#clock;
    this.#clock = clock;
    return elapsed;
  }

  restarted() {
    return Promise.resolve();
  }

  end() {
    assert(true);
    return Promise.resolve();
  }
}
