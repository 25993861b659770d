/**
 * Runs one command line: finds the command, prints help and errors, and gives the exit code.
 *
 * @module
 */

import { red, setColorEnabled } from "@std/fmt/colors";
import { escapeControls, isDumb, write, writeError } from "../terminal/output.ts";
import { INTERRUPTED, InterruptedError } from "../terminal/signals.ts";
import { Arguments, asksForHelp, type Command, UsageError } from "./command.ts";
import type { DataDirectoryCode } from "./data/data_directory.ts";
import { helpOf, overview } from "./help.ts";
import { describeHere } from "./here.ts";
import { didYouMean, nearest } from "./nearest.ts";
import { topicText } from "./topics.ts";

/** The commands by their names, in the order of the help, each loaded when it is used. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

/** What `main.ts` is made of. */
export interface Program {
  version: string;
  commands: Commands;
  dataCode: DataDirectoryCode;
}

/** Every command, with its options and arguments: the table from which help and completions are made. */
export function loadCommands(commands: Commands): Promise<Command[]> {
  return Promise.all(Object.values(commands).map((load) => load()));
}

/** Runs one command line. Returns its exit code: 0 done, 1 failed, 2 wrong usage, 3 too few messages (`receive`). */
export async function runProgram(program: Program, args: readonly string[]): Promise<number> {
  const [name = ""] = args, isCommand = Object.hasOwn(program.commands, name);
  colour(Deno.stdout);
  try {
    return await runCommandLine(program, args);
  } catch (thrown) {
    // the first error matters more than a later one while cleaning up
    const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
    // nobody reads the results any more
    if (error instanceof Deno.errors.BrokenPipe) return 1;
    if (error instanceof InterruptedError) return INTERRUPTED;
    colour(Deno.stderr);
    const known = isCommand ? `wirepost ${name}` : "wirepost",
      begin = isForJournal(args) ? JOURNAL_ERROR : "";
    const message = escapeControls(error instanceof Error ? error.message : `${error}`);
    await writeError(`${begin}${red(`${known}:`)} ${message}\n`);
    if (!(error instanceof UsageError)) return 1;
    await writeError(`${begin}See '${known} --help'\n`);
    return 2;
  }
}

/** What systemd's journal takes for the level of an error in front of a line (sd-daemon(3)). */
const JOURNAL_ERROR = "<3>";

/** Whether the command line says that the log is read by systemd's journal, also where the rest of it can't be used. */
function isForJournal(args: readonly string[]): boolean {
  return / --log[ =]journal( |$)/.test(` ${args.join(" ")}`);
}

/** Colour is for people at a terminal. */
function colour(stream: { isTerminal(): boolean }) {
  setColorEnabled(stream.isTerminal() && !Deno.env.get("NO_COLOR") && !isDumb());
}

/**
 * Runs one command line, and returns its exit code.
 *
 * @throws {UsageError} The command line is wrong.
 * @throws {Error} Why it failed.
 */
export async function runCommandLine(program: Program, args: readonly string[]): Promise<number> {
  const { commands, version, dataCode } = program, [name, ...rest] = args;
  switch (name) {
    case undefined:
      await write(`${await describeHere(dataCode)}\n${overview(await loadCommands(commands))}`);
      return 0;
    case "--version":
    case "-v":
      await write(`wirepost ${version}\n`);
      return 0;
    case "--help":
    case "-h":
    case "help":
      await write(await help(commands, rest));
      return 0;
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load === undefined) throw await unknown(name, commands);
  const command = await load();
  if (asksForHelp(rest)) {
    await write(helpOf(command));
    return 0;
  }
  return await command.run(new Arguments(command, rest, dataCode));
}

/** The help of a command, the text of a topic, or the overview if neither is named. */
async function help(commands: Commands, args: readonly string[]): Promise<string> {
  const [about, more] = args.filter((arg) => arg !== "--help" && arg !== "-h");
  if (more !== undefined) throw new UsageError(`Unexpected argument '${more}'`);
  if (about === undefined) return overview(await loadCommands(commands));
  const load = Object.hasOwn(commands, about) ? commands[about] : undefined;
  if (load !== undefined) return helpOf(await load());
  return await topicText(about, Object.keys(commands), () => withinCommand(about, commands));
}

async function unknown(name: string, commands: Commands): Promise<UsageError> {
  if (!name.startsWith("-")) {
    const known = [...Object.keys(commands), "help", "--version"];
    const hint = await withinCommand(name, commands) ?? didYouMean(name, known);
    return new UsageError(`Unknown command '${name}'${hint}`);
  }
  const option = nearest(name.replace(/^-+/, ""), ["help", "version"]);
  return new UsageError(`Unknown option '${name}'${option ? `: did you mean '--${option}'?` : ""}`);
}

const OR = new Intl.ListFormat("en-GB", { type: "disjunction" });

/** Names the commands that have this word as one of theirs, such as `admin` for `stop`. */
async function withinCommand(word: string, commands: Commands): Promise<string | undefined> {
  const known = await loadCommands(commands);
  const within = known.filter(({ words }) => words?.list.some(({ name }) => name === word));
  return within.length === 0
    ? undefined
    : `: did you mean ${OR.format(within.map(({ name }) => `'wirepost ${name} ${word}'`))}?`;
}
