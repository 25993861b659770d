/**
 * Fuzzes one target: `deno run … process.ts NAME MINUTES SEED [DIRECTORY]`. The last line that it prints is its figures as
 * JSON. With a directory, the inputs that reached something new are written there, as the corpus would have them.
 *
 * @module
 */

import { TARGETS } from "../targets/targets.ts";
import { writeCorpus } from "./corpus.ts";
import { FoundFault, Fuzzer } from "./fuzzer.ts";
import { bytesOf } from "./target.ts";
import { report } from "../../form.ts";

/** Bytes by which the heap may grow from the first third of a run to its end, beside what the corpus has. */
const MAX_GROWTH_BYTES = 48 * 1024 * 1024;

const [name, minutes, seed, directory] = Deno.args;
const target = TARGETS.find((target) => target.name === name);
if (target === undefined) {
  throw new Error(`No target is called ${name}: ${TARGETS.map(({ name }) => name).join(" ")}`);
}

/** What is alive of the heap. */
function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Deno.memoryUsage().heapUsed;
}

const fuzzer = await Fuzzer.start(target, Number(seed)), third = Number(minutes) * 60_000 / 3;
let heap = Infinity;
setTimeout(() => heap = heapBytes(), third);
let fault: string | undefined;
try {
  await fuzzer.run(3 * third);
  const now = heapBytes();
  if (now - heap > MAX_GROWTH_BYTES) fault = `the heap grew from ${heap} to ${now} bytes`;
} catch (error) {
  if (!(error instanceof FoundFault)) throw error;
  fault = error.message;
}
if (directory !== undefined) {
  // those that the target begins with stand in its file
  const seeds = new Set(target.seeds.map((seed) => bytesOf(seed).toBase64()));
  writeCorpus(directory, target.name, fuzzer.corpus.filter((input) => !seeds.has(input.toBase64())));
}
const { inputs, kept, reached, known } = fuzzer.figures;
report(`${name}: ${inputs} inputs, ${kept} kept, ${reached} of ${known} blocks reached`);
if (fault !== undefined) report(fault);
Deno.exit(fault === undefined ? 0 : 1);
