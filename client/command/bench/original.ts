import { bold } from "@std/fmt/colors";
import { load, type LoadResult } from "./original_load.ts";
import { write } from "../../terminal/output.ts";
import { bar, Progress } from "../../terminal/progress.ts";

export interface BasicBenchOptions {
  server: { hostname: string; port: number };
  /** Messages that are on their way at a time. */
  inFlight: number;
  /** Messages in a run. */
  count: number;
  runs: number;
  json: boolean;
}

/** `wirepost bench mailbox` on the original wire. Returns the exit code. */
export async function benchBasic(
  { server, inFlight, count, runs, json }: BasicBenchOptions,
): Promise<number> {
  const progress = new Progress();
  const results: LoadResult[] = [];
  for (let i = 1; i <= runs; i++) {
    const result = await load({
      server: { transport: "udp", ...server },
      inFlight,
      count,
      kind: "pass",
      onProgress: (done) => progress.show(() => `run ${i} of ${runs} ${bar(done / count)}`),
    }).finally(() => progress.clear());
    results.push(result);
    if (json) await write(`${JSON.stringify({ inFlight, count, ...result })}\n`);
    else await write(`${describe(result)}\n`);
  }
  const sorted = results.toSorted((a, b) => a.rate - b.rate);
  if (!json) {
    await write(
      `${bold("median")} ${Math.round(sorted[runs >> 1]!.rate)} messages/s, ${inFlight} in flight\n`,
    );
  }
  return 0;
}

function describe({ rate, p50, p99, again }: LoadResult): string {
  const us = (ms: number) => `${Math.round(ms * 1000)} us`;
  return `${Math.round(rate)} messages/s, p50 ${us(p50)}, p99 ${us(p99)}, ${again} sent again`;
}
