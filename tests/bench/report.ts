/**
 * What a row came to: medians over its rounds, ratios, and whether they are what is wanted; as text of at most 100
 * columns, and as JSON.
 *
 * @module
 */

import type { Figures } from "./load/loop.ts";
import type { Outcome, RowResult } from "./measure.ts";
import { PEERS } from "./peers.ts";
import type { Group, Want } from "./rows.ts";

const PEER_TITLES = Object.values(PEERS).map(({ title }) => title as string);

/** A system's figures in a row. */
interface Summary {
  title: string;
  /** Of what is compared. */
  median: number;
  min: number;
  max: number;
  /** The median of each figure. */
  figures: Figures;
  rounds: Figures[];
  failure?: string;
}

/** Whether something that is wanted is there; `got` is not there where the other one was not measured. */
interface Judged {
  wanted: string;
  want: Want;
  got?: number;
  isMet?: boolean;
}

/** The goal behind what is wanted: so much of the best of the others. */
const GOAL = 1.2;

/** Least part of its rate that the company of a row has to reach. */
const MIN_COMPANY = 0.9;

export interface Report {
  id: string;
  what: string;
  title: string;
  unit: string;
  systems: Summary[];
  /** Of Wirepost to each other one, by its title. */
  ratios: Record<string, number>;
  /** Title of the best of the others. */
  best?: string;
  /** Messages a second that others should put meanwhile. */
  company?: number;
  judged: Judged[];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function summary({ rounds, ...outcome }: Outcome, figure: string): Summary {
  const figures: Figures = {};
  for (const name of Object.keys(rounds[0] ?? {})) figures[name] = median(rounds.map((one) => one[name]!));
  const values = rounds.map((one) => one[figure]!);
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return { ...outcome, median: figures[figure] ?? NaN, min, max, figures, rounds };
}

/** Sums a row up. `others` are the rows before it. */
export function sumUp({ group, row, outcomes }: RowResult, others: readonly Report[]): Report {
  const figure = group.figure ?? "rate", systems = outcomes.map((outcome) => summary(outcome, figure));
  const [wirepost, ...rest] = systems as [Summary, ...Summary[]];
  const measured = rest.filter(({ failure }) => failure === undefined);
  // of a time, less is better
  const ratio = (one: number, other: number) => figure === "rate" ? one / other : other / one;
  const ratios: Report["ratios"] = {};
  if (wirepost.failure === undefined) {
    for (const other of measured) ratios[other.title] = ratio(wirepost.median, other.median);
  }
  // not another version of Wirepost
  const best = measured.filter(({ title }) => PEER_TITLES.includes(title))
    .toSorted((a, b) => ratio(b.median, a.median) - 1)[0]?.title;
  const judged = row.wanted.map((want) => judge(want, wirepost, ratios, others));
  if ((wirepost.figures.company ?? 0) < MIN_COMPANY * (row.company?.rate ?? 0)) {
    // it is easy to be quick where less is to do than was wanted
    for (const one of judged) if (one.isMet) one.isMet = false;
  }
  return {
    id: `${group.name}/${row.name}`,
    what: row.what,
    title: group.title,
    unit: group.unit,
    systems,
    ratios,
    ...best === undefined ? {} : { best },
    ...row.company === undefined ? {} : { company: row.company.rate },
    judged,
  };
}

function judge(want: Want, wirepost: Summary, ratios: Report["ratios"], others: readonly Report[]): Judged {
  const isMeasured = wirepost.failure === undefined, { figures } = wirepost;
  const judged = (wanted: string, got: number | undefined, isMet: (got: number) => boolean): Judged => ({
    wanted,
    want,
    ...got === undefined ? {} : { got, isMet: isMet(got) },
  });
  if ("p99sMax" in want) {
    const other = others.find(({ id }) => id === want.row)?.systems[0];
    const got = isMeasured && other?.figures.p99 !== undefined ? figures.p99! / other.figures.p99 : undefined;
    return judged(`p99 at most ${want.p99sMax} times that of ${want.row}`, got, (got) => got <= want.p99sMax);
  }
  if ("peer" in want || "row" in want) {
    const { ratio } = want;
    const other = "row" in want ? others.find(({ id }) => id === want.row)?.systems[0] : undefined;
    const got = "peer" in want
      ? ratios[PEERS[want.peer].title]
      : isMeasured && other?.failure === undefined && other !== undefined
      ? wirepost.median / other.median
      : undefined;
    const name = "peer" in want ? PEERS[want.peer].title : want.row;
    return judged(`${ratio.toFixed(2)} of ${name}`, got, (got) => got >= ratio);
  }
  const value = isMeasured ? figures[want.figure] : undefined;
  if ("min" in want) return judged(`at least ${whole(want.min)}/s`, value, (got) => got >= want.min);
  if ("msMax" in want) return judged(`p99 under ${want.msMax} ms`, value, (got) => got < want.msMax);
  const inP50s = value === undefined ? undefined : value / figures.p50!;
  return judged(`p99 under ${want.p50sMax} times p50`, inP50s, (got) => got < want.p50sMax);
}

const whole = (value: number) => Math.round(value).toLocaleString("en");

/** A time, or so many. */
function number(value: number, unit: string): string {
  return unit === "ms" ? value.toFixed(3) : whole(value);
}

const MET = { true: "met", false: "SHORT" };

/** The columns of the table behind the first, which has the name: each as wide as it says, from the right. */
interface Columns {
  median: string;
  range: string;
  server?: string;
  client?: string;
  ratio?: string | undefined;
  wanted?: string;
}

/** A line of the table, of at most 100 columns. */
function line(name: string, columns: Columns, met = ""): string {
  const { median, range, server = "", client = "", ratio = "", wanted = "" } = columns;
  return `  ${name.padEnd(20)}${median.padStart(12)}  ${range.padEnd(22)}${server.padStart(9)}${
    client.padStart(8)
  }` +
    `${ratio.padStart(8)}${wanted.padStart(8)}  ${met}`;
}

/** What stands over a group. */
export function heading({ title, unit }: Group): string {
  const columns = { median: unit, range: "lowest to highest", server: "server", client: "client" };
  return `\n${title}\n${line("", { ...columns, ratio: "ratio", wanted: "wanted" }).trimEnd()}\n`;
}

/** Microseconds. */
const short = (us: number | undefined) =>
  us === undefined ? "" : us < 10 ? us.toFixed(2) : us < 100 ? us.toFixed(1) : whole(us);

/** The row as text. */
export function describe({ id, what, unit, systems, ratios, best, company, judged }: Report): string {
  const lines = [`${id}: ${what}`];
  for (const { title, median, min, max, figures, failure } of systems) {
    if (failure !== undefined) {
      lines.push(`  ${title.padEnd(20)}failed: ${failure}`.slice(0, 100));
      continue;
    }
    const found = judged.find(({ want }) => "peer" in want && PEERS[want.peer].title === title);
    const columns = {
      median: number(median, unit),
      range: `${number(min, unit)} to ${number(max, unit)}`,
      server: short(figures.serverUs),
      client: short(figures.clientUs),
      ratio: ratios[title]?.toFixed(2),
      wanted: found !== undefined && "ratio" in found.want ? found.want.ratio.toFixed(2) : "",
    };
    const name = title + (title === best && systems.length > 2 ? " *" : "");
    lines.push(line(name, columns, found?.isMet === undefined ? "" : MET[`${found.isMet}`]));
    if (figures.p50 === undefined) continue;
    const times = (["p50", "p99", "p999", "max"] as const)
      .map((name) => `${name === "p999" ? "p99.9" : name} ${figures[name]!.toFixed(3)}`);
    const others = company === undefined ? "" : `; others ${whole(figures.company!)}/s of ${whole(company)}`;
    lines.push(`      ${times.join("  ")} ms${others}`);
  }
  for (const { want, wanted, got, isMet } of judged) {
    if ("peer" in want || isMet === undefined) continue;
    const value = "min" in want ? `${whole(got!)}/s` : got!.toFixed(2);
    lines.push(`  wanted ${wanted}: ${value}, ${MET[`${isMet}`]}`);
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** What the whole run came to. */
export function conclusion(reports: readonly Report[]): string {
  const all = reports.flatMap(({ id, judged }) => judged.map((one) => ({ id, ...one })));
  const judged = all.filter(({ isMet }) => isMet !== undefined), short = judged.filter(({ isMet }) => !isMet);
  const failures = reports.flatMap(({ id, systems }) =>
    systems.filter(({ failure }) => failure !== undefined).map(({ title }) => `  ${id}: ${title} failed\n`)
  );
  const bests = reports.flatMap(({ best, ratios }) => best === undefined ? [] : ratios[best] ?? []);
  return `\n${
    bests.filter((ratio) => ratio >= GOAL).length
  } of ${bests.length} rows reach ${GOAL} of the best of the others\n` +
    `${judged.length - short.length} of ${judged.length} wanted are met` +
    `${all.length > judged.length ? `, ${all.length - judged.length} not measured` : ""}\n` +
    short.map(({ id, wanted, got }) => `  ${id}: wanted ${wanted}, ${got!.toFixed(2)}\n`).join("") +
    failures.join("");
}
