/**
 * `wirepost status --watch`: what a server holds and does, drawn anew each second.
 *
 * @module
 */

import { bold, dim } from "@std/fmt/colors";
import { StandardTty } from "../../terminal/line_editor/tty.ts";
import type { Size } from "../../terminal/output.ts";
import { INTERRUPTED, onEndSignal } from "../../terminal/signals.ts";
import { cutToWidth, textWidth } from "../../terminal/table.ts";
import type { StatusReport, Value } from "./report.ts";
import { grouped, oldestLines, shownNumber, valueLines } from "./tables.ts";

/** How often the server is asked, in milliseconds. */
export const INTERVAL_MS = 1000;

/** Lines of rates that are shown, at most. */
const MAX_RATES = 8;

/** A screen of its own, without a cursor; and back. */
const ENTER = "\x1b[?1049h\x1b[?25l", LEAVE = "\x1b[?25h\x1b[?1049l";

const CTRL_C = 3, Q = "q".charCodeAt(0);

/** A report, and when it was made, in milliseconds of a monotonic clock. */
export interface Look {
  report: StatusReport;
  at: number;
}

/** How often something happened, per second. */
export interface Rate {
  name: string;
  perSecond: number;
  total: number;
}

/** What happened between two looks: counts that grew, the most frequent first. */
export function ratesOf(before: Look | undefined, { report, at }: Look): Rate[] {
  if (before === undefined) return [];
  const seconds = Math.max(0.001, (at - before.at) / 1000), { done, refused } = grouped(report);
  const counts = new Map(before.report.values.map(({ name, count }) => [name, count]));
  return [...done, ...refused].map(({ name, count }) => {
    // a count that went back belongs to a server that was started anew
    const grown = Math.max(0, count - (counts.get(name) ?? 0));
    return { name, perSecond: grown / seconds, total: count };
  }).filter(({ perSecond }) => perSecond > 0).sort((a, b) => b.perSecond - a.perSecond);
}

/** The lines of the screen, each no wider and no more of them than fit. */
export function screenLines(
  server: string,
  look: Look | undefined,
  rates: readonly Rate[],
  size: Size,
  trouble: string | undefined,
  now: number,
): string[] {
  const { columns, rows } = size, fit = (line: string) => cutToWidth(line, columns);
  const report = look?.report;
  const title = `wirepost ${report?.version ?? ""} at ${server}${
    report === undefined ? "" : `, up ${report.up}`
  }`;
  const lines = [bold(fit(`${title}   ${new Date(now).toTimeString().slice(0, 8)}   q ends`))];
  lines.push(trouble === undefined ? "" : fit(trouble));
  if (report === undefined) return lines;
  const { held, clients } = grouped(report);
  lines.push(bold(fit("Holds")), ...sideBySide(valueLines(held), columns));
  lines.push(bold(fit("Clients")), ...sideBySide(valueLines(clients.slice(0, 8)), columns));
  lines.push(bold(fit("Each second")));
  const shown = rates.slice(0, MAX_RATES).map(({ name, perSecond, total }): Value & { rate: number } => (
    { name, count: total, rate: perSecond }
  ));
  lines.push(...shown.length === 0 ? [dim("  nothing")] : sideBySide(rateLines(shown), columns));
  if (report.oldest.length > 0) {
    const left = Math.max(0, rows - lines.length - 2);
    const [heading = "", ...oldest] = oldestLines(report.oldest, now);
    lines.push(bold(fit("Oldest messages")), dim(fit(heading)), ...oldest.slice(0, left).map(fit));
  }
  return lines.slice(0, rows);
}

function rateLines(rates: readonly (Value & { rate: number })[]): string[] {
  const names = rates.map(({ name }) => name), width = Math.max(...names.map(textWidth));
  return rates.map(({ name, rate }) => {
    const shown = rate < 10 ? rate.toFixed(1) : shownNumber(name, Math.round(rate));
    return `  ${name}${" ".repeat(width - textWidth(name))}  ${shown.padStart(8)}`;
  });
}

/** Two columns, if both fit beside each other; the first half stands at the left. */
function sideBySide(lines: readonly string[], columns: number): string[] {
  const half = Math.ceil(lines.length / 2), left = lines.slice(0, half), right = lines.slice(half);
  const width = Math.max(0, ...left.map(textWidth));
  const both = left.map((line, i) => {
    const space = " ".repeat(width - textWidth(line));
    return right[i] === undefined ? line : `${line}${space}  ${right[i]}`;
  });
  const fits = both.every((line) => textWidth(line) <= columns);
  return (fits ? both : lines).map((line) => cutToWidth(line, columns));
}

interface WatchOptions {
  /** Where the server is, for the title. */
  server: string;
  read(): Promise<StatusReport>;
}

/** Draws until q or Ctrl-C is pressed or a signal comes. Returns the exit code; the terminal is as it was before. */
export async function watchStatus({ server, read }: WatchOptions): Promise<number> {
  const tty = new StandardTty("stdout", false), stop = new AbortController();
  let code = 0, before: Look | undefined, look: Look | undefined, trouble: string | undefined;
  const end = (exitCode: number) => {
    code = exitCode;
    stop.abort();
  };
  const draw = () => {
    const rates = look === undefined ? [] : ratesOf(before, look);
    const lines = screenLines(server, look, rates, tty.size(), trouble, Date.now());
    return tty.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  };
  using _signals = onEndSignal(end);
  using _size = tty.watch(() => void draw());
  tty.raw();
  const keys = readKeys(tty, stop.signal, end);
  try {
    await tty.write(ENTER);
    while (!stop.signal.aborted) {
      try {
        const next = { report: await read(), at: performance.now() };
        [before, look, trouble] = [look, next, undefined];
      } catch (error) {
        trouble = (error as Error).message;
      }
      if (stop.signal.aborted) break;
      await draw();
      await pause(INTERVAL_MS, stop.signal);
    }
  } finally {
    stop.abort();
    await keys;
    await tty.write(LEAVE).catch(() => {});
    tty.restore();
  }
  return code;
}

async function readKeys(tty: StandardTty, signal: AbortSignal, end: (code: number) => void) {
  for (let bytes = await tty.read(signal); !signal.aborted; bytes = await tty.read(signal)) {
    if (bytes === null || bytes.includes(Q)) return end(0);
    if (bytes.includes(CTRL_C)) return end(INTERRUPTED);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms), abort = () => resolve();
  signal.addEventListener("abort", abort);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}
