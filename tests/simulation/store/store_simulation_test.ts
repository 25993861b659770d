import { assertGreater } from "@std/assert";
import { FULL, report } from "../../faults/form.ts";
import type { Random } from "../random.ts";
import { Covered } from "./covered.ts";
import { Everything } from "./everything.ts";
import { Promises } from "./promises.ts";
import { type Figures, type Load, World } from "./world.ts";

/** How long the long form takes for each load, in milliseconds: together five minutes. */
const FULL_MS = 100_000;

/** Steps of a run, and runs of the short form: half of them always the same ones, half never. */
const STEPS = FULL ? 20_000 : 2500, RUNS = 4;

const LOADS: Readonly<Record<string, new (random: Random) => Load>> = { Covered, Everything, Promises };

/** The seeds to run: one that is asked for, or some that are always the same and some that are new. */
function* seeds(): Generator<number> {
  const asked = Deno.env.get("WIREPOST_SEED");
  if (asked !== undefined) return yield Number(asked);
  const began = Date.now();
  for (let run = 0; FULL ? Date.now() - began < FULL_MS : run < RUNS; run++) {
    yield run % 2 === 0 ? run : crypto.getRandomValues(new Uint32Array(1))[0]!;
  }
}

/** Runs one seed alone: what it does depends on nothing else. */
async function simulate(seed: number, Load: new (random: Random) => Load): Promise<Figures> {
  using world = new World(seed, (random) => new Load(random));
  try {
    return await world.run(STEPS);
  } catch (error) {
    const again = `${FULL ? "WIREPOST_FAULTS=full " : ""}WIREPOST_SEED=${seed}`;
    throw new Error(`${again} fails again, alone, after ${world.figures.steps} steps`, { cause: error });
  }
}

for (const [name, Load] of Object.entries(LOADS)) {
  // store 3.8, 4.7, 4.8, 5.4, 5.7, 6.4
  Deno.test(`a store that is stopped at any moment keeps its promises: ${name.toLowerCase()}`, async () => {
    const sum: Partial<Record<keyof Figures, number>> = {}, began = Date.now();
    for (const seed of seeds()) {
      for (const [key, count] of Object.entries(await simulate(seed, Load))) {
        sum[key as keyof Figures] = (sum[key as keyof Figures] ?? 0) + count;
      }
    }
    const { steps = 0, kills = 0, powerCuts = 0, comparisons = 0 } = sum, ms = Date.now() - began;
    if (FULL) report(`${name}: ${Math.round(steps / ms * 1000)} steps a second; ${JSON.stringify(sum)}`);
    if (Deno.env.has("WIREPOST_SEED")) return;
    // else the runs would prove less than they say
    assertGreater(kills + powerCuts, steps / 10_000);
    assertGreater(comparisons, steps / 5000);
  });
}
