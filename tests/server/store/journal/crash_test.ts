/**
 * Stops the process and cuts the power before every operation of a journal on its files, in the middle of writes, and again
 * while it recovers; and holds what is there afterwards against a model of what had been acknowledged.
 *
 * @module
 */

import { assert, assertEquals, assertGreaterOrEqual, assertLessOrEqual } from "@std/assert";
import { DiskJournal } from "../../../../server/store/journal/disk_journal.ts";
import { JournalLost, type JournalPosition } from "../../../../server/store/journal/journal.ts";
import { FULL, obtainSeed, report } from "../../../faults/form.ts";
import { Random } from "../../../simulation/random.ts";
import { BEGINNING, JOURNAL_ID, record, texts } from "./records.ts";
import { type Operation, SimulatedFolder } from "./simulated_folder.ts";

/** How many states are recovered from. */
const STATES = FULL ? 20_000 : 400;

/** So small that a run fills several. */
const SEGMENT_BYTES = 4096;

/** Steps of a run. */
const STEPS = 60;

/** What has happened to a journal, and what its database has. */
interface Model {
  /** The texts of the records, whether they were acknowledged or not, and their hashes: `chains[n]` after n records. */
  texts: string[];
  chains: Uint8Array[];
  /** So many were acknowledged. */
  acknowledged: number;
  /** Checkpoints that a power cut may leave in the database: the first is durable. */
  checkpoints: number[];
}

/** A folder after a stop, with what is known of it. */
interface State {
  folder: SimulatedFolder;
  model: Model;
  /** The database's number. */
  database: number;
  /** For messages: what was going on. */
  at: string;
}

function copyOf(model: Model): Model {
  return {
    ...model,
    texts: [...model.texts],
    chains: [...model.chains],
    checkpoints: [...model.checkpoints],
  };
}

function newModel(): Model {
  return { texts: [], chains: [BEGINNING.chain], acknowledged: 0, checkpoints: [0] };
}

function open(folder: SimulatedFolder, position: JournalPosition, isNew = false): Promise<DiskJournal> {
  return DiskJournal.open({ folder, id: JOURNAL_ID, position, isNew, segmentBytes: SEGMENT_BYTES });
}

