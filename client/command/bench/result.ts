/**
 * What a measurement gives, and how the results of several runs are printed.
 *
 * @module
 */

import { write } from "../../terminal/output.ts";

/** Times are in milliseconds. */
export interface LoadResult {
  /** From the first request to the last answer. */
  elapsed: number;
  /** Messages a second. */
  rate: number;
}

/** With percentiles of the latencies: half of them are at most `p50`, 999 of 1,000 at most `p999`. */
export interface TimedLoadResult extends LoadResult {
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** @param latencies One for each message; they are sorted. */
export function timedResult(latencies: Float64Array, elapsed: number): TimedLoadResult {
  latencies.sort();
  const count = latencies.length;
  const at = (part: number) => latencies[Math.min(count - 1, Math.floor(count * part))]!;
  const [p50, p90, p99, p999, max] = [at(0.5), at(0.9), at(0.99), at(0.999), at(1)];
  return { elapsed, rate: count / elapsed * 1000, p50, p90, p99, p999, max };
}

/** The median of each figure. */
export function median<R extends LoadResult>(results: readonly R[]): R {
  const medians = { ...results[0]! };
  for (const name of Object.keys(medians) as (keyof R)[]) {
    const sorted = results.map((result) => result[name]).toSorted((a, b) => Number(a) - Number(b));
    medians[name] = sorted[sorted.length >> 1]!;
  }
  return medians;
}

export function microseconds(name: string, ms: number): string {
  return `${name} ${Math.round(ms * 1000)} us`;
}

/** Measures several runs, and prints each: as JSON with `settings`, or described. */
export async function measureRuns<R extends object>(
  { runs, json, settings, measure, describe }: {
    runs: number;
    json: boolean;
    settings: object;
    measure(run: number): Promise<R>;
    describe(result: R): string;
  },
): Promise<R[]> {
  const results: R[] = [];
  for (let run = 1; run <= runs; run++) {
    const result = await measure(run);
    results.push(result);
    await write(json ? `${JSON.stringify({ ...settings, ...result })}\n` : describe(result));
  }
  return results;
}
