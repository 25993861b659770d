/**
 * Cuts the power at some steps of a recording, and compares what is left with what had been acknowledged.
 *
 * @module
 */

import type { Random } from "../../simulation/random.ts";
import { type Disk, LOSSES } from "./disk.ts";
import { Acknowledged, faultsOf } from "./expected.ts";
import type { Inspectors } from "./inspectors.ts";
import type { Load } from "./load.ts";
import type { Step } from "./replay.ts";

/** A load, and what it had been answered before the steps; by default nothing. */
export interface Recorded {
  load: Load;
  acknowledged?: Acknowledged;
}

export interface CutOptions {
  disk: Disk;
  steps: readonly Step[];
  /** How many states of the disk are opened. */
  states: number;
  /** Of these loads, the last one is that of the steps. */
  recorded: readonly Recorded[];
  inspectors: Inspectors;
  random: Random;
}

export interface CutResult {
  states: number;
  /** Those in which something was not synced. */
  unsynced: number;
  /** Steps at which the power was cut, and all of them, and the syncs. */
  places: number;
  steps: number;
  syncs: number;
  /** Acknowledgements by number. */
  acknowledged: number;
  faults: string[];
}

/** Steps that are followed by a cut: of each three, one is within a sync, one behind a sync, and one anywhere. */
function* choose(steps: readonly Step[], count: number, random: Random): Generator<number> {
  const syncs = steps.flatMap(({ kind }, i) => kind === "synced" ? [i] : []);
  for (let i = 0; i < count; i++) {
    const sync = syncs[Math.floor(i / count * syncs.length)]!;
    yield i % 3 === 0 ? sync - 1 : i % 3 === 1 ? sync : random.between(0, steps.length - 1);
  }
}

/** Runs the steps, and opens what the disk holds if the power is cut behind some of them. */
export async function cutPower(options: CutOptions): Promise<CutResult> {
  const { disk, steps, states, recorded, inspectors, random } = options;
  const cuts = Map.groupBy(choose(steps, states, random), (at) => at);
  const acknowledged = new Acknowledged(), faults: string[] = [], open: Promise<void>[] = [];
  const sessions = recorded.flatMap(({ load }) => load.sessions);
  let cut = 0, unsynced = 0;
  for (const [i, step] of steps.entries()) {
    step.run();
    acknowledged.take(step);
    for (const _ of cuts.get(i) ?? []) {
      const loss = LOSSES[cut++ % LOSSES.length]!, now = acknowledged.copy();
      if (disk.unsynced > 0) unsynced++;
      const { found } = await inspectors.inspect(disk.cut(loss, random), sessions);
      open.push(found.then((found) => {
        for (const { load, acknowledged: before } of recorded) {
          for (const fault of faultsOf(found, load, before ?? now)) {
            faults.push(`step ${i} of ${steps.length}, with ${loss} of what was not synced: ${fault}`);
          }
        }
      }));
    }
  }
  await Promise.all(open);
  const syncs = steps.filter(({ kind }) => kind === "synced").length;
  const [places, count] = [cuts.size, acknowledged.count];
  return { states: cut, unsynced, places, steps: steps.length, syncs, acknowledged: count, faults };
}
