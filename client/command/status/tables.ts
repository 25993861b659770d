/**
 * What a server reports, as tables for people.
 *
 * @module
 */

import { bold } from "@std/fmt/colors";
import { format as formatBytes } from "@std/fmt/bytes";
import { escapeControls } from "../../terminal/output.ts";
import { tableLines } from "../../terminal/table.ts";
import type { LimitReport, OldestMailbox, StatusReport, Value } from "./report.ts";

/** What is held, in the order of its first service. */
const HELD = [
  ...["messages", "bytes", "mailboxes", "accounts", "channels", "members"],
  ...["forum threads", "forum entries", "forum bytes", "forum files", "forum file bytes"],
];

/** How many clients there are, and what they wait for and have leased. */
const CLIENTS = [
  ...[
    "connections",
    "mailbox sessions",
    "mailbox sessions logged in",
    "mailbox waits",
    "mailbox waits logged in",
  ],
  ...["forum sessions logged in", "kept sessions", "kept sessions logged in", "leases", "leases logged in"],
];

/** Counts of what was refused, or went wrong. */
const REFUSED =
  /^refused |^files (?:refused|cut|displaced|connections)|too (?:many|long)|cut off|failed|slowed|partial|dropped|given up|before accepted|banned|muted/;

/** Seconds in a day, in an hour and in a minute. */
const UNITS = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]] as const;

/** The age of something, in its two largest units: `3d 4h`, `12s`. */
export function age(time: Date, now: number): string {
  let seconds = Math.max(0, Math.floor((now - time.getTime()) / 1000));
  const parts: string[] = [];
  for (const [unit, name] of UNITS) {
    const count = Math.floor(seconds / unit);
    if (count > 0 && parts.length < 2) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    seconds -= count * unit;
  }
  return parts.join(" ") || "0s";
}

/** A number as people read it: bytes in their unit, and milliseconds with theirs. */
export function shownNumber(name: string, count: number): string {
  if (/bytes$|^backlog$/.test(name)) return formatBytes(count, { binary: true }).replace("kiB", "KiB");
  return count.toLocaleString("en") + (/ time$/.test(name) ? " ms" : "");
}

export function mailboxName(id: string): string {
  return id === "" ? "(shared queue)" : escapeControls(id);
}

/** The values of a report in groups: what is held, how many clients there are, what was refused, and what was done. */
export function grouped({ values }: StatusReport) {
  const pick = (names: readonly string[]) =>
    names.flatMap((name) => values.find((value) => value.name === name) ?? []);
  const held = pick(HELD), clients = pick(CLIENTS);
  const counts = values.filter((value) =>
    value.limit === undefined && !held.includes(value) && !clients.includes(value)
  );
  const refused = counts.filter(({ name, count }) => REFUSED.test(name) && count > 0);
  return {
    held,
    clients: clients.filter(({ count, limit }) => count > 0 || limit === undefined),
    refused,
    done: counts.filter(({ name }) => !REFUSED.test(name)),
  };
}

/** `messages  17`: each value in a line, names and numbers aligned. */
export function valueLines(values: readonly Value[]): string[] {
  const rows = values.map(({ name, count, limit }) => [
    escapeControls(name),
    shownNumber(name, count),
    limit === undefined ? "" : `of ${shownNumber(name, limit)}`,
  ]);
  return table([{ heading: "" }, { heading: "", align: "right" }, { heading: "" }], rows).slice(1);
}

function table(...args: Parameters<typeof tableLines>): string[] {
  return tableLines(...args).map((line) => `  ${line}`.trimEnd());
}

/** The mailboxes of the oldest messages. */
export function oldestLines(oldest: readonly OldestMailbox[], now: number): string[] {
  return table(
    [{ heading: "age", align: "right" }, { heading: "messages", align: "right" }, { heading: "mailbox" }],
    oldest.map(({ time, messages, mailbox }) => [
      age(time, now),
      messages.toLocaleString("en"),
      mailboxName(mailbox),
    ]),
  );
}

/** Everything, a group after the other. */
export function statusText(report: StatusReport, now: number): string {
  const { held, clients, refused, done } = grouped(report);
  const services = report.services.filter(({ name }) => name !== "admin");
  const serviceRows = services.map((row) => [row.name, row.transport, row.address].map(escapeControls));
  const blank = [{ heading: "" }, { heading: "" }, { heading: "" }];
  const groups: [heading: string, lines: string[]][] = [
    ["Services", table(blank, serviceRows).slice(1)],
    ["Holds", valueLines(held)],
    ["Oldest messages", report.oldest.length === 0 ? [] : oldestLines(report.oldest, now)],
    ["Clients", valueLines(clients)],
    ["Refused", valueLines(refused)],
    ["Since the start", valueLines(done)],
  ];
  const parts = groups.filter(([, lines]) => lines.length > 0)
    .map(([heading, lines]) => `\n${bold(heading)}\n${lines.join("\n")}\n`);
  return `wirepost ${escapeControls(report.version)}, up ${escapeControls(report.up)}\n${parts.join("")}`;
}

/** The narrowest column of names beside which an option stands. */
const MIN_LIMIT_COLUMNS = 8;

/** Every limit, a line each. Names stand behind the numbers: only those beside which an option stands may not be long. */
export function limitsText(limits: readonly LimitReport[]): string {
  const width = Math.max(
    ...limits.map(({ name, option }) => option === null ? 0 : escapeControls(name).length),
    MIN_LIMIT_COLUMNS,
  );
  const rows = limits.map(({ name, option, used, limit }) => [
    used === null ? "" : shownNumber(name, used),
    limit === null ? "no limit" : shownNumber(name, limit),
    used === null || limit === null ? "" : percent(used, limit),
    option === null
      ? escapeControls(name)
      : `${escapeControls(name).padEnd(width)}  --${escapeControls(option)}`,
  ]);
  const [heading = "", ...lines] = tableLines([
    { heading: "used", align: "right" },
    { heading: "limit", align: "right" },
    { heading: "", align: "right" },
    { heading: `${"limit of".padEnd(width)}  changed by` },
  ], rows);
  return [bold(heading), ...lines].map((line) => `${line}\n`).join("");
}

function percent(used: number, limit: number): string {
  const percent = limit === 0 ? 100 : 100 * used / limit;
  return `${percent > 0 && percent < 1 ? "<1" : Math.floor(percent)}%`;
}
