/**
 * The power is cut while the server works under load: everything that it wrote, synced and named is recorded, and cut at
 * each sync and between, with what was not synced dropped, kept in part, reordered and torn.
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { temporaryDirectory } from "../../program.ts";
import { freePort } from "../../ports.ts";
import { Random } from "../../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "../form.ts";
import { cutPower } from "./cuts.ts";
import { Disk } from "./disk.ts";
import { Inspectors } from "./inspectors.ts";
import { Load } from "./load.ts";
import { cannotRecord, record } from "./recording.ts";
import { type Step, stepsOf } from "./replay.ts";

/** States of the disk that are opened. */
const STATES = FULL ? 2000 : 60;
const INSPECTORS = 2;
const AMOUNT = FULL ? { rounds: 60, files: 12 } : { rounds: 12, files: 3 };

/** Faults that are shown. */
const SHOWN = 10;

// store 5.4, 5.5
Deno.test("after a power cut at any moment everything that was acknowledged is there, once and in order", async () => {
  const why = await cannotRecord();
  if (why !== undefined) {
    assert(!CI, `strace has to work here: ${why}`);
    return report(`skipped, strace does not work here: ${why}`);
  }
  const random = new Random(obtainSeed());
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`;
  await using load = new Load(directory.path);
  const ports = { mailbox: freePort(), channels: freePort(), forum: freePort() };
  const disk = new Disk(), steps: Step[] = [];
  // the second life begins with what the first one left in the machine's memory, and answers on the strength of that
  for (const life of [1, 2]) {
    const trace = `${directory.path}/trace-${life}`;
    const recorded = await record({ data, trace, ports, load, amount: AMOUNT });
    steps.push(...stepsOf(recorded.calls, data, disk));
  }

  await using inspectors = await Inspectors.start(INSPECTORS);
  const result = await cutPower({ disk, steps, states: STATES, recorded: [{ load }], inspectors, random });
  const { states, unsynced, places, syncs, acknowledged, faults } = result;
  report(
    `power cuts: ${states} states, ${unsynced} of them with something not synced, at ${places} of ${steps.length} ` +
      `steps; ${syncs} syncs; ${acknowledged} acknowledgements by number; faults: ${faults.length}`,
  );
  for (const fault of faults.slice(0, SHOWN)) report(fault);
  assertEquals(faults.length, 0);
  assertGreaterOrEqual(states, STATES);
});
