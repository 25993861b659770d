import { bold } from "@std/fmt/colors";
import { MAILBOX_PORT } from "../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import {
  MIN_LOAD_TEXT,
  SessionLoad,
  type SessionLoadOptions,
  type SessionLoadResult,
  type TimedLoadResult,
} from "./bench/session_load.ts";
import { write, writeError } from "../terminal/output.ts";
import { bar, Progress } from "../terminal/progress.ts";
import { onEndSignal } from "../terminal/signals.ts";
import { benchBasic } from "./bench/original.ts";
import { type Arguments, type Command, UsageError } from "./command.ts";

/** How often it is looked how far a run is, in milliseconds. */
const LOOK = 200;

/** `wirepost bench`. */
export const command: Command = {
  name: "bench",
  summary: "Measure how many messages a running server passes on.",
  usage: ["mailbox [OPTION…]"],
  about: [
    "Puts messages into mailboxes of its own, receives and acknowledges them, and then puts as many to receivers that\n" +
    "wait. A message counts as put, or as acknowledged, when the server has answered that this is on its disk; end to\n" +
    "end it takes until its receiver has it. Nothing is left in the mailboxes, also after Ctrl-C.",
    "With --basic, each message is two datagrams of the original wire to the server and one back, and nobody waits for\n" +
    "the disk. The figures are those of the server and of this program together.",
  ],
  options: {
    "server": { value: "HOST:PORT", help: "Where the server is (127.0.0.1:21001)" },
    "in-flight": { value: "N", help: "Messages on their way at a time, of all sessions together (32)" },
    "sessions": { value: "N", help: "Sessions that take turns, each with a mailbox (1)" },
    "size": { value: "BYTES", help: "Length of a message (40)" },
    "count": { value: "N", help: "Messages of a measurement (20000; with --basic 100000)" },
    "runs": { value: "N", help: "Runs, of which the medians are told (5)" },
    "basic": { help: "Measure the original wire" },
    "json": { help: "Print an object a run, with times in milliseconds" },
  },
  examples: ["wirepost bench mailbox --in-flight 256", "wirepost bench mailbox --basic --runs 3"],
  run,
};

async function run(args: Arguments): Promise<number> {
  const [service, more] = args.positionals;
  if (service !== "mailbox") throw new UsageError("Missing what to measure: mailbox");
  if (more !== undefined) throw new UsageError(`Unexpected argument '${more}'`);
  const server = { hostname: "127.0.0.1", port: MAILBOX_PORT, ...args.address("server") };
  const inFlight = args.integer("in-flight", 1, 10_000) ?? 32;
  const given = args.integer("count", 1, 10_000_000), runs = args.integer("runs", 1, 1000) ?? 5;
  const sessions = args.integer("sessions", 1, 1000),
    size = args.integer("size", MIN_LOAD_TEXT, MAX_TEXT_BYTES);
  const json = args.flag("json");
  if (args.flag("basic")) {
    for (const [name, value] of Object.entries({ sessions, size })) {
      if (value !== undefined) throw new UsageError(`--basic and --${name} exclude each other`);
    }
    return await benchBasic({ server, inFlight, count: given ?? 100_000, runs, json });
  }
  const options = { ...server, sessions: sessions ?? 1, inFlight, count: given ?? 20_000, size: size ?? 40 };
  const load = await SessionLoad.connect(options);
  await using _ = load;
  const interrupted = new Error("Interrupted");
  let failed: unknown, ended: number | undefined;
  {
    using _ = onEndSignal((code) => {
      ended ??= code;
      load.stop(interrupted);
    });
    try {
      await new SessionBench(load, options, { runs, json }).run();
    } catch (error) {
      failed = error;
    }
  }
  await clear(load, failed);
  if (failed === interrupted) return ended!;
  if (failed !== undefined) throw failed;
  return 0;
}

