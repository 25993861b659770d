import { bold } from "@std/fmt/colors";
import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";
import { write } from "../../terminal/output.ts";
import { bar, Progress } from "../../terminal/progress.ts";
import { type LoadOptions, originalLoad, type OriginalLoadResult } from "./original_load.ts";
import { measureRuns, median, microseconds } from "./result.ts";
import { benchSession } from "./session.ts";
import { MIN_LOAD_TEXT } from "./session_load.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";
import { mailboxAddress, SERVER_OPTION } from "../options/server_option.ts";

/** `wirepost bench`. */
export const command: Command = {
  name: "bench",
  summary: "Measure how many messages a running server passes on",
  isMore: true,
  usage: ["mailbox [OPTION…]"],
  words: {
    heading: "What to measure:",
    list: [{ name: "mailbox", help: "the mailbox's session or its original wire" }],
  },
  about: [
    "Puts messages into mailboxes of its own, receives and acknowledges them, and then puts as many to receivers that\n" +
    "wait. A message counts as put, or as acknowledged, when the server has answered that this is on its disk; end to\n" +
    "end it takes until its receiver has it. Nothing is left in the mailboxes, also after Ctrl-C.",
    "With --basic, each message is two datagrams of the original wire to the server and one back, without a wait for the\n" +
    "disk. The figures include the time that this program takes.",
  ],
  options: {
    ...SERVER_OPTION,
    "in-flight": { value: "N", help: "Messages on their way at a time, of all sessions together (32)" },
    "sessions": { value: "N", help: "Sessions, each with a mailbox, that take turns (1)" },
    "size": { value: "BYTES", help: "Length of a message (40)" },
    "count": { value: "N", help: "Messages of a measurement (20000; with --basic 100000)" },
    "runs": { value: "N", help: "Number of runs; their medians are printed (5)" },
    "basic": { help: "Measure the original wire" },
    "json": { help: "Print an object a run, with times in milliseconds" },
  },
  examples: ["wirepost bench mailbox --in-flight 256", "wirepost bench mailbox --basic --runs 3"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [service, ...more] = args.positionals;
  if (service !== "mailbox") throw new UsageError("Missing what to measure: mailbox");
  expectArguments(more);
  args.exclude("basic", "sessions", "size");
  const inFlight = args.integer("in-flight", 1, 10_000) ?? 32;
  const count = args.integer("count", 1, 10_000_000) ?? (args.flag("basic") ? 100_000 : 20_000);
  const runs = args.integer("runs", 1, 1000) ?? 5, json = args.flag("json");
  const sessions = args.integer("sessions", 1, 1000) ?? 1;
  const size = args.integer("size", MIN_LOAD_TEXT, MAX_TEXT_BYTES) ?? 40;
  const server = await mailboxAddress(args);
  if (!args.flag("basic")) {
    return await benchSession({ ...server, sessions, inFlight, count, size, runs, json });
  }
  await benchOriginal({ server: { transport: "udp", ...server }, inFlight, count, runs, json });
  return 0;
}

/** `wirepost bench mailbox --basic`: measures the original wire. */
async function benchOriginal(
  { server, inFlight, count, runs, json }: Pick<LoadOptions, "server" | "inFlight" | "count"> & {
    runs: number;
    json: boolean;
  },
) {
  const progress = new Progress();
  const measure = (run: number) =>
    originalLoad({
      server,
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
