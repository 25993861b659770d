import { bold } from "@std/fmt/colors";
import { report, write, writeError } from "../../terminal/output.ts";
import { bar, Progress } from "../../terminal/progress.ts";
import { onEndSignal } from "../../terminal/signals.ts";
import { type LoadResult, measureRuns, median, microseconds, type TimedLoadResult } from "./result.ts";
import { SessionLoad, type SessionLoadOptions } from "./session_load.ts";

/** How often the progress is shown. */
const PROGRESS_INTERVAL_MS = 200;

/** How long it waits after a signal for a server that does not answer. */
const END_TIMEOUT_MS = 4000;

interface SessionBenchOptions extends SessionLoadOptions {
  runs: number;
  json: boolean;
}

interface RunResult {
  put: TimedLoadResult;
  receive: LoadResult;
  endToEnd: TimedLoadResult;
}

/** `wirepost bench mailbox`: measures the reliable session, and leaves no message. Returns the exit code. */
export async function benchSession(options: SessionBenchOptions): Promise<number> {
  await using load = await SessionLoad.connect(options);
  const interrupted = new Error("Interrupted"), late = Promise.withResolvers<undefined>();
  let failure: unknown, code: number | undefined, timer: ReturnType<typeof setTimeout> | undefined;
  {
    using _ = onEndSignal((signalCode) => {
      code ??= signalCode;
      load.stop(interrupted);
      timer ??= setTimeout(() => late.resolve(undefined), END_TIMEOUT_MS);
    });
    try {
      await Promise.race([measure(load, options), late.promise.then(() => Promise.reject(interrupted))]);
    } catch (error) {
      failure = error;
    }
  }
  await clear(load, failure, late.promise);
  clearTimeout(timer);
  if (failure === interrupted) return code!;
  if (failure !== undefined) throw failure;
  return 0;
}

/** Removes the messages that are left, and reports it. When it is late, it does not wait any longer. */
async function clear(load: SessionLoad, failure: unknown, late: Promise<undefined>) {
  const mailboxes = `mailboxes '${load.name}-…'`;
  let left: number | undefined, clearError: unknown;
  try {
    left = await Promise.race([late, load.clear()]);
  } catch (error) {
    clearError = error;
  }
  if (left !== 0) {
    await report("bench", `messages may be left in ${mailboxes}: see 'wirepost admin list' and 'clear'`);
    if (failure === undefined && clearError !== undefined) throw clearError;
  } else if (load.removed > 0) {
    await writeError(
      `${load.removed} messages were put into ${mailboxes} and received again; none is left\n`,
    );
  }
}

async function measure(load: SessionLoad, options: SessionBenchOptions) {
  const { sessions, inFlight, count, size, runs, json } = options;
  const settings = { sessions, inFlight, count, size }, progress = new Progress();
  /** Shows the progress of one measurement. */
  async function withProgress<T>(run: number, name: string, measurement: () => Promise<T>): Promise<T> {
    const show = () => progress.show(() => `run ${run} of ${runs} ${bar(load.done / count)} ${name}`);
    let showing = show();
    const timer = setInterval(() => showing = showing.then(show), PROGRESS_INTERVAL_MS);
    try {
      return await measurement();
    } finally {
      clearInterval(timer);
      await showing;
      await progress.clear();
    }
  }
  const results = await measureRuns<RunResult>({
    runs,
    json,
    settings,
    describe,
    measure: async (run) => ({
      put: await withProgress(run, "put", () => load.put()),
      receive: await withProgress(run, "receive", () => load.receive()),
      endToEnd: await withProgress(run, "end to end", () => load.pass()),
    }),
  });
  if (json) return;
  const of = sessions === 1 ? "1 session" : `${sessions} sessions`;
  await write(`${bold("median")} of ${runs}: ${of}, ${inFlight} in flight, ${size} bytes\n`);
  await write(describe({
    put: median(results.map(({ put }) => put)),
    receive: median(results.map(({ receive }) => receive)),
    endToEnd: median(results.map(({ endToEnd }) => endToEnd)),
  }));
}

function describe({ put, receive, endToEnd }: RunResult): string {
  const rate = (name: string, { rate }: LoadResult) =>
    `  ${name.padEnd(10)} ${String(Math.round(rate)).padStart(7)} messages/s`;
  const times = ({ p50, p90, p99, p999, max }: TimedLoadResult) =>
    Object.entries({ p50, p90, p99, "p99.9": p999, max }).map(([name, ms]) => microseconds(name, ms)).join(
      ", ",
    );
  return `${rate("put", put)}, ${times(put)}\n` +
    `${rate("receive", receive)}\n` +
    `${rate("end to end", endToEnd)}, ${times(endToEnd)}\n`;
}
