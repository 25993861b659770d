/** Signals and their handlers. */

import { assertEquals } from "@std/assert";
import { runCommand } from "../../program.ts";

/**
 * Runs in a process of its own: in one with many threads, as that of the tests, a signal may come to a thread that has to
 * wait for a processor, and be overtaken.
 */
const PROGRAM = `
import { onSignal, signalsHandled } from "${new URL("../../../client/terminal/signals.ts", import.meta.url)}";
let handled = 0;
using _ = onSignal("SIGWINCH", () => handled++);
for (let i = 1; i <= 100; i++) {
  Deno.kill(Deno.pid, "SIGWINCH");
  await signalsHandled();
  if (handled !== i) throw new Error(handled + " of " + i);
}
console.log("all handled");
`;

Deno.test(
  "a signal that has come is handled before what waits for that goes on",
  { ignore: Deno.build.os === "windows" },
  async () => {
    const { code, out, err } = await runCommand([
      Deno.execPath(),
      "eval",
      "--no-lock",
      "--no-config",
      PROGRAM,
    ]);
    assertEquals([code, out, err], [0, "all handled\n", ""]);
  },
);
