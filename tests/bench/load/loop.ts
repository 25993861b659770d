/**
 * A load is a process of its own, so that it does not take the time of the others, and lives as long as its group of
 * rows, so that its code is compiled when it counts. It reads a measurement a line from its standard input, and writes
 * what it measured, a line each.
 *
 * @module
 */

/** What was measured: `rate` a second, times in milliseconds. */
export type Figures = Record<string, number>;

/** What to measure, and its numbers. */
export interface Order {
  measure: string;
  [parameter: string]: string | number;
}

/** A measurement that failed. */
export interface Failure {
  error: string;
}

/** Carries out measurements until standard input ends. */
export async function carryOut(
  // deno-lint-ignore no-explicit-any -- each has its own parameters, which come as JSON
  measurements: Record<string, (parameters: any) => Promise<Figures> | Figures>,
): Promise<void> {
  const encoder = new TextEncoder();
  let text = "";
  for await (const piece of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end; (end = text.indexOf("\n")) >= 0;) {
      const { measure, ...parameters }: Order = JSON.parse(text.slice(0, end));
      text = text.slice(end + 1);
      let answer: Figures | Failure;
      try {
        const measurement = measurements[measure];
        if (measurement === undefined) throw new Error(`Cannot measure '${measure}': it is not known here`);
        answer = await measurement(parameters);
      } catch (error) {
        answer = { error: (error as Error).message };
      }
      await Deno.stdout.write(encoder.encode(`${JSON.stringify(answer)}\n`));
    }
  }
}

/** Percentiles of latencies in milliseconds, which are sorted. */
export function percentiles(latencies: number[] | Float64Array): Figures {
  const sorted = Float64Array.from(latencies).sort();
  if (sorted.length === 0) throw new Error("Cannot measure: nothing was answered in time");
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
