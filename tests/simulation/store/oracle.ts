/**
 * Knows which state a store must have: that of an engine in memory that applies the records, one after the other, and is
 * never written down and never stopped. Whether that does the right things with them is tested by models elsewhere
 * (tests/server/store); here it says what must be there after a stop, to the byte.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Engine } from "../../../server/store/engine/engine.ts";
import type { EngineVersion } from "../../../server/store/engine/state/version.ts";
import type { Journal, NewRecord } from "../../../server/store/journal/journal.ts";
import type { StoreRequest } from "../../../server/store/store.ts";

export class Oracle implements Disposable {
  readonly #engine: Engine;
  /** Records that this engine has not applied. */
  #records: NewRecord[] = [];
  /** Number of the last record that it has applied. */
  #applied = 0;
  /** Requests that are in a record, and its number. */
  readonly #numbers = new WeakMap<StoreRequest, number>();
  /** The last record of which an outcome was given out. */
  acknowledged = 0;
  comparisons = 0;

  constructor(versions?: readonly EngineVersion[]) {
    this.#engine = new Engine({ directory: undefined, versions });
  }

  /** Notes what is appended to a journal. */
  watch(journal: Journal): Journal {
    const append = journal.append.bind(journal);
    journal.append = (record) => {
      const number = append(record);
      this.#records.push({ ...record, requests: [...record.requests] });
      for (const request of record.requests) this.#numbers.set(request, number);
      assertEquals(number, this.#applied + this.#records.length);
      return number;
    };
    return journal;
  }

  /** Somebody was given the outcome of a request. */
  acknowledge(request: StoreRequest) {
    this.acknowledged = Math.max(this.acknowledged, this.#numbers.get(request) ?? 0);
  }

  /** Applies the records up to this one, which is durable. */
  #apply(last: number) {
    while (this.#applied < last) {
      const record = this.#records.shift();
      assert(record, `record ${this.#applied + 1} was never appended`);
      this.#engine.begin({ ...record, number: ++this.#applied });
      for (const request of record.requests) this.#engine.apply(request);
      this.#engine.takeEvents();
    }
  }

  /** A store has come back with the state of the record `last`. */
  compare(engine: Engine, last: number) {
    assertGreaterOrEqual(last, this.acknowledged, "what was acknowledged is not there");
    this.#apply(last);
    // the others are gone, and nobody was told of them
    this.#records = [];
    this.comparisons++;
    const dump = this.dump();
    assertEquals([...engine.dump()], dump, `the state of record ${last}`);
    checkCounts(dump);
  }

  dump(): string[] {
    return [...this.#engine.dump()];
  }

  [Symbol.dispose]() {
    this.#engine.close();
  }
}

/** What is counted must be what is there. */
function checkCounts(dump: readonly string[]) {
  const counted = new Map<string, number[]>(), there = new Map<string, number[]>();
  const add = (name: string, bytes: number) => {
    const [messages = 0, sum = 0] = there.get(name) ?? [];
    there.set(name, [messages + 1, sum + bytes]);
  };
  for (const line of dump) {
    const kind = line.slice(0, line.indexOf(" ["));
    if (kind !== "mailbox" && kind !== "message" && kind !== "delayed") continue;
    const values = JSON.parse(line.slice(kind.length + 1));
    if (kind === "mailbox") counted.set(values[0], values.slice(2));
    else if (kind === "message") add(values[1], values[5]);
    else add(values[2], values[6]);
  }
  assertEquals(new Map([...counted].sort()), new Map([...there].sort()), "counts of messages and bytes");
}
