/**
 * The commands of `wirepost admin` that list: an answer holds as many rows as fit into a datagram, so they ask on until
 * there are no more.
 *
 * @module
 */

import { bold, dim } from "@std/fmt/colors";
import { split } from "../../../protocol/fields.ts";
import { utf8Length } from "../../../protocol/mailbox.ts";
import { escapeControls, write } from "../../terminal/output.ts";

/** Sends a command, and gives the fields or rows of the answer. */
export type Control = (command: string) => Promise<string[]>;

interface List {
  /** How many arguments the command has that lists everything. */
  arguments: number;
  heading: string;
  /** How a row is shown. */
  row(first: string, rest: string): string;
  /** The command for the first page, and for the page behind a row. `rows` counts those that were read. */
  page(argument: string, last?: { first: string; rest: string; rows: number }): string;
}

const counted = (number: string, name: string) => `${number.padStart(8)}  ${name}`;

/** The commands whose rows are a word and a name. */
export const LISTS: Readonly<Record<string, List>> = {
  list: {
    arguments: 0,
    heading: "messages  mailbox",
    row: (messages, id) => counted(messages, mailboxName(id)),
    page: (_, last) => last === undefined ? "list" : `list, ${last.rest}`,
  },
  channels: {
    arguments: 0,
    heading: " members  channel",
    row: (members, channel) => counted(members, escapeControls(channel)),
    page: (_, last) => last === undefined ? "channels" : `channels, ${last.rest}`,
  },
  members: {
    arguments: 1,
    heading: "address                name",
    row: (address, name) => `${address.padEnd(21)}  ${escapeControls(name)}`,
    page: (channel, last) => `members, ${last?.rows ?? 0}, ${channel}`,
  },
};

/** Prints all that one of {@linkcode LISTS} lists. */
export async function list(control: Control, list: List, argument: string): Promise<number> {
  let rows = 0, page = list.page(argument), headed = false;
  for (;;) {
    const fields = await control(page);
    if (!headed) await write(`${bold(list.heading)}\n`);
    headed = true;
    if (fields.length === 0) return 0;
    rows += fields.length;
    for (const field of fields) {
      const [first = "", ...words] = field.split(" "), rest = words.join(" ");
      await write(`${list.row(first, rest)}\n`);
      page = list.page(argument, { first, rest, rows });
    }
  }
}

/** Prints every dead letter: who wrote it to whom and when, why it is one, and how it begins. */
export async function listDead(control: Control, json: boolean): Promise<number> {
  for (let page = "dead";;) {
    const rows = await control(page);
    if (rows.length === 0) return 0;
    const letters = rows.map(deadLetter);
    await write(letters.map(json ? deadJson : deadLines).join(""));
    page = `dead, ${letters.at(-1)!.id}`;
  }
}

interface DeadLetter {
  id: number;
  mailbox: string;
  sender: string;
  time: string;
  attempts: number;
  reason: string;
  /** Bytes of the whole text, of which `text` is the beginning. */
  bytes: number;
  text: string;
}

/** @throws {Error} It is none: the server is another version. */
function deadLetter(row: string): DeadLetter {
  const fields = split(row, 8);
  if (fields === undefined) throw new Error(`Cannot read what the server answers: '${row}'`);
  const [id, mailbox = "", sender = "", time, attempts, reason = "", bytes, text = ""] = fields;
  return {
    id: Number(id),
    mailbox,
    sender,
    time: new Date(Number(time)).toISOString(),
    attempts: Number(attempts),
    reason,
    bytes: Number(bytes),
    text,
  };
}

function deadLines({ id, mailbox, sender, time, attempts, reason, bytes, text }: DeadLetter): string {
  const from = sender === "" ? "" : ` from ${escapeControls(sender)}`;
  const why = reason === "" ? "reason unknown" : escapeControls(reason);
  const rest = bytes > utf8Length(text) ? "…" : "";
  return `${bold(`${id}`)} to ${mailboxName(mailbox)}${from}, ${time}, attempts ${attempts}: ${why}\n` +
    `    ${escapeControls(text)}${dim(rest)}\n`;
}

function deadJson({ reason, bytes, text, ...letter }: DeadLetter): string {
  const line = JSON.stringify({ ...letter, reason: reason === "" ? null : reason, bytes, text });
  // a program gets it as it is
  return `${Deno.stdout.isTerminal() ? escapeControls(line) : line}\n`;
}

function mailboxName(id: string): string {
  return id === "" ? "(shared queue)" : escapeControls(id);
}
