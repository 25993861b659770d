/** Runs a target: in the full form for minutes, guided by coverage; in the short form so many inputs, the same each time. */

import { cpuUsage } from "node:process";
import { Random } from "../../../simulation/random.ts";
import { corpusLine, readCorpus } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import { mutate } from "./mutate.ts";
import { type Bytes, bytesOf, type Target } from "./target.ts";

/** Inputs after which coverage is looked at: to take it costs as much as many inputs of a decoder. */
const BATCH = 64;

/** Tries to make an input that fails shorter. */
const MAX_TRIES = 2000;

/** Runs of an input that took too long: only if all of them do, it is a fault and not the machine. */
const TIMED_RUNS = 5;

/** An input on which a target failed. */
export class FoundFault extends Error {
  override name = "FoundFault";

  constructor(readonly target: string, readonly input: Bytes, seed: number, override readonly cause: Error) {
    super(
      `${target}: ${cause.message}\nseed ${seed}; the input, for corpus/${target}.jsonl:\n${
        corpusLine(input)
      }\n` +
        `${cause.stack}`,
    );
  }
}

/** What a run has done. */
export interface Figures {
  inputs: number;
  /** Inputs that reached something new. */
  kept: number;
  reached: number;
  known: number;
}

/** The inputs of the corpus, and those that the target begins with. */
export function seedsOf(target: Target): Bytes[] {
  return [...target.seeds.map(bytesOf), ...readCorpus(target.name)];
}

/**
 * Takes all of the corpus, and inputs that are made of it.
 *
 * @throws {FoundFault}
 */
export async function runShort(target: Target, seed: number, inputs = target.shortInputs): Promise<number> {
  const random = new Random(seed), seeds = seedsOf(target);
  const attempt = (input: Bytes) => check(target, input, seed);
  for (const input of seeds) await attempt(input);
  for (let i = 0; i < inputs; i++) {
    const pick = () => seeds[random.between(0, seeds.length - 1)]!;
    await attempt(mutate(target, pick(), pick(), random));
  }
  await target.end?.();
  return seeds.length + inputs;
}

/** @throws {FoundFault} */
async function check(target: Target, input: Bytes, seed: number) {
  const error = await failure(target, input);
  if (error !== undefined) {
    throw new FoundFault(target.name, await minimised(target, input, error), seed, error);
  }
}

/** What the target throws. */
async function failure(target: Target, input: Bytes): Promise<Error | undefined> {
  try {
    // a copy: a target must not keep or change what it is given
    const done = target.run(input.slice());
    if (done !== undefined) await done;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(`${error} was thrown`);
  }
}

/** A shorter input that fails in the same place. */
async function minimised(target: Target, input: Bytes, error: Error): Promise<Bytes> {
  const place = placeOf(error);
  let best = input, tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && tries < MAX_TRIES;) {
      const shorter = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)]);
      tries++;
      const other = await failure(target, shorter);
      if (other !== undefined && placeOf(other) === place) best = shorter;
      else at += size;
    }
  }
  return best;
}

/** Where an error comes from: its class and the first line of its stack that is a place. */
function placeOf(error: Error): string {
  const places = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  const own = places.find((line) => !line.includes("/fuzz/engine/"));
  return `${error.name} ${own ?? error.message}`;
}

/**
 * Runs for so long.
 *
 * @throws {FoundFault}
 */
export class Fuzzer {
  readonly #target: Target;
  readonly #seed: number;
  readonly #random: Random;
  readonly #coverage: Coverage;
  /** What reached something new when it was run alone. */
  readonly corpus: Bytes[] = [];
  #inputs = 0;

  private constructor(target: Target, seed: number, coverage: Coverage) {
    this.#target = target;
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#coverage = coverage;
  }

  static async start(target: Target, seed: number): Promise<Fuzzer> {
    return new Fuzzer(target, seed, await Coverage.start(target.covers));
  }

