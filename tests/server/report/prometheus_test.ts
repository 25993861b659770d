/** Metrics for Prometheus, and what is made from their table for those who watch over a server. */

import { assertEquals, assertMatch } from "@std/assert";
import { alerts, dashboard } from "../../../.package/monitoring/make.ts";
import { type HistogramName, HISTOGRAMS, type MetricName, METRICS } from "../../../server/report/metrics.ts";
import { encodePrometheus, exposed } from "../../../server/report/prometheus.ts";
import { httpRequest } from "../../http.ts";
import { lacks } from "../../program.ts";
import { withHttp } from "../wire/http/http_server.ts";

const MONITORING = new URL("../../../.package/monitoring/", import.meta.url);

/** Runs promtool, and returns what it says is wrong. */
async function promtool(args: string[], input?: string): Promise<string> {
  const child = new Deno.Command("promtool", { args, stdin: "piped", stdout: "piped", stderr: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  if (input !== undefined) await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  return success ? "" : new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
}

Deno.test("a metric's name for Prometheus has its unit and its type", () => {
  const names = (["messages", "journal sync time", "http refused bad ID", "files bytes sent", "up"] as const)
    .map((metric) => exposed(metric).name);
  assertEquals(names, [
    "wirepost_messages",
    "wirepost_journal_sync_time_seconds_total",
    "wirepost_http_refused_total",
    "wirepost_files_bytes_sent_bytes_total",
    "wirepost_up_seconds",
  ]);
  assertMatch(
    encodePrometheus({ values: new Map([["journal sync time", 1500]]), histograms: new Map() }, "1"),
    /^wirepost_journal_sync_time_seconds_total 1\.5$/m,
  );
});

const TIMES = { bounds: [0.1, 250], counts: [3, 0, 1], sum: 1000.3 };

Deno.test("a histogram has how many were at most so large, in seconds (http.md 11.2)", () => {
  const text = encodePrometheus({ values: new Map(), histograms: new Map([["journal sync", TIMES]]) }, "1");
  assertEquals(text.slice(text.indexOf("# HELP wirepost_journal_sync_seconds ")).split("\n"), [
    "# HELP wirepost_journal_sync_seconds How long a sync of the journal to disk took",
    "# TYPE wirepost_journal_sync_seconds histogram",
    'wirepost_journal_sync_seconds_bucket{le="0.0001"} 3',
    'wirepost_journal_sync_seconds_bucket{le="0.25"} 3',
    'wirepost_journal_sync_seconds_bucket{le="+Inf"} 4',
    "wirepost_journal_sync_seconds_sum 1.0003",
    "wirepost_journal_sync_seconds_count 4",
    "",
  ]);
});

Deno.test("GET /metrics has the metrics of the services that run", async () => {
  await withHttp({ ports: { mailbox: 0, channels: 0 } }, async (port) => {
    const { status, headers, body } = await httpRequest(port, "GET /metrics");
    assertEquals([status, headers["content-type"]], [200, "text/plain; version=0.0.4; charset=utf-8"]);
    for (
      const line of ['wirepost_info{version="0"} 1', "wirepost_dead_letters 0", "wirepost_event_readers 0"]
    ) {
      assertEquals(body.split("\n").includes(line), true, line);
    }
    assertMatch(body, /^wirepost_http_refused_total\{reason="bad ID"\} 0$/m);
    // the syncs that are counted are those of the histogram
    const [, syncs] = /^wirepost_journal_syncs_total (\d+)$/m.exec(body)!;
    assertMatch(body, new RegExp(`^wirepost_journal_sync_seconds_bucket\\{le="\\+Inf"\\} ${syncs}$`, "m"));
  });
});

Deno.test("dashboard and alert rules are those of the table of metrics", async () => {
  assertEquals(
    JSON.parse(await Deno.readTextFile(new URL("dashboard.json", MONITORING))),
    JSON.parse(dashboard()),
  );
  assertEquals(await Deno.readTextFile(new URL("alerts.yml", MONITORING)), alerts());
});

Deno.test({
  name: "promtool takes the metrics and the alert rules",
  ignore: await lacks("promtool"),
  async fn() {
    const values = new Map((Object.keys(METRICS) as MetricName[]).map((metric) => [metric, 1]));
    const histograms = new Map((Object.keys(HISTOGRAMS) as HistogramName[]).map((name) => [name, TIMES]));
    assertEquals(await promtool(["check", "metrics"], encodePrometheus({ values, histograms }, "1")), "");
    assertEquals(await promtool(["check", "rules", new URL("alerts.yml", MONITORING).pathname]), "");
  },
});
