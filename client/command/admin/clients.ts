/**
 * The commands of `wirepost admin` about clients: who is connected, and what is done against them.
 *
 * @module
 */

import { bold } from "@std/fmt/colors";
import { split } from "../../../protocol/syntax/fields.ts";
import { escapeControls, outputLine, terminalSize, write } from "../../terminal/output.ts";
import { cutToWidth, tableLines } from "../../terminal/table.ts";
import { type Arguments, UsageError } from "../command.ts";
import { age, shownNumber } from "../status/tables.ts";
import { allRows, type Control, skipping, timeIn, unreadable } from "./pages.ts";

/** Commands against a client. */
const MEASURES = ["kick", "ban", "unban", "mute", "unmute"] as const;

/** A measure against a client. */
interface Measure {
  name: typeof MEASURES[number];
  /** A name, an address or a network. */
  subject: string;
  /** Seconds until it ends; 0 is for good. */
  seconds: number;
  /** Whether it may be against addresses of the server's own machine. */
  mayBeOwn: boolean;
}

/** Most seconds that a measure may last, in the server's commands. */
const MAX_SECONDS = 9_999_999_999;

/**
 * The measure on the command line; undefined if it is another command.
 *
 * @throws {UsageError} It has no subject, or several; or `--for` is given with another command.
 */
export function measureOf(args: Arguments): Measure | undefined {
  const [command = "", subject, ...more] = args.positionals;
  const name = MEASURES.find((name) => name === command), lasts = name === "ban" || name === "mute";
  if (!lasts) args.refuse(command, "for");
  if (name === undefined) return undefined;
  args.refuse(command, "all", "shared", ...lasts ? [] : ["yes"]);
  if (subject === undefined) throw new UsageError("Missing NAME or ADDRESS");
  if (more.length > 0) throw new UsageError(`Unexpected argument '${more[0]}'`);
  const seconds = Math.ceil((args.duration("for") ?? 0) / 1000);
  if (args.flag("for") && (seconds === 0 || seconds > MAX_SECONDS)) {
    throw new UsageError(`Cannot use --for '${args.text("for")}': expected a duration from 1s`);
  }
  return { name, subject, seconds, mayBeOwn: args.flag("yes") };
}

/** Takes the measure, and prints whom it is about. Returns the exit code. */
export async function printMeasure(control: Control, measure: Measure, json: boolean): Promise<number> {
  const { name, subject, seconds, mayBeOwn } = measure;
  if (name === "kick") {
    const [count = "0"] = await control(`kick, ${subject}`);
    await write(json ? outputLine(JSON.stringify({ kicked: Number(count) })) : `${count}\n`);
    return count === "0" ? 1 : 0;
  }
  const isEnd = name === "unban" || name === "unmute";
  const order = isEnd ? `${name}, ` : `${name}${mayBeOwn ? "-loopback" : ""}, ${seconds}, `;
  const answer = await control(order + subject).catch((error: Error) => {
    // the option that the command line has for it
    throw new Error(error.message.replace(/: (?:ban|mute)-loopback means it$/, "; --yes means it"));
  });
  // a name may have commas
  const kicked = name === "ban" ? Number(answer.at(-1)) : undefined;
  const kept = (kicked === undefined ? answer : answer.slice(0, -1)).join(", ");
  if (json) {
    await write(outputLine(JSON.stringify({ subject: kept, ...kicked === undefined ? {} : { kicked } })));
  } else {
    await write(`${escapeControls(kept)}${kicked === undefined ? "" : `, ${kicked} kicked`}\n`);
  }
  return 0;
}

/** Prints who is connected: the one that came first stands first. */
export async function printConnections(control: Control, json: boolean): Promise<number> {
  const behind = (page: string[]) => `connections, ${clientOf(page.at(-1)!).id}`;
  const clients = (await allRows(control, "connections", behind)).map(clientOf);
  if (json) {
    for (const { since, heard, ...client } of clients) {
      const times = { since: since.toISOString(), heard: heard.toISOString() };
      await write(outputLine(JSON.stringify({ ...client, ...times })));
    }
    return 0;
  }
  const now = Date.now();
  const rows = clients.map((client) => [
    escapeControls(client.name) || "-",
    escapeControls(client.address),
    escapeControls(client.service),
    escapeControls(client.kind),
    age(client.since, now),
    age(client.heard, now),
    `${shownNumber("", client.received)} (${shownNumber("bytes", client.receivedBytes)})`,
    `${shownNumber("", client.sent)} (${shownNumber("bytes", client.sentBytes)})`,
  ]);
  await printTable(["name", "address", "service", "kind", "for", "heard", "sent", "was sent"], rows);
  return 0;
}

/** Prints bans and mutes, the oldest first. */
export async function printBans(control: Control, json: boolean): Promise<number> {
  const measures = (await allRows(control, ...skipping("bans"))).map(banOf);
  if (json) {
    for (const measure of measures) await write(outputLine(JSON.stringify(measure)));
    return 0;
  }
  const rows = measures.map(({ what, since, until, subject }) => [
    escapeControls(what),
    escapeControls(subject),
    since.toISOString(),
    until?.toISOString() ?? "for good",
  ]);
  await printTable(["what", "name or address", "since", "until"], rows);
  return 0;
}

/** Prints a table with headings, cut to the width of a terminal; nothing if it has no rows. */
async function printTable(headings: readonly string[], rows: readonly (readonly string[])[]) {
  if (rows.length === 0) return;
  const [first = "", ...lines] = tableLines(headings.map((heading) => ({ heading })), rows);
  const { columns } = terminalSize();
  const fit = (line: string) => Deno.stdout.isTerminal() ? cutToWidth(line, columns) : line;
  await write([bold(fit(first)), ...lines.map(fit)].map((line) => `${line}\n`).join(""));
}

/** @throws {Error} The row has another form: the server is another version. */
function clientOf(row: string) {
  const fields = split(row, 11);
  if (fields === undefined) throw unreadable(row);
  const [id, service, kind, address, since, heard, received, receivedBytes, sent, sentBytes, name] = fields;
  return {
    id: Number(id),
    name,
    address,
    service,
    kind,
    since: timeIn(row, since),
    heard: timeIn(row, heard),
    received: Number(received),
    receivedBytes: Number(receivedBytes),
    sent: Number(sent),
    sentBytes: Number(sentBytes),
  };
}

/** @throws {Error} The row has another form. */
function banOf(row: string) {
  const fields = split(row, 4);
  if (fields === undefined) throw unreadable(row);
  const [what, since, until, subject] = fields;
  return {
    what,
    subject,
    since: timeIn(row, since),
    until: until === "" ? null : timeIn(row, until),
  };
}