/** Takes out what is left, and tells what was done. */
async function clear(load: SessionLoad, failed: unknown) {
  const where = `mailboxes '${load.name}-…'`;
  let left: number | undefined, error: unknown;
  try {
    left = await load.clear();
  } catch (e) {
    error = e;
  }
  if (left !== 0) {
    await writeError(
      `wirepost bench: messages may be left in ${where}: see 'wirepost admin list' and 'clear'\n`,
    );
    if (failed === undefined && error !== undefined) throw error;
  } else if (load.removed > 0) {
    await writeError(`${load.removed} messages were put into ${where} and received again; none is left\n`);
  }
}

/** What a run measured. */
interface RunResult {
  put: TimedLoadResult;
  receive: SessionLoadResult;
  endToEnd: TimedLoadResult;
}

/** Measures, and tells what is measured at once. */
class SessionBench {
  readonly #load: SessionLoad;
  readonly #options: Omit<SessionLoadOptions, "timeout">;
  readonly #runs: number;
  readonly #json: boolean;
  readonly #progress = new Progress();

  constructor(
    load: SessionLoad,
    options: SessionLoadOptions,
    { runs, json }: { runs: number; json: boolean },
  ) {
    this.#load = load;
    this.#options = options;
    this.#runs = runs;
    this.#json = json;
  }

  async run() {
    const { sessions, inFlight, count, size } = this.#options;
    const results: RunResult[] = [];
    for (let run = 1; run <= this.#runs; run++) {
      const result: RunResult = {
        put: await this.#shown(run, "put", () => this.#load.put()),
        receive: await this.#shown(run, "receive", () => this.#load.receive()),
        endToEnd: await this.#shown(run, "end to end", () => this.#load.pass()),
      };
      results.push(result);
      if (this.#json) await write(`${JSON.stringify({ sessions, inFlight, count, size, ...result })}\n`);
      else await write(describe(result));
    }
    if (this.#json) return;
    const many = sessions === 1 ? "1 session" : `${sessions} sessions`;
    await write(`${bold("median")} of ${this.#runs}: ${many}, ${inFlight} in flight, ${size} bytes\n`);
    await write(describe({
      put: median(results.map(({ put }) => put)),
      receive: median(results.map(({ receive }) => receive)),
      endToEnd: median(results.map(({ endToEnd }) => endToEnd)),
    }));
  }

  /** Shows meanwhile how far it is. */
  async #shown<T>(run: number, what: string, measure: () => Promise<T>): Promise<T> {
    const { count } = this.#options;
    const show = () =>
      this.#progress.show(() => `run ${run} of ${this.#runs} ${bar(this.#load.done / count)} ${what}`);
    let showing = show();
    const timer = setInterval(() => showing = showing.then(show), LOOK);
    try {
      return await measure();
    } finally {
      clearInterval(timer);
      await showing;
      await this.#progress.clear();
    }
  }
}

function describe({ put, receive, endToEnd }: RunResult): string {
  return [
    `  ${line("put", put)}, ${times(put)}\n`,
    `  ${line("receive", receive)}\n`,
    `  ${line("end to end", endToEnd)}, ${times(endToEnd)}\n`,
  ].join("");
}

function line(what: string, { rate }: SessionLoadResult): string {
  return `${what.padEnd(10)} ${String(Math.round(rate)).padStart(7)} messages/s`;
}

function times({ p50, p90, p99, p999, max }: TimedLoadResult): string {
  return Object.entries({ p50, p90, p99, "p99.9": p999, max }).map(([name, ms]) =>
    `${name} ${Math.round(ms * 1000)} us`
  ).join(", ");
}

/** The median of each figure. */
function median<R extends SessionLoadResult>(results: readonly R[]): R {
  const medians = { ...results[0]! };
  for (const name of Object.keys(medians) as (keyof R)[]) {
    medians[name] = results.map((result) => result[name]).toSorted((a, b) =>
      Number(a) - Number(b)
    )[results.length >> 1]!;
  }
  return medians;
}
