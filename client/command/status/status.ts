import { setTimeout as pause } from "node:timers/promises";
import { formatAddress } from "../../../protocol/syntax/address.ts";
import { outputLine, write } from "../../terminal/output.ts";
import type { Control } from "../admin/lists.ts";
import {
  administration,
  ADMINISTRATOR_OPTIONS,
  DATA_OPTION,
  type DataDirectoryCode,
} from "../admin/administration.ts";
import { type Arguments, type Command, expectArguments, UsageError } from "../command.ts";
import { mailboxAddress, SERVER_OPTION } from "../options/server_option.ts";
import { readLimits, readStatus, type StatusReport } from "./report.ts";
import { INTERVAL_MS, type Look, ratesOf, watchStatus } from "./screen.ts";
import { limitsText, statusText } from "./tables.ts";

/** `wirepost status`, with the server's code that reads a data directory. */
export function statusCommand(code: DataDirectoryCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "status",
  summary: "Show what the server holds and does",
  usage: ["[OPTION…]"],
  about: [
    "Shows where each service listens, what is held, the mailboxes of the oldest messages, how many clients there are, and\n" +
    "what was refused and done since the start.",
    "Beside the server, its data directory holds its address and the secret. From elsewhere, give --server and\n" +
    "--secret-file. For scripts there is 'wirepost admin status' too: a line for each value.",
  ],
  options: {
    watch: { help: "Update it each second, with how often things happen; q or Ctrl-C ends" },
    limits: { help: "Show every limit: how much of it is used, and the option of 'serve' that changes it" },
    json: { help: "Print an object; with --watch one a second, with --limits one for each limit" },
    ...DATA_OPTION,
    ...ADMINISTRATOR_OPTIONS,
    ...SERVER_OPTION,
    timeout: { value: "DURATION", help: "How long the server may take to answer (5s)" },
  },
  examples: [
    "wirepost status",
    "wirepost status --watch",
    "wirepost status --limits",
    "wirepost status --json --server 192.168.1.7 --secret-file ./secret",
  ],
};

async function run(args: Arguments, code: DataDirectoryCode): Promise<number> {
  expectArguments(args.positionals);
  args.exclude("watch", "limits");
  const json = args.flag("json"), isTerminal = Deno.stdout.isTerminal() && Deno.stdin.isTerminal();
  if (args.flag("watch") && !json && !isTerminal) throw new UsageError("--watch needs a terminal, or --json");
  const { mailbox, secret } = await administration(args, code);
  await using _ = mailbox;
  const control: Control = (command) => mailbox.control(secret, command);
  if (args.flag("limits")) {
    const limits = await readLimits(control);
    await write(
      json ? limits.map((limit) => outputLine(JSON.stringify(limit))).join("") : limitsText(limits),
    );
    return 0;
  }
  if (!args.flag("watch")) {
    const report = await readStatus(control);
    await write(json ? jsonLine(report) : statusText(report, Date.now()));
    return 0;
  }
  // it fails at once if the server can't be reached at all
  await control("services");
  if (json) return await printEachSecond(control);
  const server = formatAddress(await mailboxAddress(args, "admin"));
  return await watchStatus({ server, read: () => readStatus(control) });
}

/** Prints an object a second, until it is stopped or nobody reads it. */
async function printEachSecond(control: Control): Promise<never> {
  let before: Look | undefined;
  for (;;) {
    const look: Look = { report: await readStatus(control), at: performance.now() };
    await write(jsonLine(look.report, { rates: ratesOf(before, look) }));
    before = look;
    await pause(INTERVAL_MS);
  }
}

function jsonLine({ values, ...report }: StatusReport, more: object = {}): string {
  const counts = Object.fromEntries(
    values.map(({ name, count, limit }) => [name, limit === undefined ? count : { count, limit }]),
  );
  return outputLine(JSON.stringify({ ...report, values: counts, ...more }));
}
