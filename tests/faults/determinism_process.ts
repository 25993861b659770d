/**
 * Applies the random records of a seed to an engine in memory, and prints the whole state.
 *
 * @module
 */

import { Random } from "../simulation/random.ts";
import { Pair } from "../server/store/pair.ts";

const [seed, records] = Deno.args.map(Number) as [number, number];
using pair = new Pair(new Random(seed), undefined);
for (let i = 0; i < records; i++) pair.play();
const encoder = new TextEncoder();
for (const line of pair.still.dump()) {
  for (let bytes = encoder.encode(line); bytes.length > 0;) {
    bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
  }
}
