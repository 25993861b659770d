import { assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { runCommand, temporaryDirectory } from "../program.ts";
import config from "../../deno.json" with { type: "json" };

const [, ...TASK] = config.tasks.bench.command.split(" ");
const cwd = new URL("../../", import.meta.url).pathname;

/** Runs the task, as a user would. */
const bench = (...args: string[]) =>
  runCommand([Deno.execPath(), ...TASK, ...args], { cwd, env: { NO_COLOR: "1" } });

const TINY = ["--alone", "--rounds", "2", "--seconds", "0.02"];

Deno.test("rows of every kind of load are measured, with Wirepost alone", async () => {
  const rows = ["put/32", "receive/1", "end-to-end/256", "raw/1x32x18"];
  // these call the C library
  if (Deno.build.os === "linux") rows.push("frames/10", "http/1", "events/100");
  const { code, out, err } = await bench(...rows, ...TINY, "--json");
  const [machine, ...reports] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(reports.flatMap(({ systems }) => systems[0].failure ?? []), []);
  assertEquals([code, machine.rounds, reports.map(({ id }) => id)], [0, 2, rows]);
  for (const { systems } of reports) {
    const [{ title, rounds, min, median, max }] = systems;
    assertEquals([title, rounds.length], ["Wirepost", 2]);
    assertGreater(min, 0);
    assertEquals([min, median, max], [min, median, max].toSorted((a, b) => a - b));
  }
  const { p50, p99, max } = reports[2].systems[0].figures;
  assertEquals([p50, p99, max], [p50, p99, max].toSorted((a, b) => a - b));
  assertEquals(err.replace("The machine is not quiet: the figures mean little\n", ""), "");
});

Deno.test("the table has 100 columns at most, and a row that failed says so", async () => {
  const { code, out } = await bench("put/1", ...TINY, "--program", "/bin/true");
  assertEquals(code, 1);
  assertStringIncludes(out, "  Wirepost            failed: Server ended before ");
  assertEquals(out.split("\n").filter((line) => line.length > 100), []);
});

Deno.test("a row that is not known is wrong usage", async () => {
  assertEquals(await bench("put/2"), { code: 2, out: "", err: "bench: Unknown row 'put/2': see --list\n" });
});

Deno.test("a signal ends it, and nothing is left", async () => {
  await using temporary = await temporaryDirectory();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...TASK, "put/1", "--alone", "--rounds", "100000", "--json"],
    cwd,
    env: { TMPDIR: temporary.path },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  assertStringIncludes((await reader.read()).value!, temporary.path);
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 130);
  await reader.cancel();
  assertEquals([...Deno.readDirSync(temporary.path)].filter(({ name }) => name.startsWith("wirepost")), []);
});
