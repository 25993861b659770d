/**
 * Each call by which the server writes, syncs, renames, removes or creates a file fails: the server ends with one line
 * that names the file, or refuses and goes on, as the table of store 6.6 says; and after a restart everything is there
 * that it had acknowledged.
 *
 * Which of the calls fails is taken from a life in which they were counted, and the load goes on until it was made: so
 * that each run reaches its call.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCommand, temporaryDirectory } from "../../../program.ts";
import { Random } from "../../../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "../../form.ts";
import { Acknowledged, faultsOf } from "../../power/expected.ts";
import { Inspectors } from "../../power/inspectors.ts";
import { Load } from "../../power/load.ts";
import { cannotRecord } from "../../power/recording.ts";
import { type ErrorCode, expectedEndings } from "./endings.ts";
import { type Failure, runFailing, startFailing } from "./failing_server.ts";
import { passThrough } from "./passing.ts";
import { countPlaces, pidOf, type Place, portsOf } from "./places.ts";

/** Runs of the full form, at least. Each place fails with an error of the disk, and for want of space. */
const RUNS_MIN = 80;

/** Runs at a time. */
const LANES = 2;

/** In its first life a server makes everything, in a later one it finds it. */
type Life = "first" | "later";

interface Case extends Failure {
  life: Life;
}

/** What the short form lets fail: one place of each kind; the last that matches. */
const SHORT: { life: Life; call: RegExp; path: RegExp; error: ErrorCode; part: number }[] = [
  { life: "later", call: /^fdatasync$/, path: /^\/journal\/\d+\.journal$/, error: "EIO", part: 0 },
  { life: "first", call: /^write$/, path: /^\/journal\/\d+\.journal$/, error: "ENOSPC", part: 0.5 },
  { life: "first", call: /^write$/, path: /^\/journal\/spare-2\.journal$/, error: "ENOSPC", part: 0 },
  { life: "first", call: /^rename$/, path: /^\/journal\/spare-2\.journal$/, error: "EIO", part: 0 },
  { life: "first", call: /^pwrite64$/, path: /^\/messages\.db-wal$/, error: "ENOSPC", part: 0.5 },
  { life: "later", call: /^f(data)?sync$/, path: /^\/messages\.db-wal$/, error: "EIO", part: 1 },
  { life: "first", call: /^pwrite64$/, path: /^\/messages\.db$/, error: "EIO", part: 0.5 },
  { life: "first", call: /^write$/, path: /^\/files\/.*\.part$/, error: "ENOSPC", part: 0 },
];

/** Which call of a place it is, from the first to the last. */
function callAt(times: number, part: number): number {
  return 1 + Math.floor((times - 1) * part);
}

function shortCases(places: Record<Life, readonly Place[]>): Case[] {
  return SHORT.map(({ life, call, path, error, part }) => {
    const place = places[life].findLast((each) => call.test(each.call) && path.test(each.path));
    assert(place !== undefined, `nothing does ${call} to ${path} in the ${life} life`);
    return { life, place, error, when: callAt(place.times, part) };
  });
}

/** Each place with an error of the disk and for want of space, at its first and at another call. */
function fullCases(places: Record<Life, readonly Place[]>, random: Random): Case[] {
  const cases: Case[] = [];
  for (const life of ["first", "later"] as const) {
    for (const [i, place] of places[life].entries()) {
      const errors: ErrorCode[] = [i % 3 === 0 ? "EROFS" : "EIO", "ENOSPC"];
      for (const [j, error] of errors.entries()) {
        if (expectedEndings(place, error, true).length === 0) continue;
        const part = (i + j) % 2 === 0 ? 0 : random.fraction();
        cases.push({ life, place, error, when: callAt(place.times, part) });
      }
    }
  }
  return cases;
}

/** Whether something cannot be tested here. */
async function lacksStrace(): Promise<boolean> {
  const why = await cannotRecord();
  if (why === undefined) return false;
  assert(!CI, `strace has to work here: ${why}`);
  report(`skipped, strace does not work here: ${why}`);
  return true;
}

// clients of a server that has ended still wait for it
const UNSANITIZED = { sanitizeOps: false, sanitizeResources: false };

// store 3.8, 6.4, 6.6
Deno.test({
  name: "a call that fails ends the server with a line, or is refused, and loses nothing acknowledged",
  ...UNSANITIZED,
  fn: failCalls,
});

