/**
 * A load is a process of its own, so that it does not take the time of the others, and lives as long as its group of
 * rows, so that its code is compiled when it counts. It reads a measurement a line from its standard input, and writes
 * what it measured, a line each.
 *
 * @module
 */

/** What was measured: `rate` a second, times in milliseconds; `serverUs` and `clientUs` are of {@linkcode ProcessorTime}. */
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

/** A unit of `/proc/PID/stat`, in microseconds. */
const TICK_US = 10_000;

/** The processor time that a process has had, in microseconds; undefined where the system does not tell. */
function processorTimeUs(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // behind its name, which may have spaces
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return undefined;
  }
}

/** What a measurement costs the processors: on a busy machine that says more than its rate. */
export class ProcessorTime {
  readonly #pids: Record<string, number>;
  readonly #begin: Record<string, number | undefined>;

  /** @param server The process of the server; 0 if there is none. */
  constructor(server: number) {
    this.#pids = { serverUs: server, clientUs: Deno.pid };
    this.#begin = this.#now();
  }

  /** What each of so many messages has cost since the beginning, in microseconds. */
  each(count: number): Figures {
    const figures: Figures = {}, now = this.#now();
    for (const [name, end] of Object.entries(now)) {
      const begin = this.#begin[name];
      if (begin !== undefined && end !== undefined) figures[name] = (end - begin) / count;
    }
    return figures;
  }

  #now(): Record<string, number | undefined> {
    return Object.fromEntries(Object.entries(this.#pids).map(([name, pid]) => [name, processorTimeUs(pid)]));
  }
}

/** Percentiles of latencies in milliseconds, which are sorted. */
export function percentiles(latencies: number[] | Float64Array): Figures {
  const sorted = Float64Array.from(latencies).sort();
  if (sorted.length === 0) throw new Error("Cannot measure: nothing was answered in time");
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}
