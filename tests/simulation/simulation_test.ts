import { assert } from "@std/assert";
import { type Report, Simulation } from "./simulation.ts";

async function simulate(seed: number): Promise<Report> {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-simulation-" });
  try {
    return await new Simulation(seed, directory).run();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The seeds to run: one that is asked for, or many and a random one. */
function seeds(): number[] {
  const asked = Deno.env.get("WIREPOST_SEED");
  if (asked !== undefined) return [Number(asked)];
  const count = Deno.env.get("WIREPOST_FAULTS") === "full" ? 2000 : 25;
  return [...Array(count).keys(), crypto.getRandomValues(new Uint32Array(1))[0]!];
}

// session.md 5.1, 5.7, 6.11
Deno.test("a session keeps its promises on a bad network, with client or server killed", async (t) => {
  const all = seeds(), reports: Report[] = [];
  const name = all.length === 1 ? `seed ${all[0]}` : `${all.length - 1} seeds, and seed ${all.at(-1)}`;
  const isDone = await t.step(name, async () => {
    for (const seed of all) reports.push(await simulate(seed));
  });
  if (all.length === 1 || !isDone) return;
  const sum = (count: (report: Report) => number) => reports.reduce((sum, report) => sum + count(report), 0);
  // else the runs would prove less than they say: at least so often in 200 of them
  const isOften = (count: (report: Report) => number, least: number) =>
    assert(sum(count) > least * all.length / 200, `${count}: ${sum(count)}`);
  isOften(({ network }) => network.lost, 1000);
  isOften(({ network }) => network.repeated, 1000);
  isOften(({ network }) => network.reordered, 1000);
  isOften(({ kills }) => kills.server, 100);
  isOften(({ kills }) => kills.sender, 50);
  isOften(({ kills }) => kills.receiver, 50);
  isOften(({ sealed }) => sealed, 300);
  isOften(({ outcomes }) => outcomes.stored, 5000);
  isOften(({ outcomes }) => outcomes.withdrawn, 10);
  isOften(({ named }) => named.there, 10);
  isOften(({ named }) => named.missing, 10);
  isOften(({ displaced }) => displaced.there, 10);
  isOften(({ displaced }) => displaced.missing, 10);
});
