/**
 * Makes the Grafana dashboard and the alert rules of Prometheus from the table of metrics: `deno task monitoring`.
 *
 * @module
 */

import type { MetricName } from "../../server/report/metrics.ts";
import { exposed } from "../../server/report/prometheus.ts";

/** Panels of the dashboard: what each shows, counters as their rate. */
const PANELS: Readonly<Record<string, readonly MetricName[]>> = {
  "Messages in mailboxes": ["messages"],
  "Age of the oldest message": ["oldest message"],
  "Dead letters": ["dead letters"],
  "Leases": ["leases", "leases logged in"],
  "Messages put and taken, original wire": ["stored", "forwarded"],
  "Requests of sessions": ["session put", "session lease", "session ack"],
  "Requests of HTTP": ["http requests"],
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

interface Alert {
  name: string;
  /** The metric stands for `METRIC`. */
  metric: MetricName;
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
];

function expression(metric: MetricName): string {
  const { name, type, reason } = exposed(metric);
  if (type === "gauge") return name;
  return reason === undefined ? `rate(${name}[1m])` : `sum by (reason) (rate(${name}[1m]))`;
}

/** The dashboard, as Grafana imports it. */
export function dashboard(): string {
  const panels = Object.entries(PANELS).map(([title, metrics], i) => ({
    id: i + 1,
    type: "timeseries",
    title,
    description: metrics.map((metric) => exposed(metric).help).join("; "),
    datasource: { type: "prometheus", uid: "${datasource}" },
    gridPos: { x: 12 * (i % 2), y: 8 * Math.floor(i / 2), w: 12, h: 8 },
    fieldConfig: { defaults: { unit: unitOf(metrics[0]!), min: 0 }, overrides: [] },
    targets: metrics.map((metric, j) => ({
      refId: String.fromCharCode(65 + j),
      expr: expression(metric),
      legendFormat: exposed(metric).reason === undefined ? metric : "{{reason}}",
    })),
  }));
  const templating = { list: [{ name: "datasource", type: "datasource", query: "prometheus" }] };
  const board = {
    ...{ title: "Wirepost", uid: "wirepost", schemaVersion: 39, refresh: "10s" },
    ...{ time: { from: "now-1h", to: "now" }, templating, panels },
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
  const rules = ALERTS.map(({ name, metric, when, severity, summary, ...alert }) =>
    [
      `      - alert: ${name}`,
      `        expr: ${when.replaceAll("METRIC", exposed(metric).name)}`,
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
