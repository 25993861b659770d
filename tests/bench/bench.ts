/**
 * Measures Wirepost beside what else is installed: `deno task bench --help`.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { FROM_SOURCE, runCommand } from "../program.ts";
import { measureGroup, type Settings } from "./measure.ts";
import { findPeer, type PeerName } from "./peers.ts";
import { conclusion, describe, heading, type Report, sumUp } from "./report.ts";
import { GROUPS, selected } from "./rows.ts";
import type { Version } from "./subject.ts";

const HELP = `Usage: deno task bench [ROW…] [OPTION…]

Measures Wirepost beside Redis, JetStream, beanstalkd, nats-server, ncat, and servers in Python and of node:http:
those that are installed. Each system is measured in turn, round by round; the table has medians.

A ROW is a group, or one of its rows: put, put/32. Without one, all are measured.

  --list                 Print the rows
  --rounds N             Rounds (3)
  --seconds N            Time of a measurement (0.5)
  --latency-seconds N    The same for the rows of 'latency' (2)
  --alone                Measure nothing beside Wirepost
  --program PATH         Measure this compiled program, with the client library of this checkout
  --checkout DIR         Measure another checkout beside this one
  --json                 Print an object a line: the machine, then each row
`;

const ROOT = new URL("../../", import.meta.url).pathname.slice(0, -1);

/** Clears the line of progress on a terminal. */
const CLEAR_LINE = "\r\x1b[K";

/** Load average over which figures mean little. */
const MAX_LOAD = 0.5;

const encoder = new TextEncoder();
const print = (text: string) => Deno.stdout.write(encoder.encode(text));
const printError = (text: string) => Deno.stderr.write(encoder.encode(text));

/** What it started ends with it. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A signal came. */
class InterruptedError extends Error {}

/** The usage is wrong. */
class UsageError extends Error {}

interface Options {
  rows: string[];
  rounds: number;
  ms: number;
  latencyMs: number;
  isAlone: boolean;
  isJson: boolean;
  isList: boolean;
  isHelp: boolean;
  program?: string;
  checkout?: string;
}

function parse(args: string[]): Options {
  const { _, ...values } = parseArgs(args, {
    string: ["_", "rounds", "seconds", "latency-seconds", "program", "checkout"],
    boolean: ["alone", "json", "list", "help"],
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) throw new UsageError(`Unknown option ${arg}`);
      return true;
    },
  });
  const number = (name: string, fallback: number) => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (!(value > 0)) {
      throw new UsageError(`Cannot use '${values[name]}' as --${name}: expected a number over 0`);
    }
    return value;
  };
  const ids = GROUPS.flatMap(({ name, rows }) => [name, ...rows.map((row) => `${name}/${row.name}`)]);
  const unknown = _.find((row) => !ids.includes(row));
  if (unknown !== undefined) throw new UsageError(`Unknown row '${unknown}': see --list`);
  return {
    rows: _,
    rounds: Math.ceil(number("rounds", 3)),
    ms: number("seconds", 0.5) * 1000,
    latencyMs: number("latency-seconds", 2) * 1000,
    isAlone: values.alone === true,
    isJson: values.json === true,
    isList: values.list === true,
    isHelp: values.help === true,
    ...typeof values.program === "string" ? { program: values.program } : {},
    ...typeof values.checkout === "string" ? { checkout: values.checkout } : {},
  };
}

/** The commit of a checkout; its path if it has none. */
async function commitOf(checkout: string): Promise<string> {
  const { out } = await runCommand(["git", "-C", checkout, "describe", "--always", "--dirty"])
    .catch(() => ({ out: "" }));
  return out.trim() || checkout;
}

/** The versions of Wirepost that are measured, the one that counts first. */
async function versions({ program, checkout }: Options): Promise<Version[]> {
  const command = program === undefined ? FROM_SOURCE : [await Deno.realPath(program)];
  const from = program ?? await commitOf(ROOT);
  const all: Version[] = [{ title: "Wirepost", from, command, checkout: ROOT }];
  if (checkout !== undefined) {
    const directory = await Deno.realPath(checkout),
      other = [...FROM_SOURCE.slice(0, -1), `${directory}/main.ts`];
    const from = await commitOf(directory);
    all.push({ title: "Wirepost --checkout", from, command: other, checkout: directory });
  }
  return all;
}

