/**
 * Metrics in the text format of Prometheus. Every name, type and help is that of the table of metrics. http.md section 11.
 *
 * @module
 */

import { HTTP_REFUSALS, type MetricName, METRICS, REFUSED_REASONS, TRANSFER_REFUSALS } from "./metrics.ts";

/** The media type of the text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Metrics that are one with a label `reason`, by what stands before the reason in their names. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  "refused": REFUSED_REASONS,
  "files refused": TRANSFER_REFUSALS,
  "http refused": HTTP_REFUSALS,
};

/** What is said of all that have a reason. */
const REASON_HELP = "Refused, by reason";

/** Seconds of a unit of time. */
const SECONDS: Readonly<Record<string, number>> = { seconds: 1, milliseconds: 0.001 };

/** A metric as Prometheus names it. */
export interface ExposedMetric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly reason?: string;
  /** What a value is multiplied by. */
  readonly factor: number;
}

/** How Prometheus names a metric: `wirepost_…_total`, `…_seconds`, `…_bytes`. */
export function exposed(metric: MetricName): ExposedMetric {
  const { type, unit, help } = METRICS[metric];
  const family = Object.keys(REASONS).find((family) =>
    metric.startsWith(`${family} `) && REASONS[family]!.includes(metric.slice(family.length + 1))
  );
  const factor = SECONDS[unit] ?? 1, unitName = unit in SECONDS ? "seconds" : unit === "bytes" ? unit : "";
  const words = (family ?? metric).toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  const base = unitName === "" || words.endsWith(unitName) ? words : `${words}_${unitName}`;
  const name = `wirepost_${base}${type === "counter" ? "_total" : ""}`;
  if (family === undefined) return { name, type, help, factor };
  return { name, type, help: REASON_HELP, reason: metric.slice(family.length + 1), factor };
}

/** The text. Of a metric that is counted but was not yet, the value is 0. */
export function encodePrometheus(values: ReadonlyMap<MetricName, number>, version: string): string {
  const families = new Map<string, { type: string; help: string; lines: string[] }>();
  for (const metric of Object.keys(METRICS) as MetricName[]) {
    const { name, type, help, reason, factor } = exposed(metric);
    const value = values.get(metric) ?? (type === "counter" ? 0 : undefined);
    if (value === undefined) continue;
    let family = families.get(name);
    if (family === undefined) families.set(name, family = { type, help, lines: [] });
    const labels = reason === undefined ? "" : `{reason="${reason}"}`;
    family.lines.push(`${name}${labels} ${Number((value * factor).toPrecision(15))}\n`);
  }
  const info = `# HELP wirepost_info The version of the server\n# TYPE wirepost_info gauge\n` +
    `wirepost_info{version=${JSON.stringify(version)}} 1\n`;
  const texts = [...families].map(([name, { type, help, lines }]) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`
  );
  return info + texts.join("");
}
