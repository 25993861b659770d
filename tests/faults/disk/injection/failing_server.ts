/**
 * Runs a server of which calls fail, with a load, until one has failed and it has shown how it takes that.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FROM_SOURCE, ServerProcess } from "../../../program.ts";
import type { Load } from "../../power/load.ts";
import { type Ending, type ErrorCode, expectedEndings, namedFile } from "./endings.ts";
import { passThrough, putMany } from "./passing.ts";
import { pidOf, type Place, portsOf, SERVICES } from "./places.ts";

/** Seconds for which a server may neither end nor answer: more than any load explains. Then it is killed. */
const PATIENCE = 120, LIMITED = ["timeout", "-s", "KILL", `${PATIENCE}`];

/** How often more messages follow the load if the call was not made yet. */
const MORE = 2;

/** Numbers of the journal's files that a run can come to. */
const NUMBERS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

export interface Failure {
  place: Place;
  error: ErrorCode;
  /** Which of the calls of a thread fails. */
  when: number;
  /** Whether it is that on any file of the journal of this kind: which number a file has depends on what comes first. */
  isOfAnyNumber?: boolean;
}

export interface Loads {
  /** While the call fails. */
  load: Load;
  bulk: Load;
  /** After it. */
  after: Load;
}

export interface Outcome {
  isReached: boolean;
  ending: Ending;
}

/** @throws {Error} It was taken otherwise than store 6.6 says. */
export async function runFailing(failure: Failure, data: string, loads: Loads): Promise<Outcome> {
  const { place, error, when, isOfAnyNumber = false } = failure;
  const paths = isOfAnyNumber ? NUMBERS.map((number) => numbered(place.path, number)) : [place.path];
  const assertNamed = (line: string) => {
    const isNamed = paths.some((path) => line.includes(`${data}${namedFile(path)}`));
    assert(isNamed, `${place.path} is not named: ${line}`);
  };
  const inject = [`inject=${place.call}:error=${error}:when=${when}`];
  const { server, isInjected, err } = await startFailing(paths, [place.call], inject, data);
  if (server === undefined) {
    assert(await isInjected(), `it did not start, and no call had failed: ${err}`);
    assertNamed(err);
    assertEquals(
      err.match(/^(?:Server ended before \S+ was ready: )?wirepost serve: [^\n]+\n$/m)?.length,
      1,
      err,
    );
    return check({ isReached: true, ending: "ended" }, place, error, true);
  }
  const isStarting = await isInjected(), ended = server.ended().then(() => "ended" as const);
  const working = work(server, loads, isInjected);
  working.catch(() => {});
  // a client of a server that has ended fails too
  let outcome = await Promise.race([working.catch(() => ended), ended]);
  if (outcome === "went on" && !await isInjected()) {
    // a stop writes too
    Deno.kill(await pidOf(server), "SIGTERM");
    await ended;
    if (await isInjected() && / error store - /.test(server.err)) outcome = "ended";
  } else if (outcome === "went on") {
    Deno.kill(await pidOf(server), "SIGKILL");
    await ended;
  }
  const isReached = await isInjected(), lines = server.err.match(/^.* error .*$/gm) ?? [];
  assert(!/Uncaught|panicked|^ +at /m.test(server.err), server.err);
  if (outcome === "ended") {
    assertEquals(lines.length, 1, server.err);
    assertStringIncludes(lines[0]!, ` error store - `);
    assertNamed(lines[0]!);
    assertEquals((await server.ended()).code, 1, server.err);
  }
  return check({ isReached, ending: outcome }, place, error, isStarting);
}

/** The path of a file of the journal with another number; any other path as it is. */
function numbered(path: string, number: number): string {
  return path.replace(
    /(\d+)(?=\.journal$)/,
    (digits) => `${number}`.padStart(digits.length > 1 ? 20 : 1, "0"),
  );
}

function check(outcome: Outcome, place: Place, error: ErrorCode, isStarting: boolean): Outcome {
  const expected = expectedEndings(place, error, isStarting);
  const why = `it ${outcome.ending} instead of ${expected}${isStarting ? " at its start" : ""}`;
  assert(!outcome.isReached || expected.includes(outcome.ending), why);
  return outcome;
}

/** Puts the load through until the call has failed, and then another one. */
async function work(
  server: ServerProcess,
  { load, bulk, after }: Loads,
  isInjected: () => Promise<boolean>,
): Promise<"went on"> {
  const ports = await portsOf(server);
  try {
    await passThrough(server, ports, load, bulk);
  } catch {
    // it was refused something, or has ended; if it is there, it serves others
  }
  for (let i = 0; i < MORE && !await isInjected(); i++) await putMany(ports, bulk);
  await after.run(server, ports, { rounds: 2, files: 1 });
  return "went on";
}

/** Starts a server, if it starts, of which these calls fail on these files. */
export async function startFailing(
  paths: readonly string[],
  calls: readonly string[],
  inject: readonly string[],
  data: string,
) {
  const trace = `${data}.trace`, strace = ["strace", "-f", "--seccomp-bpf", "-e", "signal=none", "-o", trace];
  const filter = [
    ...["-e", `trace=${calls.join(",")}`],
    ...paths.flatMap((path) => ["-P", `${data}${path}`]),
  ];
  const command = [
    ...strace,
    ...filter,
    ...inject.flatMap((each) => ["-e", each]),
    ...LIMITED,
    ...FROM_SOURCE,
  ];
  const isInjected = async () => (await Deno.readTextFile(trace)).includes("(INJECTED)");
  try {
    const server = await ServerProcess.start([...SERVICES, "--data", data], { command });
    return { server, isInjected, err: "" };
  } catch (error) {
    return { server: undefined, isInjected, err: (error as Error).message };
  }
}
