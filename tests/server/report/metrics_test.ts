/** The table of metrics. */

import { assertEquals, assertMatch } from "@std/assert";
import { METRICS, Metrics } from "../../../server/report/metrics.ts";

Deno.test("every metric has a type, a unit and a sentence of help", () => {
  for (const [name, { type, unit, help }] of Object.entries(METRICS)) {
    assertMatch(name, /^[a-zA-Z][a-zA-Z8 -]*[a-zA-Z8]$/, "printed as one field of `status`");
    assertMatch(type, /^(counter|gauge)$/);
    assertMatch(unit, /^[a-z-]+$/, name);
    assertMatch(help, /^[A-Z].*[^.]$/, name);
  }
});

Deno.test("a metric with labels is declared once for each of them", () => {
  assertEquals(METRICS["refused bad ID"].unit, "datagrams");
  assertEquals(METRICS["room accept failed"], METRICS["files accept failed"]);
  assertEquals(METRICS["forum sessions logged in"].type, "gauge");
  assertEquals(Object.keys(METRICS).filter((name) => name.includes("*")), []);
});

Deno.test("counts are listed in the order in which each began", () => {
  const metrics = new Metrics();
  metrics.add("stored");
  metrics.add("received", 2);
  metrics.add("stored");
  assertEquals(metrics.entries(), [["stored", 2], ["received", 2]]);
  assertEquals(metrics.get("empty"), 0);
});
