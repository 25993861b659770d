/** The same records lead to the same state, whenever that is written down. */

import { assert, assertEquals } from "@std/assert";
import { temporaryDirectory } from "../../../program.ts";
import { Random } from "../../../simulation/random.ts";
import { Pair } from "./pair.ts";

const RECORDS = 400, SEEDS = 8;

// store 4.1, 4.7; the long run is tests/faults/determinism_test.ts
Deno.test("the same records lead to the same state, with checkpoints and new starts at any moment or without", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), seeds = given === undefined ? SEEDS : 1;
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  let checkpoints = 0, restarts = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    await using directory = await temporaryDirectory();
    using pair = new Pair(new Random(seed), directory.path);
    try {
      for (let i = 0; i < RECORDS; i++) pair.play();
      assertEquals(pair.written.dump(), pair.still.dump());
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    }
    checkpoints += pair.written.checkpoints;
    restarts += pair.written.restarts;
  }
  assert(checkpoints > seeds && restarts > seeds);
});
