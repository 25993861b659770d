/**
 * What the fault tests share: the form in which they run, their figures and their randomness.
 *
 * @module
 */

import { runCommand } from "../program.ts";

/** Whether they run in their full form, which takes minutes: WIREPOST_FAULTS=full. */
export const FULL = Deno.env.get("WIREPOST_FAULTS") === "full";

/** Whether this is continuous integration. Nothing may be skipped there. */
export const CI = Deno.env.get("CI") === "true";

/** Prints a line of figures, whether the test passes or not. */
export function report(line: string) {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** The median. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** The seed of a random test, from WIREPOST_SEED or new, which it prints. */
export function obtainSeed(): number {
  const given = Deno.env.get("WIREPOST_SEED");
  const seed = given === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! : Number(given) >>> 0;
  report(`WIREPOST_SEED=${seed}`);
  return seed;
}

/** Whole numbers from 0 below `limit`, the same ones for the same seed: a 32-bit xorshift after Marsaglia (2003). */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed || 1;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** Resident memory of a process. */
export async function residentMiB(pid: number): Promise<number> {
  if (Deno.build.os === "linux") {
    // not every system has ps
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await Deno.readTextFile(`/proc/${pid}/status`))?.[1];
    return Number(kibibytes) / 1024;
  }
  return Number((await runCommand(["ps", "-o", "rss=", "-p", String(pid)])).out) / 1024;
}
