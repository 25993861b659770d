/**
 * Each call by which the server writes, syncs or renames something fails once, with EIO, ENOSPC or EROFS: the server ends with one
 * line, or refuses and goes on; and after a restart everything is there that it had acknowledged.
 */

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { FROM_SOURCE, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Random } from "../../simulation/random.ts";
import { CI, FULL, obtainSeed, report } from "../form.ts";
import { Acknowledged, faultsOf } from "../power/expected.ts";
import { Inspectors } from "../power/inspectors.ts";
import { Load } from "../power/load.ts";
import { cannotRecord, record } from "../power/recording.ts";
import { type Call, descriptorOf, stringsOf, textOf } from "../power/trace.ts";

/** Runs, each with one call that fails. */
const RUNS = FULL ? 80 : 6;
const AMOUNT = { rounds: 10, files: 2 }, AFTER = { rounds: 2, files: 1 };
const NO_PORTS = { mailbox: 0, channels: 0, forum: 0 };

/** Seconds for which a server may neither end nor answer: more than any load explains. Then it is killed. */
const PATIENCE = 120, LIMITED = ["timeout", "-s", "KILL", `${PATIENCE}`];

const FAILING =
  /^(fsync|fdatasync|write|pwrite64|writev|pwritev2?|ftruncate|fallocate|rename|renameat2?|unlink)$/;

/** A kind of call on one file, and how often one thread makes it at most. */
interface Place {
  call: string;
  path: string;
  times: number;
}

/** The places of a recording: names of files that are made at random are left out, so that they are the same every time. */
function placesOf(calls: readonly Call[], data: string): Place[] {
  const places = new Map<string, Place>();
  for (const { name, args } of calls) {
    if (!FAILING.test(name)) continue;
    const { strings } = stringsOf(args);
    const path = /^\d/.test(args) ? descriptorOf(args).path : textOf(strings[0] ?? "");
    if (path !== data && !path.startsWith(`${data}/`)) continue;
    // SQLite's shared memory and the list of addresses hold nothing that has to last
    if (/-shm$|\/server\.json$|\/files\/[0-9a-f]{32}$/.test(path)) continue;
    const within = path.slice(data.length), key = `${name} ${within}`;
    const place = places.get(key) ?? { call: name, path: within, times: 0 };
    place.times++;
    places.set(key, place);
  }
  return [...places.values()];
}

/** EROFS is what a disk answers that was made read-only because of errors. */
const ERRORS = ["EIO", "ENOSPC", "EROFS"] as const;

interface Case extends Place {
  error: typeof ERRORS[number];
  /** Which of the calls fails. */
  when: number;
}

/** Each place with each error, at its first call and, in the full form, at any one, as often as there are runs for. */
function* casesOf(places: readonly Place[], random: Random): Generator<Case> {
  for (let round = 0;; round++) {
    const order = places.map((place) => ({ place, at: random.fraction() })).sort((a, b) => a.at - b.at);
    for (const [i, { place }] of order.entries()) {
      const error = ERRORS[(round + i) % ERRORS.length]!;
      const isFirst = !FULL || round === 0 && i % 3 === 0;
      yield { ...place, error, when: isFirst ? 1 : random.between(1, place.times) };
    }
  }
}

/** How a server took it. */
type Ending = "not reached" | "ended" | "did not start" | "went on";