async function failCalls() {
  if (await lacksStrace()) return;
  const random = new Random(obtainSeed());
  await using directory = await temporaryDirectory();
  const { path } = directory, data = `${path}/data`, filled = `${path}/filled`;
  await using first = new Load(path, "first"),
    bulk = new Load(path, "many"),
    second = new Load(path, "second");
  await using other = new Load(path, "others");
  const places: Record<Life, Place[]> = { first: await countPlaces(data, first, bulk), later: [] };
  const kept = [first, bulk], known = kept.map((load) => Acknowledged.of(load));
  assertEquals((await runCommand(["cp", "-a", data, filled])).code, 0);
  places.later = await countPlaces(data, second, other);
  await Deno.remove(data, { recursive: true });

  const cases = FULL ? fullCases(places, random) : shortCases(places);
  if (FULL) assert(cases.length >= RUNS_MIN, `${cases.length} cases`);
  await using inspectors = await Inspectors.start(1);
  const endings = new Map<string, number>(), faults: string[] = [], total = cases.length;
  let runs = 0, reached = 0;

  /** Returns whether the call was made. */
  const fail = async (each: Case): Promise<boolean> => {
    const own = `${path}/${runs++}`, { life, place, error, when } = each;
    await Deno.mkdir(own);
    const name = `${place.call} of ${
      place.path || "the directory"
    }, ${when} of ${place.times}, in the ${life} life: ${error}`;
    // what names depend on is as it was when calls were counted
    await using load = new Load(own, life === "first" ? "first" : "second"),
      after = new Load(own, "after"),
      many = new Load(own, "bulk");
    if (life === "later") assertEquals((await runCommand(["cp", "-a", filled, `${own}/data`])).code, 0);
    try {
      const { isReached, ending } = await runFailing(each, `${own}/data`, { load, bulk: many, after });
      if (!isReached) return false;
      reached++;
      endings.set(`${error} ${ending}`, (endings.get(`${error} ${ending}`) ?? 0) + 1);
      const loads = [load, after, many], acknowledged = loads.map((load) => Acknowledged.of(load));
      if (life === "later") loads.push(...kept), acknowledged.push(...known);
      const found = await inspectors.inspectDirectory(
        `${own}/data`,
        loads.flatMap(({ sessions }) => sessions),
      );
      for (const [i, one] of loads.entries()) {
        for (const fault of faultsOf(found, one, acknowledged[i]!)) {
          faults.push(`${name}: ${ending}; ${fault}`);
        }
      }
    } catch (error) {
      reached++;
      faults.push(`${name}: ${(error as Error).message}`);
    } finally {
      await Deno.remove(own, { recursive: true });
    }
    return true;
  };
  const lane = async () => {
    for (let each = cases.shift(); each !== undefined; each = cases.shift()) {
      // threads share calls out anew in each run: only that the first one is made is certain, of one file or the next
      if (!await fail(each) && !await fail({ ...each, when: 1, isOfAnyNumber: true })) {
        faults.push(`${each.place.call} of ${each.place.path} was not made in the ${each.life} life`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const counts = [...endings].toSorted().map(([ending, count]) => `${ending}: ${count}`).join(", ");
  report(
    `calls that fail: ${total} of ${places.first.length} and ${places.later.length} places, ${runs} runs, ${reached} calls ` +
      `reached; ${counts}; faults: ${faults.length}`,
  );
  for (const fault of faults) report(fault);
  assertEquals(faults.length, 0);
  assertEquals(reached, total);
}

/** Writes of the reserve at a start, and those that fail after them: the one that shows it, and two tries to take it again. */
const RESERVE_WRITES = 64, FAILING_WRITES = 3;

// store 6.6
Deno.test({
  name:
    "where the user's quota is used up a checkpoint is tried again, although SQLite does not say why it failed",
  ...UNSANITIZED,
  fn: useUpQuota,
});

async function useUpQuota() {
  if (await lacksStrace()) return;
  await using directory = await temporaryDirectory();
  const { path } = directory, data = `${path}/data`;
  await using load = new Load(path), bulk = new Load(path, "bulk"), after = new Load(path, "after");
  const from = RESERVE_WRITES + 1,
    inject = [
      "inject=pwrite64:error=EDQUOT:when=300",
      `inject=write:error=EDQUOT:when=${from}..${from + FAILING_WRITES - 1}`,
    ];
  const paths = ["/messages.db-wal", "/reserve"];
  const { server, err } = await startFailing(paths, ["pwrite64", "write"], inject, data);
  assert(server !== undefined, err);
  const ports = await portsOf(server), ended = server.ended();
  const passing = passThrough(server, ports, load, bulk);
  await server.logged("cannot write to disk");
  // what was refused is repeated by its clients
  await passing;
  await after.run(server, ports, { rounds: 2, files: 1 });
  Deno.kill(await pidOf(server), "SIGKILL");
  await ended;
  assertStringIncludes(server.err, "can write to disk again");
  await using inspectors = await Inspectors.start(1);
  const loads = [load, bulk, after];
  const found = await inspectors.inspectDirectory(data, loads.flatMap(({ sessions }) => sessions));
  for (const one of loads) assertEquals(faultsOf(found, one, Acknowledged.of(one)), []);
}
