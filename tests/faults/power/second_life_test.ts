/**
 * A life of the server that begins with what a failed sync or a power cut has left, and in which the power is cut again.
 *
 * After a failed sync, what was to be written is not on the disk, but the machine shows it to the server's next start, and
 * Linux does not write it again: it has forgotten that it was changed.
 */

import { assert, assertEquals } from "@std/assert";
import { temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "../form.ts";
import { cutPower } from "./cuts.ts";
import { Disk, type Holding, LOSSES, save } from "./disk.ts";
import { Acknowledged } from "./expected.ts";
import { Inspectors } from "./inspectors.ts";
import { Load } from "./load.ts";
import { cannotRecord, record } from "./recording.ts";
import { type Step, stepsOf } from "./replay.ts";
import type { Call } from "./trace.ts";

/** First lives that end in a way of their own; and states of the disk that are opened for each, in the second life. */
const LIVES = FULL ? 20 : 2, STATES = FULL ? 50 : 12;
const INSPECTORS = 2;
const BEFORE = { rounds: 16, files: 4 }, AFTER = { rounds: 4, files: 2 };

/** Faults that are shown. */
const SHOWN = 10;

const NO_PORTS = { mailbox: 0, channels: 0, forum: 0 };

/** What a first life leaves: what the next start sees, and what is on the disk. */
interface Left {
  what: string;
  view: Holding;
  disk: Disk;
  acknowledged: Acknowledged;
}

/** Runs the steps up to a moment in the later half, where the server works under load. */
function runUntil(isEnd: (step: Step) => boolean, calls: readonly Call[], data: string, random: Random) {
  const disk = new Disk(), steps = stepsOf(calls, data, disk), acknowledged = new Acknowledged();
  const candidates = steps.flatMap((step, i) => isEnd(step) && i > steps.length / 2 ? [i] : []);
  const end = candidates[random.between(0, candidates.length - 1)]!;
  for (const step of steps.slice(0, end)) {
    step.run();
    acknowledged.take(step);
  }
  return { disk, acknowledged, last: steps[end]! };
}

const isSyncOfContent = ({ kind, path }: Step) => kind === "synced" && path !== "" && path !== "files";

function failSync(calls: readonly Call[], data: string, random: Random): Left {
  const { disk, acknowledged, last } = runUntil(isSyncOfContent, calls, data, random);
  last.run(true);
  return { what: `a failed sync of ${last.path}`, view: disk.view(), disk, acknowledged };
}

function cutOnce(calls: readonly Call[], data: string, random: Random): Left {
  const { disk, acknowledged, last } = runUntil(() => true, calls, data, random);
  last.run();
  acknowledged.take(last);
  const loss = LOSSES[random.between(0, LOSSES.length - 1)]!, view = disk.cut(loss, random);
  return { what: `a power cut with ${loss}`, view, disk: Disk.holding(view), acknowledged };
}

async function liveTwice(end: (calls: readonly Call[], data: string, random: Random) => Left) {
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
  let states = 0, affected = 0;
  for (let life = 0; life < LIVES; life++) {
    const { what, view, disk, acknowledged } = end(calls, data, random);
    const next = `${directory.path}/data-${life}`;
    save(view, next);
    await using after = new Load(directory.path, "after");
    const recorded = await record({ data: next, trace, ports: NO_PORTS, load: after, amount: AFTER });
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
    faults.push(...result.faults.map((fault) => `after ${what}, ${fault}`));
  }
  report(`second lives: ${LIVES}, ${states} power cuts in them; ${affected} with faults`);
  for (const fault of faults.slice(0, SHOWN)) report(fault);
  assertEquals(faults.length, 0);
}

// store 3.5, 5.4
Deno.test("after a failed sync, a start and a power cut, everything that was acknowledged is there", () =>
  liveTwice(failSync));

// store 5.4
Deno.test("after a power cut, a start and another power cut, everything that was acknowledged is there", () =>
  liveTwice(cutOnce));
