/**
 * `wirepost check`: reads a data directory, and says what is damaged in it.
 *
 * @module
 */

import { format as formatBytes } from "@std/fmt/bytes";
import { escapeControls, outputLine, write } from "../../terminal/output.ts";
import { DATA_OPTION, openDataDirectory } from "../admin/administration.ts";
import { type Arguments, type Command, expectArguments } from "../command.ts";

/** Something that was found. */
interface Finding {
  isDamage: boolean;
  file: string;
  place: string;
  what: string;
  todo: string;
}

/** The server's code, as `main.ts` hands it in. */
export interface CheckCode {
  checkData(
    directory: string,
    onFinding: (finding: Finding) => void,
  ): Promise<{
    damage: number;
    messages: number;
    engine: number | undefined;
    records: number;
    files: number;
    bytes: number;
  }>;
}

/** `wirepost check`, with the server's code that reads a data directory. */
export function checkCommand(code: CheckCode): Command {
  return { ...HELP, run: (args) => run(args, code) };
}

const HELP: Omit<Command, "run"> = {
  name: "check",
  summary: "Read everything that is stored, and say what is damaged",
  isMore: true,
  usage: ["[OPTION…]"],
  about: [
    "Reads the database, the journal, the forum's files and the keys of a server that does not run, or of a backup, and\n" +
    "changes nothing. For each thing that it finds it prints a line: the file, the place in it, what that means, and what\n" +
    "to do. The last line says what was read, and which version of the engine the state is at.",
    "The exit code is 1 if anything is damaged. Lines that begin with 'note' are about what is no damage: a start copes\n" +
    "with it by itself.",
  ],
  options: {
    json: { help: "Print an object a line; the last one has the figures" },
    ...DATA_OPTION,
  },
  examples: ["wirepost check", "wirepost check --data ./backup --json"],
};

async function run(args: Arguments, code: CheckCode): Promise<number> {
  expectArguments(args.positionals);
  const json = args.flag("json"), directory = await openDataDirectory(args);
  const print = json ? jsonOf : textOf;
  let printed = Promise.resolve();
  const totals = await code.checkData(directory, (finding) => {
    printed = printed.then(() => write(print(finding)));
  });
  await printed;
  const { damage, messages, engine, records, files, bytes } = totals;
  if (json) {
    await write(outputLine(JSON.stringify({ damage, messages, engine, records, files, bytes })));
    return damage > 0 ? 1 : 0;
  }
  const read = [counted(messages, "message"), counted(records, "record"), counted(files, "file")].join(", ");
  const size = formatBytes(bytes, { binary: true }).replace("kiB", "KiB");
  const version = engine === undefined ? "" : `, version ${engine} of the engine`;
  const result = damage === 0 ? "no damage" : `${counted(damage, "place")} damaged`;
  await write(`${escapeControls(directory)}: ${read}, ${size}${version}: ${result}\n`);
  return damage > 0 ? 1 : 0;
}

function jsonOf({ isDamage, ...finding }: Finding): string {
  return outputLine(JSON.stringify({ kind: isDamage ? "damage" : "note", ...finding }));
}

function textOf({ isDamage, file, place, what, todo }: Finding): string {
  const where = place === "" ? file : `${file}, ${place}`;
  return `${escapeControls(`${isDamage ? "damage" : "note"}: ${where}: ${what}; ${todo}`)}\n`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
