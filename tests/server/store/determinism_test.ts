/** The same records lead to the same state, whenever that is written down. */

import { assert, assertEquals } from "@std/assert";
import { Random } from "../../simulation/random.ts";
import { temporaryDirectory } from "../../program.ts";
import { RandomRecords } from "./random_records.ts";
import { Replica } from "./replica.ts";

const RECORDS = 400, SEEDS = 8;

/** Applies random records to one engine that writes them down at random moments, and to one that never does. */
async function play(seed: number): Promise<Replica> {
  await using directory = await temporaryDirectory();
  const records = new RandomRecords(new Random(seed));
  const still = new Replica(undefined), written = new Replica(directory.path, new Random(seed + 1));
  try {
    for (let i = 0; i < RECORDS; i++) {
      const start = records.begin(), due = still.due(...records.clocks);
      const requests = i === 0 ? [records.configure()] : due === undefined ? records.requests() : [due];
      for (const replica of [still, written]) replica.begin(start);
      for (const request of requests) {
        const expected = still.carryOut(request), outcome = written.carryOut(request);
        assertEquals(outcome, expected, `record ${i}: ${JSON.stringify(request)}`);
        records.learn(request, expected.outcome);
      }
      for (const replica of [still, written]) replica.end();
    }
    assertEquals(written.dump(), still.dump());
  } finally {
    for (const replica of [still, written]) replica.close();
  }
  return written;
}

// store 4.1, 4.7
Deno.test("the same records lead to the same state, with checkpoints and new starts at any moment or without", async () => {
  const given = Deno.env.get("WIREPOST_SEED"), seeds = given === undefined ? SEEDS : 1;
  const first = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  let checkpoints = 0, restarts = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      const written = await play(seed);
      checkpoints += written.checkpoints;
      restarts += written.restarts;
    } catch (error) {
      throw new Error(`WIREPOST_SEED=${seed} fails again`, { cause: error });
    }
  }
  assert(checkpoints > seeds && restarts > seeds);
});
