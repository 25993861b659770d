/**
 * The same records lead to byte-equal state: in an engine that is never written down, in one that is written down and
 * opened again at random moments, and in another process.
 */

import { assert, assertEquals } from "@std/assert";
import { Random } from "../simulation/random.ts";
import { Pair } from "../server/store/pair.ts";
import { temporaryDirectory } from "../program.ts";
import { FULL, obtainSeed, report } from "./form.ts";

const RECORDS = FULL ? 100_000 : 1000, BETWEEN_LOOKS = RECORDS / 10;

// store 4.1, 4.7
Deno.test("the same records lead to the same state in another process, whenever it is written down", async () => {
  await using directory = await temporaryDirectory();
  const seed = obtainSeed(), other = startOther(seed);
  using pair = new Pair(new Random(seed), directory.path);
  for (let i = 1; i <= RECORDS; i++) {
    pair.play();
    if (i % BETWEEN_LOOKS === 0) assertEquals(pair.written.dump(), pair.still.dump());
  }
  const { checkpoints, restarts } = pair.written, { code, stdout } = await other;
  report(`${RECORDS} records, ${checkpoints} checkpoints, ${restarts} new starts`);
  assert(checkpoints > RECORDS / 50 && restarts > RECORDS / 100);
  assertEquals([code, new TextDecoder().decode(stdout)], [0, pair.still.dump().join("")]);
});

/** Another process, which applies the same records and gives the whole state out. */
function startOther(seed: number): Promise<Deno.CommandOutput> {
  const other = new URL("./determinism_process.ts", import.meta.url).pathname;
  const args = ["run", "--allow-read", "--allow-env", other, `${seed}`, `${RECORDS}`];
  return new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit" }).output();
}
