/**
 * What the program says of itself: the overview, and the help of a command.
 *
 * @module
 */

import { bold } from "@std/fmt/colors";
import { terminalSize } from "../terminal/output.ts";
import { type Command, listedOptions, type Option } from "./command.ts";
import { TOPICS } from "./topics.ts";

/** The longest line, and the shortest width into which lines are broken, in columns. */
const MAX_COLUMNS = 100, MIN_COLUMNS = 60;

/** The columns in which help is written. */
function helpColumns(): number {
  if (!Deno.stdout.isTerminal()) return MAX_COLUMNS;
  return Math.min(Math.max(terminalSize().columns, MIN_COLUMNS), MAX_COLUMNS);
}

/** Names at the left, and what they mean beside them. */
function table(rows: readonly (readonly [string, string])[], columns: number, emphasize = false): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.flatMap(([name, text]) => {
    const padded = name.padEnd(width), indent = " ".repeat(width + 4);
    const [first = "", ...rest] = wrap(text, columns - indent.length);
    return [
      `  ${emphasize ? bold(padded) : padded}  ${first}`.trimEnd(),
      ...rest.map((line) => indent + line),
    ];
  });
}

/**
 * Lines of at most so many columns. Lines of the text that begin with a space stay lines of their own; others are joined
 * and broken anew.
 */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let isOpen = false;
  for (const line of text.split("\n")) {
    if (line.startsWith(" ")) {
      lines.push(line);
      isOpen = false;
      continue;
    }
    for (const word of line.split(" ")) {
      const last = lines.at(-1);
      if (isOpen && last !== undefined && last.length + 1 + word.length <= columns) {
        lines[lines.length - 1] = `${last} ${word}`;
      } else lines.push(word);
      isOpen = true;
    }
  }
  return lines;
}

/** The help of the program: its commands. */
export function overview(commands: readonly Command[]): string {
  const columns = helpColumns(), more = commands.filter(({ isMore }) => isMore).map(({ name }) => name);
  const rows = commands.filter(({ isMore }) => !isMore).map(({ name, summary }) => [name, summary] as const);
  return [
    "Usage: wirepost COMMAND [ARGUMENT…] [OPTION…]",
    "",
    "Keeps messages and passes them on.",
    "",
    ...table(rows, columns, true),
    "",
    ...wrap(`More: ${more.join(", ")}.`, columns),
    ...wrap(
      "'wirepost help COMMAND' shows the help of a command, 'wirepost help TOPIC' more than that: " +
        `${Object.keys(TOPICS).join(", ")}.`,
      columns,
    ),
    "",
  ].join("\n");
}

/** The help of a command. */
export function helpOf(command: Command): string {
  const columns = helpColumns(), { name, usage, about = [], words, examples } = command;
  const options: Record<string, Option> = {
    ...listedOptions(command),
    help: { help: "Show this help" },
  };
  const optionRows = Object.entries(options).map(([option, { value, help }]) =>
    [`--${option}${value ? ` ${value}` : ""}`, help] as const
  );
  const wordRows = words?.list.map(({ name, argument, help }) =>
    [`${name}${argument ? ` ${argument}` : ""}`, help] as const
  );
  return [
    ...usage.map((form, i) => `${i === 0 ? "Usage:" : "      "} wirepost ${name}${form && ` ${form}`}`),
    "",
    `${command.summary}.`,
    ...words === undefined ? [] : ["", words.heading, ...table(wordRows!, columns)],
    ...about.flatMap((paragraph) => ["", ...wrap(paragraph, columns)]),
    "",
    "Options:",
    ...table(optionRows, columns),
    "",
    examples.length > 1 ? "Examples:" : "Example:",
    ...examples.map((example) => `  ${example}`),
    "",
  ].join("\n");
}
