import type { Engine } from "../engine/engine.ts";
import { assertKnown, versionAfter } from "../engine/state/version.ts";
import { DamagedRow } from "../database/checksum.ts";
import type { Journal, JournalRecord, RecordHead } from "../journal/journal.ts";
import type { StoreEvent, StoreRequest } from "../store.ts";
import { unusable } from "./open_engine.ts";

/** The clocks of a record. */
export type RecordClocks = Pick<RecordHead, "wallClock" | "monotonicClock">;

/**
 * Applies the records that the journal has after the engine's position. Nobody waits for the outcomes, and what events
 * say was reported when the records were new.
 *
 * @returns The clocks of the last record that was ever applied.
 * @throws {DatabaseUnusable} This program has no rules for a record, the database does not agree with the journal, or a
 * row that is damaged was met: what the records did before might not come out again.
 */
export function replay(
  engine: Engine,
  journal: Pick<Journal, "read">,
  directory: string | undefined,
): RecordClocks {
  let last: RecordClocks = engine.position;
  for (const clocks of replayEach(engine, journal, directory)) last = clocks;
  return { wallClock: last.wallClock, monotonicClock: last.monotonicClock };
}

/** The same, one record at a time: gives the clocks of each. */
export function* replayEach(
  engine: Engine,
  journal: Pick<Journal, "read">,
  directory: string | undefined,
): Generator<RecordClocks> {
  for (const record of journal.read(engine.position.number + 1)) {
    const { wallClock, monotonicClock } = record;
    try {
      versionAfter(engine.version, record, engine.versions);
      engine.begin(record);
      for (const request of record.requests) engine.apply(request);
      refuseDamage(engine.takeEvents());
    } catch (error) {
      throw unusable(directory, error);
    }
    yield { wallClock, monotonicClock };
  }
}

/**
 * Looks at the records that are going to be applied, before anything of the journal is changed.
 *
 * @throws {DatabaseUnusable} This program has no rules for a record.
 */
export function beforeReplayOn({ versions }: Engine, directory: string | undefined) {
  return (record: Pick<JournalRecord, "number" | "engine">) => {
    try {
      assertKnown(record, versions);
    } catch (error) {
      throw unusable(directory, error);
    }
  };
}

/** What a start records first, if the state is not at the newest version yet (store 8.1). */
export function upgradeRequests({ version, versions: { length: newest } }: Engine): StoreRequest[] {
  return version === newest ? [] : [{ kind: "upgrade", version: newest }];
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