  get figures(): Figures {
    return { inputs: this.#inputs, kept: this.corpus.length, ...this.#coverage.blocks };
  }

  async run(ms: number): Promise<void> {
    const end = performance.now() + ms, batch = this.#target.line === undefined ? BATCH : 1;
    // the shortest first: of two that reach the same it is kept
    for (const input of seedsOf(this.#target).sort((a, b) => a.length - b.length)) await this.#alone(input);
    while (performance.now() < end) {
      const inputs = Array.from({ length: batch }, () => this.#next());
      if (batch === 1) {
        await this.#alone(inputs[0]!);
        continue;
      }
      for (const input of inputs) await this.#try(input);
      if (await this.#coverage.isNew(false)) await this.#findNew(inputs);
    }
    await this.#target.end?.();
    this.#coverage[Symbol.dispose]();
    if (this.#target.isLinear) await this.#measureGrowth();
  }

  /** A new input of one of the corpus: those that came last are taken more often. */
  #next(): Bytes {
    const { corpus } = this, random = this.#random;
    const pick = () => {
      const last = corpus.length - 1;
      return corpus[
        random.chance(0.3) ? last - Math.min(last, random.between(0, 15)) : random.between(0, last)
      ] ??
        new Uint8Array();
    };
    return mutate(this.#target, pick(), pick(), random);
  }

  async #try(input: Bytes) {
    this.#inputs++;
    const begin = performance.now();
    await check(this.#target, input, this.#seed);
    if (performance.now() - begin > this.#target.maxMs) await this.#checkTime(input);
  }

  /** Runs an input alone, and keeps it if it reaches something new. */
  async #alone(input: Bytes) {
    await this.#try(input);
    if (await this.#coverage.isNew(true)) this.corpus.push(input);
  }

  /** Which of a batch reached what is new: what they share is found with the first of them, so it is enough to keep one. */
  async #findNew(inputs: readonly Bytes[]) {
    const before = this.corpus.length;
    for (const input of inputs) await this.#alone(input);
    // what reached it depended on the inputs before: it is not found again
    if (this.corpus.length === before) return;
  }

  async #checkTime(input: Bytes) {
    const ms = await fastest(this.#target, input);
    const { maxMs, name } = this.#target;
    if (ms <= maxMs) return;
    const error = new Error(`it took ${ms.toFixed(0)} ms for ${input.length} bytes: more than ${maxMs} ms`);
    throw new FoundFault(name, input, this.#seed, error);
  }

  /** Repeats pieces of inputs until they are long: four times the length takes about four times the time. */
  async #measureGrowth() {
    const every = Math.ceil(this.corpus.length / MAX_MEASURED);
    for (const input of this.corpus.filter((_, i) => i % every === 0)) {
      for (const make of GROWTHS) {
        const short = make(input, SHORT_BYTES), long = make(input, 4 * SHORT_BYTES);
        let times: [before: number, after: number] = [0, 0];
        // the machine may have had something else to do
        for (let i = 0; i < MEASURES; i++) {
          const runs = i === 0 ? 1 : TIMED_RUNS;
          times = [await fastest(this.#target, short, runs), await fastest(this.#target, long, runs)];
          if (times[1] < this.#target.maxMs || times[1] < MAX_GROWTH * times[0]) break;
          if (i < MEASURES - 1) continue;
          const [before, after] = times.map((ms) => ms.toFixed(1));
          const error = new Error(`${short.length} bytes took ${before} ms, and ${long.length} ${after}`);
          throw new FoundFault(this.#target.name, long, this.#seed, error);
        }
      }
    }
  }
}

/** Bytes of an input that is measured, and how much longer one of four times that may take. Squared it would be 16. */
const SHORT_BYTES = 32_768, MAX_GROWTH = 9;

/** How often it is measured, and how many inputs. */
const MEASURES = 4, MAX_MEASURED = 24;

const repeated = (bytes: Bytes, count: number): Bytes => {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
};

/** How an input is lengthened: the whole, its first half, its last half, and its last character repeated. */
const GROWTHS: readonly ((input: Bytes, bytes: number) => Bytes)[] = [
  (input, bytes) => repeated(input, Math.ceil(bytes / Math.max(1, input.length))),
  (input, bytes) =>
    joined(
      repeated(input.subarray(0, (input.length >> 1) + 1), grow(input, bytes)),
      input.subarray((input.length >> 1) + 1),
    ),
  (input, bytes) =>
    joined(
      input.subarray(0, input.length >> 1),
      repeated(input.subarray(input.length >> 1), grow(input, bytes)),
    ),
  (input, bytes) => joined(input, repeated(input.subarray(-1), bytes)),
];

function grow(input: Bytes, bytes: number): number {
  return Math.ceil(2 * bytes / Math.max(1, input.length));
}

function joined(a: Bytes, b: Bytes): Bytes {
  return new Uint8Array([...a, ...b]);
}

/**
 * The least time of a few runs, in milliseconds that the process had a processor: the machine may have much else to do. What
 * it throws counts for nothing here.
 */
async function fastest(target: Target, input: Bytes, runs = TIMED_RUNS): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < runs; i++) {
    const begin = cpuUsage();
    await failure(target, input);
    const { user, system } = cpuUsage(begin);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}
