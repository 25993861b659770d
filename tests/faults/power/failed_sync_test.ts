/**
 * A sync fails, and the power is cut later. What was to be written is not on the disk then, but the machine shows it to the
 * server's next start, and Linux does not write it again: it has forgotten that it was changed.
 */

import { assert, assertEquals } from "@std/assert";
import { temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "../form.ts";
import { cutPower } from "./cuts.ts";
import { Disk, save } from "./disk.ts";
import { Acknowledged } from "./expected.ts";
import { Inspectors } from "./inspectors.ts";
import { Load } from "./load.ts";
import { cannotRecord, record } from "./recording.ts";
import { stepsOf } from "./replay.ts";

/** Syncs that fail, each in a run of its own; and states of the disk that are opened for each. */
const FAILURES = FULL ? 20 : 2, STATES = FULL ? 50 : 12;
const INSPECTORS = 2;
const BEFORE = { rounds: 16, files: 4 }, AFTER = { rounds: 4, files: 2 };

/** Faults that are shown. */
const SHOWN = 10;

const NO_PORTS = { mailbox: 0, channels: 0, forum: 0 };

// store 3.5, 5.4
Deno.test("after a failed sync, a start and a power cut, everything that was acknowledged is there", async () => {
  const why = await cannotRecord();
  if (why !== undefined) {
    assert(!CI, `strace has to work here: ${why}`);
    return report(`skipped, strace does not work here: ${why}`);
  }
  const random = new Random(obtainSeed());
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, trace = `${directory.path}/trace`;
  await using before = new Load(directory.path, "before");
  const { calls } = await record({ data, trace, ports: NO_PORTS, load: before, amount: BEFORE });
  await using inspectors = await Inspectors.start(INSPECTORS);
  const faults: string[] = [];
  let failures = 0, states = 0, affected = 0;
  for (; failures < FAILURES; failures++) {
    const disk = new Disk(), steps = stepsOf(calls, data, disk), acknowledged = new Acknowledged();
    // in the later half, where the server works under load
    const candidates = steps.flatMap((step, i) => {
      const isOfContent = step.kind === "synced" && step.path !== "" && step.path !== "files";
      return isOfContent && i > steps.length / 2 ? [i] : [];
    });
    const failing = candidates[random.between(0, candidates.length - 1)]!;
    for (const [i, step] of steps.slice(0, failing + 1).entries()) {
      step.run(i === failing);
      acknowledged.take(step);
    }
    // the server has ended; the next one sees what the machine has in memory
    const next = `${directory.path}/data-${failures}`;
    save(disk.view(), next);
    await using after = new Load(directory.path, "after");
    const life = { data: next, trace, ports: NO_PORTS, load: after, amount: AFTER };
    const recorded = await record(life);
    const result = await cutPower({
      disk,
      steps: stepsOf(recorded.calls, next, disk),
      states: STATES,
      recorded: [{ load: before, acknowledged }, { load: after }],
      inspectors,
      random,
    });
    await Deno.remove(next, { recursive: true });
    states += result.states;
    if (result.faults.length > 0) affected++;
    const { path } = steps[failing]!;
    faults.push(...result.faults.map((fault) => `after a sync of ${path} failed, ${fault}`));
  }
  report(`failed syncs: ${failures}, ${states} power cuts later; ${affected} with faults`);
  for (const fault of faults.slice(0, SHOWN)) report(fault);
  assertEquals(faults.length, 0);
});
