/**
 * Commands as they are typed at the shell's prompt: in small letters too, with `help`, `exit` and `quit`.
 *
 * @module
 */

import { FORUM_COMMANDS } from "../../../protocol/forum.ts";
import { didYouMean } from "../nearest.ts";
import { type ForumCommand, parseCommand } from "../../../protocol/forum/forum_text.ts";

/** The words behind each command. */
const USAGE = {
  LST: "",
  RDT: "TITLE",
  CRT: "TITLE",
  MSG: "TITLE TEXT",
  EDT: "TITLE NUMBER TEXT",
  DLT: "TITLE NUMBER",
  UPD: "TITLE FILE",
  DWN: "TITLE FILE",
  RMV: "TITLE",
  XIT: "",
} as const satisfies Record<(typeof FORUM_COMMANDS)[number], string>;

/** What the commands do, in 80 columns. */
export const SHELL_HELP = `Commands, in capitals or not; Tab completes them, titles and names of files:
  LST                      list the threads
  RDT TITLE                read a thread
  CRT TITLE                make a thread
  MSG TITLE TEXT           post a message
  EDT TITLE NUMBER TEXT    change your own message (NUMBER: see RDT)
  DLT TITLE NUMBER         delete your own message
  UPD TITLE FILE           upload a file
  DWN TITLE FILE           download a file to this directory
  RMV TITLE                remove a thread that you made
  XIT                      leave; so do exit, quit, Ctrl-D and Ctrl-C
TITLE and FILE have no spaces. Up and Ctrl-R bring back earlier commands.
`;

/** Other words that end it. */
const LEAVE: readonly string[] = ["EXIT", "QUIT"];

/** Words that ask for help. */
const HELP: readonly string[] = ["HELP", "?"];

/** The first words of a line that are understood. */
export const SHELL_WORDS: readonly string[] = [...FORUM_COMMANDS, "HELP", ...LEAVE];

/** A line as it was typed. */
export type TypedLine = { command: ForumCommand } | { help: true } | { error: string } | { blank: true };

/** Reads a line. */
export function parseTyped(line: string): TypedLine {
  const [, typed = "", rest = ""] = /^\s*(\S*)(.*)$/s.exec(line)!, word = typed.toUpperCase();
  if (word === "") return { blank: true };
  if (HELP.includes(word)) return { help: true };
  if (LEAVE.includes(word)) return { command: { kind: "XIT" } };
  const kind = FORUM_COMMANDS.find((name) => name === word);
  if (kind === undefined) {
    const hint = didYouMean(typed, SHELL_WORDS) || ": 'help' shows the commands";
    return { error: `Unknown command '${typed}'${hint}` };
  }
  const command = parseCommand(`${kind}${rest}`);
  if (typeof command === "string") {
    return { error: `${command}: expected ${`${kind} ${USAGE[kind]}`.trim()}` };
  }
  if (command.kind !== "UPD") return { command };
  return { command: { ...command, file: withHome(command.file) } };
}

/** The path with the user's own directory in the place of `~`, as a shell has it. */
export function withHome(path: string): string {
  const home = Deno.env.get("HOME");
  return path.startsWith("~/") && home ? home + path.slice(1) : path;
}
