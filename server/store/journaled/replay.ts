import type { Engine } from "../engine/engine.ts";
import type { Journal } from "../journal/journal.ts";

/**
 * Applies the records that the journal has after the engine's position. Nobody waits for the outcomes, and what events
 * say was reported when the records were new.
 */
export function replay(engine: Engine, journal: Journal) {
  for (const record of journal.read(engine.position.number + 1)) {
    engine.begin(record);
    for (const request of record.requests) engine.apply(request);
    engine.takeEvents();
  }
}
