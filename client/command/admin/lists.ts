/**
 * The commands of `wirepost admin` whose answers take several datagrams.
 *
 * @module
 */

import { bold, dim } from "@std/fmt/colors";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { split } from "../../../protocol/syntax/fields.ts";
import { escapeControls, outputLine, write } from "../../terminal/output.ts";
import { type Control, pagesOf, skipping, timeIn, unreadable } from "./pages.ts";

export type { Control } from "./pages.ts";

/** A list whose rows are a word and a name. */
interface List {
  /** How many arguments the command has. */
  arguments: number;
  heading: string;
  row(word: string, name: string): string;
  json(word: string, name: string): Record<string, string | number>;
  /** The command for the first page, and for the page behind `lastName`, after `rows` rows. */
  page(argument: string, rows: number, lastName?: string): string;
}

const countRow = (count: string, name: string) => `${escapeControls(count).padStart(8)}  ${name}`;

export const LISTS: Readonly<Record<string, List>> = {
  list: {
    arguments: 0,
    heading: "messages  mailbox",
    row: (messages, id) => countRow(messages, mailboxName(id)),
    json: (messages, mailbox) => ({ mailbox, messages: Number(messages) }),
    page: (_, rows, lastName) => rows === 0 ? "list" : `list, ${lastName}`,
  },
  channels: {
    arguments: 0,
    heading: " members  channel",
    row: (members, channel) => countRow(members, escapeControls(channel)),
    json: (members, channel) => ({ channel, members: Number(members) }),
    page: (_, rows, lastName) => rows === 0 ? "channels" : `channels, ${lastName}`,
  },
  members: {
    arguments: 1,
    heading: "address                name",
    row: (address, name) => `${escapeControls(address).padEnd(21)}  ${escapeControls(name)}`,
    json: (address, name) => ({ name, address }),
    page: (channel, rows) => `members, ${rows}, ${channel}`,
  },
};

/** Prints a list. */
export async function printList(control: Control, list: List, argument: string, json: boolean) {
  let isFirst = !json;
  const next = (page: string[], rows: number) => list.page(argument, rows, parseRow(page.at(-1)!).name);
  for await (const page of pagesOf(control, list.page(argument, 0), next)) {
    if (isFirst) await write(`${bold(list.heading)}\n`);
    isFirst = false;
    for (const { word, name } of page.map(parseRow)) {
      await write(json ? jsonLine(list.json(word, name)) : `${list.row(word, name)}\n`);
    }
  }
}

function parseRow(row: string) {
  const [word = "", ...rest] = row.split(" ");
  return { word, name: rest.join(" ") };
}

/** Prints what the server holds and has done. */
export async function printStatus(control: Control, json: boolean) {
  for await (const fields of pagesOf(control, ...skipping("status"))) {
    if (json) await write(fields.map(metricJson).join(""));
    else await printFields(fields);
  }
}

/** A metric has a name of several words, and a value of one; but the time since the start may have several. */
function metricJson(field: string): string {
  const [, name = field, value = ""] = /^(up) (.*)$/.exec(field) ?? /^(.*) (\S*)$/.exec(field) ?? [];
  return jsonLine({ name, value: /^\d{1,15}$/.test(value) ? Number(value) : value });
}

/** Prints the fields of an answer, a line each; with the name of a command, as objects with what it answers. */
export async function printFields(fields: readonly string[], json?: string) {
  for (const field of fields) {
    if (json === undefined) await write(`${escapeControls(field)}\n`);
    else {
      await write(
        jsonLine({ [ANSWERS[json] ?? "result"]: /^\d{1,15}$/.test(field) ? Number(field) : field }),
      );
    }
  }
}

/** What the fields of an answer are, by the command. */
const ANSWERS: Readonly<Partial<Record<string, string>>> = {
  count: "messages",
  limit: "messages",
  clear: "messages",
  requeue: "messages",
  delete: "messages",
  "remove-channel": "members",
  log: "log",
  help: "command",
};

function jsonLine(value: unknown): string {
  return outputLine(JSON.stringify(value));
}

/** Prints every dead letter: sender, receiver and time, why it is one, and how it begins. */
export async function printDead(control: Control, json: boolean) {
  for await (const rows of pagesOf(control, "dead", (rows) => `dead, ${parseDead(rows.at(-1)!).id}`)) {
    await write(rows.map(parseDead).map(json ? deadJson : deadLines).join(""));
  }
}

type DeadLetter = ReturnType<typeof parseDead>;

/** @throws {Error} It is not a dead letter: the server is another version. */
function parseDead(row: string) {
  const fields = split(row, 8);
  if (fields === undefined) throw unreadable(row);
  const [id, mailbox = "", sender = "", time, attempts, reason = "", bytes, text = ""] = fields;
  return {
    id: Number(id),
    mailbox,
    sender,
    time: timeIn(row, time).toISOString(),
    attempts: Number(attempts),
    reason: reason === "" ? null : reason,
    /** Bytes of the whole text; `text` is its beginning. */
    bytes: Number(bytes),
    text,
  };
}

function deadLines({ id, mailbox, sender, time, attempts, reason, bytes, text }: DeadLetter): string {
  const from = sender === "" ? "" : ` from ${escapeControls(sender)}`;
  const why = reason === null ? "reason unknown" : escapeControls(reason);
  const rest = bytes > utf8Length(text) ? "…" : "";
  return `${bold(`${id}`)} to ${mailboxName(mailbox)}${from}, ${time}, attempts ${attempts}: ${why}\n` +
    `    ${escapeControls(text)}${dim(rest)}\n`;
}

function deadJson(letter: DeadLetter): string {
  return jsonLine(letter);
}

function mailboxName(id: string): string {
  return id === "" ? "(shared queue)" : escapeControls(id);
}
