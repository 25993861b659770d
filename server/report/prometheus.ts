/**
 * Metrics in the text format of Prometheus. Every name, type and help is that of the table of metrics. http.md section 11.
 *
 * @module
 */

import {
  type HistogramName,
  HISTOGRAMS,
  type HistogramValue,
  HTTP_REFUSALS,
  type MeasuredValues,
  type MetricName,
  METRICS,
  REFUSED_REASONS,
  TRANSFER_REFUSALS,
} from "./metrics.ts";

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
  const factor = SECONDS[unit] ?? 1;
  const name = `${nameOf(family ?? metric, unit)}${type === "counter" ? "_total" : ""}`;
  if (family === undefined) return { name, type, help, factor };
  return { name, type, help: REASON_HELP, reason: metric.slice(family.length + 1), factor };
}

/** How Prometheus names a histogram, without the endings `_bucket`, `_sum` and `_count`. */
export function exposedHistogram(histogram: HistogramName): string {
  return nameOf(histogram, HISTOGRAMS[histogram].unit);
}

function nameOf(metric: string, unit: string): string {
  const unitName = unit in SECONDS ? "seconds" : unit === "bytes" ? unit : "";
  const words = metric.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_");
  return `wirepost_${unitName === "" || words.endsWith(unitName) ? words : `${words}_${unitName}`}`;
}

/** The text. Of a metric that is counted but was not yet, the value is 0. */
export function encodePrometheus({ values, histograms }: MeasuredValues, version: string): string {
  const families = new Map<string, { type: string; help: string; lines: string[] }>();
  for (const metric of Object.keys(METRICS) as MetricName[]) {
    const { name, type, help, reason, factor } = exposed(metric);
    const value = values.get(metric) ?? (type === "counter" ? 0 : undefined);
    if (value === undefined) continue;
    let family = families.get(name);
    if (family === undefined) families.set(name, family = { type, help, lines: [] });
    const labels = reason === undefined ? "" : `{reason="${reason}"}`;
    family.lines.push(`${name}${labels} ${scaled(value, factor)}\n`);
  }
  const info = `# HELP wirepost_info The version of the server\n# TYPE wirepost_info gauge\n` +
    `wirepost_info{version=${JSON.stringify(version)}} 1\n`;
  const texts = [...families].map(([name, { type, help, lines }]) =>
    `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`
  );
  return info + texts.join("") + [...histograms].map(([name, value]) => histogramText(name, value)).join("");
}

/** What a factor such as 0.001 makes of a value, without digits that it does not have. */
function scaled(value: number, factor: number): number {
  return Number((value * factor).toPrecision(15));
}

/** Each line has how many were at most so large. */
function histogramText(histogram: HistogramName, { bounds, counts, sum }: HistogramValue): string {
  const { unit, help } = HISTOGRAMS[histogram],
    factor = SECONDS[unit] ?? 1,
    name = exposedHistogram(histogram);
  let count = 0;
  const buckets = counts.map((more, i) => {
    const bound = bounds[i] === undefined ? "+Inf" : scaled(bounds[i], factor);
    return `${name}_bucket{le="${bound}"} ${count += more}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} histogram\n${buckets.join("")}` +
    `${name}_sum ${scaled(sum, factor)}\n${name}_count ${count}\n`;
}
