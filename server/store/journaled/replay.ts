import type { Engine } from "../engine/engine.ts";
import { DamagedRow } from "../database/checksum.ts";
import type { Journal, RecordHead } from "../journal/journal.ts";
import type { StoreEvent } from "../store.ts";
import { unusable } from "./open_engine.ts";

/** Version of the engine that the records are for (store 8.1). */
export const ENGINE_VERSION = 1;

/** The clocks of a record. */
export type RecordClocks = Pick<RecordHead, "wallClock" | "monotonicClock">;

/**
 * Applies the records that the journal has after the engine's position. Nobody waits for the outcomes, and what events
 * say was reported when the records were new.
 *
 * @returns The clocks of the last record that was ever applied.
 * @throws {Error} A record is for an engine of another version.
 * @throws {DatabaseUnusable} The database does not agree with the journal, or a row that is damaged was met: what the
 * records did before might not come out again.
 */
export function replay(
  engine: Engine,
  journal: Pick<Journal, "read">,
  directory: string | undefined,
): RecordClocks {
  let last: RecordClocks = engine.position;
  for (const record of journal.read(engine.position.number + 1)) {
    const { number, engine: version, wallClock, monotonicClock } = record;
    if (version !== ENGINE_VERSION) {
      throw new Error(
        `Cannot apply record ${number} of the journal: it is for version ${version} of the store, ` +
          `this program has ${ENGINE_VERSION}: start the program that wrote it once`,
      );
    }
    try {
      engine.begin(record);
      for (const request of record.requests) engine.apply(request);
      refuseDamage(engine.takeEvents());
    } catch (error) {
      throw unusable(directory, error);
    }
    last = { wallClock, monotonicClock };
  }
  return { wallClock: last.wallClock, monotonicClock: last.monotonicClock };
}

/** @throws {DamagedRow} A row was damaged when the engine was opened, or when a record came across it. */
function refuseDamage(events: readonly StoreEvent[]) {
  for (const event of events) {
    if (event.kind !== "damaged") continue;
    throw new DamagedRow(
      `row ${event.key} of ${event.table} is damaged, and the journal has records that may build on it`,
    );
  }
}
