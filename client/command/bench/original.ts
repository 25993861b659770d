import { bold } from "@std/fmt/colors";
import { write } from "../../terminal/output.ts";
import { bar, Progress } from "../../terminal/progress.ts";
import { type LoadOptions, originalLoad, type OriginalLoadResult } from "./original_load.ts";
import { measureRuns, median, microseconds } from "./result.ts";

export interface OriginalBenchOptions extends Pick<LoadOptions, "inFlight" | "count"> {
  server: { hostname: string; port: number };
  runs: number;
  json: boolean;
}

/** `wirepost bench mailbox --basic`: measures the original wire. */
export async function benchOriginal({ server, inFlight, count, runs, json }: OriginalBenchOptions) {
  const progress = new Progress();
  const measure = (run: number) =>
    originalLoad({
      server: { transport: "udp", ...server },
      inFlight,
      count,
      kind: "pass",
      onProgress: (done) => progress.show(() => `run ${run} of ${runs} ${bar(done / count)}`),
    }).finally(() => progress.clear());
  const results = await measureRuns({ runs, json, settings: { inFlight, count }, measure, describe });
  if (json) return;
  await write(
    `${bold("median")} ${Math.round(median(results).rate)} messages/s, ${inFlight} in flight\n`,
  );
}

function describe({ rate, p50, p99, resent }: OriginalLoadResult): string {
  const times = `${microseconds("p50", p50)}, ${microseconds("p99", p99)}`;
  return `${Math.round(rate)} messages/s, ${times}, ${resent} sent again\n`;
}
