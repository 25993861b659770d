/**
 * Runs one command line: finds the command, prints help and errors, and gives the exit code.
 *
 * @module
 */

import { bold, red, setColorEnabled } from "@std/fmt/colors";
import { escapeControls, isDumb, write, writeError } from "../terminal/output.ts";
import { INTERRUPTED, InterruptedError } from "../terminal/signals.ts";
import type { DataDirectoryCode } from "./data_directory.ts";
import { Arguments, asksForHelp, type Command, helpOf, UsageError } from "./command.ts";

/** The commands by their names, each loaded when it is used. */
export type Commands = Readonly<Record<string, () => Promise<Command>>>;

async function overview(all: Commands): Promise<string> {
  const commands = await Promise.all(Object.values(all).map((load) => load()));
  const width = Math.max(...Object.keys(all).map((name) => name.length));
  return [
    "Usage: wirepost COMMAND [ARG…]",
    "",
    "Keeps messages and passes them on.",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${bold(name.padEnd(width))}  ${summary}`),
    "",
    "'wirepost COMMAND --help' shows the help of a command, 'wirepost --version' the version.",
    "",
    "Example:",
    "  wirepost serve",
    "",
  ].join("\n");
}

/** Runs one command line. Returns its exit code: 0 done, 1 failed, 2 wrong usage, 3 too few messages (`receive`). */
export async function runProgram(
  commands: Commands,
  version: string,
  dataCode: DataDirectoryCode,
  args: readonly string[],
): Promise<number> {
  const [name = "--help", ...rest] = args;
  const colour = (stream: { isTerminal(): boolean }) =>
    setColorEnabled(stream.isTerminal() && !Deno.env.get("NO_COLOR") && !isDumb());
  colour(Deno.stdout);
  try {
    if (name === "--version") {
      await write(`wirepost ${version}\n`);
      return 0;
    }
    if (name === "--help" || name === "-h" || name === "help") {
      await write(await overview(commands));
      return args.length === 0 ? 2 : 0;
    }
    if (!Object.hasOwn(commands, name)) {
      throw new UsageError(`Unknown ${name.startsWith("-") ? "option" : "command"} '${name}'`);
    }
    const command = await commands[name]!();
    if (asksForHelp(rest)) {
      await write(helpOf(command));
      return 0;
    }
    return await command.run(new Arguments(command, rest, dataCode));
  } catch (thrown) {
    // the first error matters more than a later one while cleaning up
    const error = thrown instanceof SuppressedError ? thrown.suppressed : thrown;
    // nobody reads the results any more
    if (error instanceof Deno.errors.BrokenPipe) return 1;
    if (error instanceof InterruptedError) return INTERRUPTED;
    colour(Deno.stderr);
    const usage = error instanceof UsageError;
    const known = Object.hasOwn(commands, name) ? `wirepost ${name}` : "wirepost";
    await writeError(
      `${red(`${known}:`)} ${escapeControls(error instanceof Error ? error.message : `${error}`)}\n`,
    );
    if (usage) await writeError(`See '${known} --help'\n`);
    return usage ? 2 : 1;
  }
}
