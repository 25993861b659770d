/**
 * Fuzzing of every decoder and state machine, of the server and of the client before a server that is malicious.
 *
 * In the suite each target takes its corpus, and a fixed number of inputs that are made of it. In the full form each target
 * has a process of its own for 10 minutes, or WIREPOST_FUZZ_MINUTES, two at a time, and its inputs are guided by coverage.
 * WIREPOST_FUZZ_TARGETS names some of them, WIREPOST_SEED begins another run, and WIREPOST_FUZZ_CORPUS is a directory for
 * the inputs that reached something new: what is worth keeping is moved to `corpus/` by hand.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { FULL, obtainSeed, report } from "../form.ts";
import { runShort } from "./engine/fuzzer.ts";
import { TARGETS } from "./targets/targets.ts";

/** The seed of the short form. */
const SEED = 1;

/** Processes at a time. */
const PROCESSES = 2;

const { env } = Deno;
const names = env.get("WIREPOST_FUZZ_TARGETS")?.split(",");
const targets = TARGETS.filter(({ name }) => names?.includes(name) ?? true);

for (const target of targets) {
  Deno.test({
    name: `fuzzing ${target.name} finds nothing`,
    ignore: FULL,
    // a command that ends leaves timers to the end of its process, as its connections do
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => void await runShort(target, SEED),
  });
}

Deno.test({
  name: "fuzzing every target for minutes finds nothing",
  ignore: !FULL,
  async fn() {
    const seed = obtainSeed(), waiting = targets.map(({ name }) => name), failed: string[] = [];
    const fuzz = async () => {
      for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
        if (!await isSound(name, seed)) failed.push(name);
      }
    };
    await Promise.all(Array.from({ length: PROCESSES }, fuzz));
    assertEquals(failed, []);
  },
});

/** Fuzzes a target in a process of its own, and passes on what that reports. */
async function isSound(name: string, seed: number): Promise<boolean> {
  const minutes = env.get("WIREPOST_FUZZ_MINUTES") ?? "10", directory = env.get("WIREPOST_FUZZ_CORPUS");
  const program = new URL("engine/process.ts", import.meta.url).pathname;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--no-check",
        "--v8-flags=--expose-gc",
        "--allow-net",
        "--allow-read",
        "--allow-write",
        "--allow-env",
      ],
      // the inspector has no name among what may be allowed one by one
      ...["--allow-run", "--allow-sys", program, name, minutes, `${seed}`],
      ...directory === undefined ? [] : [directory],
    ],
    stdout: "null",
  }).output();
  report(new TextDecoder().decode(stderr).trimEnd());
  return code === 0;
}
