import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Figures } from "./load/loop.ts";
import { conclusion, describe, sumUp } from "./report.ts";
import { GROUPS, selected } from "./rows.ts";

function result(id: string, systems: Record<string, Figures[] | string>) {
  const [group] = selected([id]);
  const outcomes = Object.entries(systems).map(([title, rounds]) =>
    typeof rounds === "string" ? { title, rounds: [], failure: rounds } : { title, rounds }
  );
  return { group: group!, row: group!.rows[0]!, outcomes };
}

const rates = (...values: number[]) => values.map((rate) => ({ rate }));

Deno.test("a ratio is of medians, and is judged by what is wanted of each system", () => {
  const report = sumUp(
    result("put/32", {
      Wirepost: rates(900, 1100, 1000),
      Redis: rates(2000, 1000, 990),
      JetStream: "no answer",
      beanstalkd: rates(100, 100),
    }),
    [],
  );
  assertEquals(report.ratios, { Redis: 1, beanstalkd: 10 });
  assertEquals(report.best, "Redis");
  assertEquals(report.judged.map(({ wanted, isMet }) => [wanted, isMet]), [
    ["1.00 of Redis", true],
    ["10.00 of JetStream", undefined],
    ["5.00 of beanstalkd", true],
  ]);
  const text = describe(report);
  assertStringIncludes(text, "  Redis *                    1,000  990 to 2,000 ");
  assertStringIncludes(text, "  JetStream           failed: no answer\n");
  assertStringIncludes(conclusion([report]), "2 of 2 wanted are met, 1 not measured\n");
});

Deno.test("a time is better if it is less, and counts only if the others did what they should", () => {
  const figures = { p50: 0.5, p99: 0.9, p999: 2, max: 3, company: 50_000 };
  const redis = { ...figures, p99: 1.8 };
  const report = sumUp(result("latency/50000", { Wirepost: [figures], Redis: [redis] }), []);
  assertEquals([report.ratios, report.judged[0]!.isMet], [{ Redis: 2 }, true]);
  const slow = { ...figures, company: 40_000 };
  const short = sumUp(result("latency/50000", { Wirepost: [slow], Redis: [redis] }), []);
  assertEquals(short.judged[0]!.isMet, false);
  assertStringIncludes(describe(short), "max 3.000 ms; others 40,000/s of 50,000\n");
});

Deno.test("a row can be compared with another row", () => {
  const one = sumUp(result("raw/1x32x1", { Wirepost: rates(1000) }), []);
  const many = sumUp(result("raw/1000x32x1", { Wirepost: rates(499) }), [one]);
  assertStringIncludes(describe(many), "  wanted 0.50 of raw/1x32x1: 0.50, SHORT\n");
  assertStringIncludes(conclusion([one, many]), "  raw/1000x32x1: wanted 0.50 of raw/1x32x1, 0.50\n");
});

Deno.test("every row has a name of its own, and a row that others are compared with comes first", () => {
  const ids = GROUPS.flatMap(({ name, rows }) => rows.map((row) => `${name}/${row.name}`));
  assertEquals(new Set(ids).size, ids.length);
  for (const { name, rows } of GROUPS) {
    for (const row of rows) {
      const others = row.wanted.flatMap((want) => "row" in want ? [want.row] : []);
      const own = ids.indexOf(`${name}/${row.name}`);
      assertEquals(others.filter((other) => !ids.slice(0, own).includes(other)), []);
    }
  }
});