/** Lets what goes on in the background do so much. */
async function turns(count: number) {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

/** Everything that is done to a folder, and the states that a stop at any of it may leave. */
class Run {
  /** How many states were taken; the rest is dropped. */
  readonly states: State[] = [];
  #count = 0;

  constructor(readonly random: Random, readonly folder: SimulatedFolder, readonly model: Model) {}

  /**
   * Takes states from now on. The journal's number of durable records counts as acknowledged as soon as it says so.
   *
   * @param failure The code of the error of an operation that is to fail.
   */
  watch(
    journal: () => DiskJournal | undefined,
    failure: (operation: Operation) => string | undefined = () => undefined,
  ) {
    this.folder.onOperation = (operation) => {
      const { model } = this;
      model.acknowledged = Math.max(model.acknowledged, journal()?.durable ?? 0);
      this.take(`${this.#count++}: ${operation.kind} ${operation.name}`, operation);
      const code = failure(operation);
      if (code !== undefined) throw Object.assign(new Error(`${operation.kind} fails: ${code}`), { code });
    };
  }

  /** Takes the states that a stop now may leave. */
  take(at: string, operation?: Operation) {
    const { random, folder, model } = this, last = model.checkpoints.at(-1)!;
    const add = (how: string, folder: SimulatedFolder, database: number) =>
      this.states.push({ folder, model: copyOf(model), database, at: `${how} before ${at}` });
    add("kill", folder.afterKill(), last);
    if (operation?.write) add("kill in the middle", folder.afterKill(operation, random), last);
    const database = model.checkpoints[random.between(0, model.checkpoints.length - 1)]!;
    add("power cut", folder.afterPowerCut(random), database);
    // what was being written may be on disk in part too
    if (operation?.write) {
      const all = { ...operation, write: { ...operation.write } };
      add("power cut in the middle", folder.afterKill(all, random).afterPowerCut(random), database);
    }
  }
}

/** Appends, syncs, takes checkpoints and releases at random. */
async function work(run: Run, journal: DiskJournal, steps: number) {
  const { random, model } = run;
  const syncs: Promise<unknown>[] = [];
  const sync = () => {
    const synced = journal.sync().then((durable) => {
      model.acknowledged = Math.max(model.acknowledged, durable);
    });
    synced.catch(() => {});
    syncs.push(synced);
    return synced;
  };
  for (let step = 0; step < steps; step++) {
    for (let i = random.between(0, 3); i > 0; i--) {
      const text = "x".repeat(random.chance(0.1) ? 1500 : random.between(0, 200)) + model.texts.length;
      if (journal.room < 2000) break;
      journal.append(record(text));
      model.texts.push(text);
      model.chains.push(journal.chain);
    }
    if (random.chance(0.7)) {
      const synced = sync();
      if (random.chance(0.5)) await synced;
    }
    await turns(random.between(0, 20));
    if (random.chance(0.3)) {
      await sync();
      model.checkpoints.push(journal.durable);
    }
    if (random.chance(0.3)) {
      model.checkpoints.splice(0, random.between(0, model.checkpoints.length - 1));
      journal.release(model.checkpoints[0]! + 1);
    }
  }
  await Promise.all(syncs);
}

/** Holds the journal of a state against the model. Returns the model as it goes on from there. */
function hold({ model, database, at }: State, journal: DiskJournal): Model {
  assertGreaterOrEqual(journal.last, Math.max(model.acknowledged, database), at);
  assertLessOrEqual(journal.last, model.texts.length, at);
  const expected = model.texts.slice(database, journal.last).map((text, i) => `${database + i + 1} ${text}`);
  assertEquals(texts(journal.read(database + 1)), expected, at);
  assertEquals(journal.chain, model.chains[journal.last]!, at);
  return {
    texts: model.texts.slice(0, journal.last),
    chains: model.chains.slice(0, journal.last + 1),
    acknowledged: journal.last,
    checkpoints: [database],
  };
}

/** Recovers, is stopped again meanwhile, goes on, and is stopped again. Each time everything must be there. */
async function check(random: Random, state: State, depth: number): Promise<number> {
  const { folder, database, model } = state, position = { number: database, chain: model.chains[database]! };
  const recovery = new Run(random, folder, { ...copyOf(model), checkpoints: [database] });
  let journal: DiskJournal | undefined;
  if (depth > 0) recovery.watch(() => journal);
  try {
    journal = await open(folder, position);
  } catch (error) {
    throw new Error(`${state.at}: ${(error as Error).message}`, { cause: error });
  }
  folder.onOperation = () => {};
  const after = hold(state, journal);
  let count = 1;
  if (depth > 0) {
    const [again] = recovery.states.splice(random.between(0, recovery.states.length - 1), 1);
    if (again) count += await check(random, { ...again, at: `${again.at}, after ${state.at}` }, depth - 1);
    const next = new Run(random, folder, after);
    await work(next, journal, 3);
    next.take(`the end, after ${state.at}`);
    for (const state of next.states) count += await check(random, state, depth - 1);
  }
  await journal.close();
  assertEquals(folder.openFiles, 0);
  return count;
}

Deno.test("whatever is cut off where, what was acknowledged is there, in order, and nothing is damage", async () => {
  const random = new Random(obtainSeed());
  let count = 0;
  for (let round = 0; count < STATES; round++) {
    const run = new Run(random, new SimulatedFolder(), newModel());
    const journal = await open(run.folder, BEGINNING, true);
    const isFull = random.chance(0.5);
    const fails = ({ name }: Operation) => isFull && name.startsWith("spare") && random.chance(0.1);
    run.watch(() => journal, (operation) => fails(operation) ? "ENOSPC" : undefined);
    await work(run, journal, STEPS);
    await journal.close();
    run.take("the end");
    // a run has more states than the short form has time for: a part of them, another one each time
    const states = FULL ? run.states : run.states.filter(() => random.chance(STATES / 4 / run.states.length));
    for (const state of states) count += await check(random, state, 1);
  }
  report(`${count} states of a journal after a stop`);
});

Deno.test("when a write or a sync fails, what was acknowledged before is there, and nothing after is accepted", async () => {
  const random = new Random(obtainSeed());
  for (let round = 0; round < (FULL ? 200 : 20); round++) {
    const run = new Run(random, new SimulatedFolder(), newModel());
    const journal = await open(run.folder, BEGINNING, true);
    let left = random.between(0, 60);
    const failing = random.chance(0.5) ? ["sync", "sync folder"] : ["sync", "sync folder", "write", "rename"];
    run.watch(() => journal, ({ kind }) => {
      if (--left > 0) return undefined;
      if (left === 0) run.states.length = 0;
      return failing.includes(kind) ? "EIO" : undefined;
    });
    try {
      await work(run, journal, STEPS);
    } catch (error) {
      assert(error instanceof JournalLost, String(error));
    }
    await journal.close().catch(() => {});
    run.folder.onOperation = () => {};
    run.take("the end");
    for (const state of run.states) await check(random, state, 1);
    assertEquals(run.folder.openFiles, 0);
  }
});