/** Runs a server of which one call fails. */
async function run({ call, path, error, when }: Case, data: string, loads: [Load, Load]): Promise<Ending> {
  const [load, after] = loads;
  const trace = `${data}.trace`;
  const inject = `inject=${call}:error=${error}:when=${when}`;
  const strace = ["strace", "-f", "--seccomp-bpf", "-e", `trace=${call}`, "-e", "signal=none"];
  const command = [...strace, "-P", `${data}${path}`, "-e", inject, "-o", trace, ...LIMITED, ...FROM_SOURCE];
  const services = ["mailbox", "0", "channels", "0", "forum", "0"];
  let server: ServerProcess;
  try {
    server = await ServerProcess.start([...services, "--data", data], { command });
  } catch (error) {
    const { message } = error as Error;
    assert(!/Uncaught|panicked|^ +at /m.test(message), message);
    assert(/: wirepost serve: [^\n]+\n$/.test(message), message);
    return "did not start";
  }
  const working = (async () => {
    const ports = {
      mailbox: await server.ready("mailbox"),
      channels: await server.ready("channels"),
      forum: await server.ready("forum"),
    };
    try {
      await load.run(server, ports, AMOUNT);
    } catch {
      // it was refused something, or has ended; if it is there, it serves others
    }
    await after.run(server, ports, AFTER);
    return "went on" as const;
  })();
  try {
    const status = server.ended(), ended = status.then(() => "ended" as const);
    // a client of a server that has ended fails too
    const outcome = await Promise.race([working.catch(() => ended), ended]);
    if (outcome === "went on") {
      Deno.kill(JSON.parse(await Deno.readTextFile(`${data}/server.json`)).pid, "SIGKILL");
      await status;
    } else {
      assert(!/Uncaught|panicked|^ +at /m.test(server.err), server.err);
      assertEquals(server.err.match(/ error store - .*$/gm)?.length, 1, server.err);
      assertEquals((await status).code, 1, server.err);
    }
    const isReached = (await Deno.readTextFile(trace)).includes("(INJECTED)");
    return isReached ? outcome : "not reached";
  } finally {
    working.catch(() => {});
  }
}

// store 3.5, 6.4, 6.6
Deno.test({
  name:
    "a call that fails while the server writes ends it with a line, or is refused, and loses nothing acknowledged",
  // clients of a server that has ended still wait for it
  sanitizeOps: false,
  sanitizeResources: false,
  fn: failCalls,
});

async function failCalls() {
  const why = await cannotRecord();
  if (why !== undefined) {
    assert(!CI, `strace has to work here: ${why}`);
    return report(`skipped, strace does not work here: ${why}`);
  }
  const random = new Random(obtainSeed());
  await using directory = await temporaryDirectory();
  const data = `${directory.path}/data`, filled = `${directory.path}/filled`;
  await using first = new Load(directory.path, "first"), second = new Load(directory.path, "second");
  // the first start makes everything, a later one finds it
  const life = { data, trace: `${data}.trace`, ports: NO_PORTS, amount: AMOUNT };
  const making = placesOf((await record({ ...life, load: first })).calls, data);
  assertEquals((await runCommand(["cp", "-a", data, filled])).code, 0);
  const finding = placesOf((await record({ ...life, load: second })).calls, data);
  const cases = [casesOf(making, random), casesOf(finding, random)] as const;
  await using inspectors = await Inspectors.start(1);
  const endings = new Map<string, number>(), faults: string[] = [];
  for (let i = 0; i < RUNS; i++) {
    await Deno.remove(data, { recursive: true });
    const isFilled = i % 3 > 0, each = cases[isFilled ? 1 : 0].next().value as Case;
    if (isFilled) assertEquals((await runCommand(["cp", "-a", filled, data])).code, 0);
    const start = isFilled ? "a later start" : "the first start";
    const name = `${each.call} ${
      each.path || "of the directory"
    }, time ${each.when} of ${start}, ${each.error}`;
    await using load = new Load(directory.path), after = new Load(directory.path, "after");
    const loads = [load, after, ...isFilled ? [first] : []];
    try {
      const ending = await run(each, data, [load, after]), key = `${each.error} ${ending}`;
      endings.set(key, (endings.get(key) ?? 0) + 1);
      const found = await inspectors.inspectDirectory(data, loads.flatMap(({ sessions }) => sessions));
      for (const one of loads) {
        for (const fault of faultsOf(found, one, Acknowledged.of(one))) {
          faults.push(`${name}: ${ending}; ${fault}`);
        }
      }
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
    }
  }
  report(
    `calls that fail: ${RUNS} of ${making.length + finding.length} places; ${
      [...endings].toSorted().map(([ending, count]) => `${ending}: ${count}`).join(", ")
    }; faults: ${faults.length}`,
  );
  for (const fault of faults) report(fault);
  assertEquals(faults.length, 0);
  const missed = ERRORS.reduce((sum, error) => sum + (endings.get(`${error} not reached`) ?? 0), 0);
  // another run may make a call in another thread, or not at all
  assertGreaterOrEqual(FULL ? RUNS / 2 : RUNS - 1, missed, "too few calls failed");
}