/** The peers that can be measured, and a line about each that can't. */
async function findPeers(
  names: ReadonlySet<PeerName>,
): Promise<{ peers: PeerName[]; titles: string[]; missing: string[] }> {
  const peers: PeerName[] = [], titles: string[] = [], missing: string[] = [];
  for (const name of names) {
    const found = await findPeer(name);
    if ("missing" in found) missing.push(found.missing);
    else peers.push(name), titles.push(found.title);
  }
  return { peers, titles, missing };
}

async function run(options: Options): Promise<number> {
  const groups = selected(options.rows), isTerminal = Deno.stderr.isTerminal();
  const names = new Set(groups.flatMap(({ peers }) => Object.keys(peers) as PeerName[]));
  const { peers, titles, missing } = await findPeers(options.isAlone ? new Set() : names);
  const directory = await Deno.makeTempDir({ prefix: "wirepost-bench-" });
  const stop = new AbortController(), interrupt = () => stop.abort(new InterruptedError());
  for (const signal of SIGNALS) Deno.addSignalListener(signal, interrupt);
  const { signal } = stop;
  const all = await versions(options),
    settings: Settings = { ...options, versions: all, peers, directory, signal };
  const cores = navigator.hardwareConcurrency, load = Deno.loadavg().map((one) => Number(one.toFixed(2)));
  const { rounds } = options, system = `${Deno.build.os} ${Deno.build.arch}`;
  if (options.isJson) {
    const compared = { versions: all.map(({ from }) => from), peers: titles, rounds };
    const machine = { cores, load, system, deno: Deno.version.deno, directory, ...compared };
    await print(`${JSON.stringify(machine)}\n`);
  } else {
    await print(
      `${cores} cores, load average ${
        load.join(" ")
      }, ${system}, Deno ${Deno.version.deno}\nFiles in ${directory}\n` +
        all.map(({ title, from }) => `${title}: ${from}\n`).join("") +
        (titles.length > 0 ? `Beside ${titles.join(", ")}\n` : "") +
        `Medians of ${rounds} round${
          rounds === 1 ? "" : "s"
        }; server and client: microseconds of processor time for each message;\n` +
        "ratio: Wirepost to this one; *: the best of the others\n",
    );
  }
  for (const line of missing) await printError(`${line}\n`);
  if (load[0]! > MAX_LOAD) await printError("The machine is not quiet: the figures mean little\n");
  const reports: Report[] = [];
  try {
    for (const group of groups) {
      if (!options.isJson) await print(heading(group));
      const notify = async (what: string, isProgress: boolean) => {
        if (!isProgress) await printError(`${isTerminal ? CLEAR_LINE : ""}${what}\n`);
        else if (isTerminal) await printError(`${CLEAR_LINE}${what}`);
      };
      for await (const result of measureGroup(group, settings, notify)) {
        const report = sumUp(result, reports);
        reports.push(report);
        if (isTerminal) await printError(CLEAR_LINE);
        await print(options.isJson ? `${JSON.stringify(report)}\n` : describe(report));
      }
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
    for (const signal of SIGNALS) Deno.removeSignalListener(signal, interrupt);
  }
  if (!options.isJson && !options.isAlone) await print(conclusion(reports));
  return reports.some(({ systems }) => systems[0]?.failure !== undefined) ? 1 : 0;
}

async function list() {
  for (const { name, title, rows } of GROUPS) {
    await print(`${name.padEnd(22)}${title}\n`);
    for (const row of rows) await print(`  ${`${name}/${row.name}`.padEnd(20)}${row.what}\n`);
  }
}

try {
  const options = parse(Deno.args);
  if (options.isHelp) await print(HELP);
  else if (options.isList) await list();
  else Deno.exitCode = await run(options);
} catch (error) {
  if (error instanceof InterruptedError) Deno.exit(130);
  if (!(error instanceof UsageError)) throw error;
  await printError(`bench: ${error.message}\n`);
  Deno.exitCode = 2;
}
