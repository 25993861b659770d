/**
 * Makes the Grafana dashboard and the alert rules of Prometheus from the table of metrics: `deno task monitoring`.
 *
 * @module
 */

import { type HistogramName, HISTOGRAMS, type MetricName } from "../../server/report/metrics.ts";
import { exposed, exposedHistogram } from "../../server/report/prometheus.ts";

/** Panels of the dashboard: what each shows, counters as their rate. */
const PANELS: Readonly<Record<string, readonly MetricName[]>> = {
  "Messages in mailboxes": ["messages"],
  "Age of the oldest message": ["oldest message"],
  "Dead letters": ["dead letters"],
  "Leases": ["leases", "leases logged in"],
  "Messages put and taken, original wire": ["stored", "forwarded"],
  "Requests of sessions": ["session put", "session lease", "session ack"],
  "Requests of HTTP": ["http requests"],
  "Messages put and taken over HTTP": ["http put", "http taken"],
  "Members and readers": ["members", "event readers"],
  "Messages said and delivered": [
    "channels received",
    "channels delivered",
    "http received",
    "http delivered",
  ],
  "Waiting to be sent": ["waiting bytes"],
  "Files": ["files bytes received", "files bytes sent"],
  "Journal": ["journal records", "journal syncs"],
  "Time in syncs": ["journal sync time"],
  "Backlog of the database": ["backlog"],
  "Refused on mailbox and forum": ["refused bad ID"],
  "Refused by HTTP": ["http refused bad ID"],
};

/** Panels with what half, and all but one in a hundred, of a histogram are at most. */
const QUANTILE_PANELS: Readonly<Record<string, HistogramName>> = { "Time of one sync": "journal sync" };
const QUANTILES = [0.5, 0.99];

interface Alert {
  name: string;
  /** The metric, or the 99th percentile of a histogram, stands for `METRIC`. */
  metric: MetricName | { p99: HistogramName };
  when: string;
  for: string;
  severity: "warning" | "critical";
  summary: string;
}

const ALERTS: readonly Alert[] = [
  {
    name: "WirepostRowsDamaged",
    metric: "rows damaged",
    when: "increase(METRIC[1h]) > 0",
    for: "0m",
    severity: "critical",
    summary: "Rows of the store are damaged: run 'wirepost check'",
  },
  {
    name: "WirepostDiskRefuses",
    metric: "http refused storage",
    when: 'increase(METRIC{reason="storage"}[5m]) > 0',
    for: "0m",
    severity: "critical",
    summary: "The disk takes nothing",
  },
  {
    name: "WirepostDeadLetters",
    metric: "dead letters",
    when: "METRIC > 0",
    for: "10m",
    severity: "warning",
    summary: "Messages could not be worked on: see 'wirepost admin dead'",
  },
  {
    name: "WirepostOldestMessage",
    metric: "oldest message",
    when: "METRIC > 86400",
    for: "10m",
    severity: "warning",
    summary: "A message has waited for more than a day",
  },
  {
    name: "WirepostSlowDisk",
    metric: "journal sync time",
    when: "rate(METRIC[5m]) > 0.5",
    for: "10m",
    severity: "warning",
    summary: "The journal is synced for more than half of the time",
  },
  {
    name: "WirepostSlowSyncs",
    metric: { p99: "journal sync" },
    when: "METRIC > 0.25",
    for: "10m",
    severity: "warning",
    summary: "Some syncs of the journal take longer than 250 ms, and so do the answers that wait for them",
  },
];

function expression(metric: MetricName): string {
  const { name, type, reason } = exposed(metric);
  if (type === "gauge") return name;
  return reason === undefined ? `rate(${name}[1m])` : `sum by (reason) (rate(${name}[1m]))`;
}

/** What this part of a histogram's values of the last minutes is at most. */
function quantile(part: number, histogram: HistogramName, range: string): string {
  const rate = `rate(${exposedHistogram(histogram)}_bucket[${range}])`;
  return `histogram_quantile(${part}, sum by (le) (${rate}))`;
}

interface Panel {
  title: string;
  description: string;
  unit: string;
  lines: { expression: string; legend: string }[];
}

function panels(): Panel[] {
  const ofMetrics = Object.entries(PANELS).map(([title, metrics]) => ({
    title,
    description: metrics.map((metric) => exposed(metric).help).join("; "),
    unit: unitOf(metrics[0]!),
    lines: metrics.map((metric) => ({
      expression: expression(metric),
      legend: exposed(metric).reason === undefined ? metric : "{{reason}}",
    })),
  }));
  const ofHistograms = Object.entries(QUANTILE_PANELS).map(([title, histogram]) => ({
    title,
    description: HISTOGRAMS[histogram].help,
    unit: "s",
    lines: QUANTILES.map((part) => ({
      expression: quantile(part, histogram, "1m"),
      legend: `${100 * part}%`,
    })),
  }));
  return [...ofMetrics, ...ofHistograms];
}

/** The dashboard, as Grafana imports it. */
export function dashboard(): string {
  const shown = panels().map(({ title, description, unit, lines }, i) => ({
    id: i + 1,
    type: "timeseries",
    title,
    description,
    datasource: { type: "prometheus", uid: "${datasource}" },
    gridPos: { x: 12 * (i % 2), y: 8 * Math.floor(i / 2), w: 12, h: 8 },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    targets: lines.map(({ expression, legend }, j) => ({
      refId: String.fromCharCode(65 + j),
      expr: expression,
      legendFormat: legend,
    })),
  }));
  const templating = { list: [{ name: "datasource", type: "datasource", query: "prometheus" }] };
  const board = {
    ...{ title: "Wirepost", uid: "wirepost", schemaVersion: 39, refresh: "10s" },
    ...{ time: { from: "now-1h", to: "now" }, templating, panels: shown },
  };
  return `${JSON.stringify(board, null, 2)}\n`;
}

function unitOf(metric: MetricName): string {
  const { name, type } = exposed(metric);
  if (/_bytes(_total)?$/.test(name)) return type === "gauge" ? "bytes" : "Bps";
  if (/_seconds(_total)?$/.test(name)) return type === "gauge" ? "s" : "percentunit";
  return type === "gauge" ? "short" : "ops";
}

/** The alert rules. */
export function alerts(): string {
  const nameOf = (metric: Alert["metric"]) =>
    typeof metric === "string" ? exposed(metric).name : quantile(0.99, metric.p99, "5m");
  const rules = ALERTS.map(({ name, metric, when, severity, summary, ...alert }) =>
    [
      `      - alert: ${name}`,
      `        expr: ${when.replaceAll("METRIC", nameOf(metric))}`,
      `        for: ${alert.for}`,
      `        labels:`,
      `          severity: ${severity}`,
      `        annotations:`,
      `          summary: ${JSON.stringify(summary)}`,
    ].map((line) => `${line}\n`).join("")
  );
  return `groups:\n  - name: wirepost\n    rules:\n${rules.join("")}`;
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("dashboard.json", import.meta.url), dashboard());
  await Deno.writeTextFile(new URL("alerts.yml", import.meta.url), alerts());
}
