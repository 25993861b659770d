/**
 * What the scripts for each shell complete: commands, their options, and what may stand behind them.
 *
 * @module
 */

import { type Command, type Completion, listedOptions } from "../command.ts";
import { TOPICS } from "../topics.ts";

/** An option, with what completes its value. */
export interface OptionEntry {
  name: string;
  help: string;
  /** What the help calls its value; undefined for a flag. */
  value: string | undefined;
  completion: Completion;
}

/** A command, with what completes its arguments. */
export interface CommandEntry {
  name: string;
  summary: string;
  arguments: Completion;
  options: readonly OptionEntry[];
}

/** The table of these commands, in their order. `main.ts` has them all. */
export function completionTable(commands: readonly Command[]): CommandEntry[] {
  return commands.map(({ name, summary, options, words, completes }) => ({
    name,
    summary: oneLine(summary),
    arguments: completes ?? (words && { words: words.list.map(({ name }) => name) }),
    options: [
      ...Object.entries(listedOptions({ options })).map(([name, { value, help }]) => ({
        name,
        help: oneLine(help),
        value,
        completion: ofValue(value),
      })),
      { name: "help", help: "Show this help", value: undefined, completion: undefined },
    ],
  }));
}

/** What may stand behind `help`, beside the commands. */
export const HELP_TOPICS: readonly string[] = Object.keys(TOPICS);

/** `on|off` is two words; `FILE` and `DIR` are names of files; anything else is free text. */
function ofValue(value: string | undefined): Completion {
  if (value === undefined) return undefined;
  if (/^[a-z-]+(\|[a-z-]+)+$/.test(value)) return { words: value.split("|") };
  return value === "FILE" || value === "DIR" ? { files: true } : undefined;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").replace(/\.$/, "");
}
