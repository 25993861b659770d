/**
 * Writes the manual page to standard output, from the tables that help and completions are made from.
 *
 * `deno run --allow-read --allow-env .package/man.ts DATE > wirepost.1`; DATE is that of the version, `2026-01-31`.
 *
 * @module
 */

import { type Command, listedOptions, type Option } from "../client/command/command.ts";
import { loadCommands } from "../client/command/program.ts";
import { TOPICS } from "../client/command/topics.ts";
import config from "../deno.json" with { type: "json" };
import { COMMANDS } from "../main.ts";

/** Text in roff: nothing in it is a request or an escape, and `-` is the one that people type. */
export function roff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/gm, "\\&");
}

/** A name, and what it means beside it. */
function entry(name: string, text: string): string {
  return `.TP\n.B ${roff(name)}\n${roff(text)}\n`;
}

/** Lines that stay as they are. */
function lines(text: string): string {
  return `.RS 4\n.EX\n${roff(text)}\n.EE\n.RE\n`;
}

/** A paragraph of a command's help: its lines that begin with a space are kept, the others filled. */
function paragraph(text: string): string {
  const parts = text.split(/\n(?= )|(?<=^ .*)\n(?! )/m);
  return ".PP\n" +
    parts.map((part) => part.startsWith(" ") ? lines(part.trim()) : `${roff(part)}\n`).join("");
}

function section(command: Command): string {
  const { name, usage, summary, words, about = [], examples } = command;
  const options: Record<string, Option> = { ...listedOptions(command), help: { help: "Show this help" } };
  const withValue = (name: string, value: string | undefined) =>
    value === undefined ? name : `${name} ${value}`;
  return [
    `.SS ${roff(name)}\n`,
    `.SY wirepost\n`,
    usage.map((form) => `${roff(`${name} ${form}`.trim())}\n`).join(".br\n"),
    ".YS\n",
    `${roff(summary)}.\n`,
    ...about.map(paragraph),
    ...words === undefined ? [] : [
      `.PP\n${roff(words.heading)}\n`,
      ...words.list.map(({ name, argument, help }) => entry(withValue(name, argument), help)),
    ],
    ".PP\nOptions:\n",
    ...Object.entries(options).map(([name, { value, help }]) => entry(withValue(`--${name}`, value), help)),
    ".PP\nExamples:\n",
    lines(examples.join("\n")),
  ].join("");
}

/** The whole page. `topics` are the texts of `wirepost help TOPIC`. */
export function manual(commands: readonly Command[], topics: readonly string[], date: string): string {
  return [
    `.TH WIREPOST 1 ${date} "Wirepost ${config.version}" "User Commands"\n`,
    ".SH NAME\nwirepost \\- keeps messages and passes them on\n",
    ".SH SYNOPSIS\n.SY wirepost\n.I COMMAND\n[\\fIARGUMENT\\fR.\\|.\\|.]\n[\\fIOPTION\\fR.\\|.\\|.]\n.YS\n",
    ".SH DESCRIPTION\n",
    roff(
      "A server and client for messages over plain sockets: mailboxes over UDP, channels in frames and a room of lines " +
        "over TCP, and a forum with files. What was acknowledged is on disk.",
    ),
    "\n.SH COMMANDS\n",
    ...commands.map(section),
    ...topics.map((text) => {
      const [title = "", ...rest] = text.trimEnd().split("\n");
      return `.SH ${roff(title.split(":")[0]!)}\n${lines(rest.join("\n").replace(/^\n/, ""))}`;
    }),
  ].join("");
}

if (import.meta.main) {
  const topics = Object.keys(TOPICS).map((topic) =>
    Deno.readTextFile(new URL(`../client/command/topics/${topic}.txt`, import.meta.url))
  );
  const [date = ""] = Deno.args;
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) throw new Error("Expected the date of the version, YYYY-MM-DD");
  const text = manual(await loadCommands(COMMANDS), await Promise.all(topics), date);
  await Deno.stdout.write(new TextEncoder().encode(text));
}
