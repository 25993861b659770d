/**
 * Events of a server as lines of a terminal: time, direction, service, peer, and what it says.
 *
 * @module
 */

import { bold, cyan, dim, green, red } from "@std/fmt/colors";
import type { WatchEvent } from "../../../protocol/watch.ts";
import { clusters, columnsOf } from "../../terminal/line_editor/graphemes.ts";
import { escapeControls } from "../../terminal/output.ts";

/** Columns of a time, an arrow and a service, and of a peer at first: `127.0.0.1:60602`. */
const BEFORE_PEER = "12:00:00.000 → channels ".length, PEER_COLUMNS = 15;

/** The longest peer that moves the columns: an IPv6 address with its port. */
const MAX_PEER_COLUMNS = 47;

/** With less room beside the columns than this, further lines of an event begin further left. */
const MIN_COLUMNS = 36, NARROW_INDENT = "12:00:00.000 → ".length;

/** Reasons that the client is sent; what is refused for another reason is ignored. */
const ANSWERED = /^(answered|error|account|line too long|files .*|.*connections.*|cut off .*)$/;

export class EventLines {
  /** It grows with the longest peer, so that columns move seldom. */
  #peerColumns = PEER_COLUMNS;
  readonly #columns: () => number;

  /** @param columns Columns of the terminal; Infinity if it is none. */
  constructor(columns: () => number) {
    this.#columns = columns;
  }

  /** The event, with a line end. Only on a terminal it may take several lines. */
  format(event: WatchEvent): string {
    const { time, direction } = event, service = escapeControls(event.service);
    const peer = escapeControls(event.peer);
    this.#peerColumns = Math.max(this.#peerColumns, Math.min(peer.length, MAX_PEER_COLUMNS));
    const arrow = direction === "in" ? green("→") : cyan("←");
    const head = `${dim(timeOfDay(time))} ${arrow} ${bold(service.padEnd(8))} ${
      peer.padEnd(this.#peerColumns)
    } `;
    const indent = BEFORE_PEER + this.#peerColumns + 1, isNarrow = this.#columns() - indent < MIN_COLUMNS;
    const columns = this.#columns(),
      [first = "", ...more] = wrap(saidIn(event), {
        first: columns - indent,
        further: columns - (isNarrow ? NARROW_INDENT : indent),
      });
    const paint = event.refused === undefined ? (text: string) => text : red;
    const margin = " ".repeat(isNarrow ? NARROW_INDENT : indent);
    return `${head}${paint(first)}\n${more.map((line) => `${margin}${paint(line)}\n`).join("")}`;
  }
}

/** What the event says, without control characters. */
function saidIn({ what, direction, text, cut, refused, why, rule }: WatchEvent): string {
  const said = text === undefined ? what : `${what}: ${text}`, whole = cut ? `${said}…` : said;
  if (refused === undefined) return escapeControls(whole);
  const verb = direction === "out" ? "" : ANSWERED.test(refused) ? "refused: " : "ignored: ";
  return escapeControls(`${whole}: ${verb}${why ?? refused}${rule === undefined ? "" : ` (${rule})`}`);
}

/** The time of day here. */
function timeOfDay(time: string): string {
  const date = new Date(time), two = (number: number) => `${number}`.padStart(2, "0");
  if (Number.isNaN(date.getTime())) return "--:--:--.---";
  const ms = `${date.getMilliseconds()}`.padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${ms}`;
}

/** The text in lines of at most so many columns, which end at a space if one has any. */
function wrap(text: string, columns: { first: number; further: number }): string[] {
  if (columns.first === Infinity) return [text];
  const lines: string[] = [];
  for (let rest = text; rest !== "";) {
    const end = lineEnd(rest, lines.length === 0 ? columns.first : columns.further);
    lines.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

function lineEnd(text: string, columns: number): number {
  let at = 0, width = 0, space = 0;
  for (const cluster of clusters(text)) {
    width += cluster === "\t" ? 8 : columnsOf(cluster);
    // at least one character goes into each line, however narrow the terminal is
    if (width > columns && at > 0) return space > 0 ? space : at;
    at += cluster.length;
    if (cluster === " ") space = at;
  }
  return text.length;
}
