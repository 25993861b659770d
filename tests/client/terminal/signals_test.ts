/** Signals and their handlers. */

import { assertEquals } from "@std/assert";
import { onSignal, signalsHandled } from "../../../client/terminal/signals.ts";

Deno.test(
  "a signal that has come is handled before what waits for that goes on",
  { ignore: Deno.build.os === "windows" },
  async () => {
    let handled = 0;
    using _ = onSignal("SIGWINCH", () => handled++);
    for (let i = 1; i <= 100; i++) {
      Deno.kill(Deno.pid, "SIGWINCH");
      await signalsHandled();
      assertEquals(handled, i);
    }
  },
);
