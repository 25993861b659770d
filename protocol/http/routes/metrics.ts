/**
 * The route of metrics. http.md section 11.
 *
 * @module
 */

import type { Routes } from "../route.ts";

export const METRICS_ROUTES = {
  metrics: {
    method: "GET",
    path: "/metrics",
    summary: "What the server counts and measures, for Prometheus",
    access: "user",
    answers: { 200: { help: "The metrics in Prometheus' text format", types: { "text/plain": undefined } } },
    examples: [{
      title: "Read the metrics",
      target: "/metrics",
      answer: {
        status: 200,
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        isPart: true,
        body:
          "# HELP wirepost_info The version of the server\n# TYPE wirepost_info gauge\nwirepost_info{version=",
      },
    }],
  },
} as const satisfies Routes;
