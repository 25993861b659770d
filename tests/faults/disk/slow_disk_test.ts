import { assertEquals, assertLess } from "@std/assert";
import { FROM_SOURCE, Peer, ServerProcess, temporaryDirectory } from "../../program.ts";
import { Administrator } from "../administrator.ts";
import { FULL, report } from "../form.ts";

/** Each commit of this server takes 5 ms longer. */
const SLOW_SERVER = [
  ...FROM_SOURCE.slice(0, -1),
  "--unstable-net",
  new URL("slow_server.ts", import.meta.url).pathname,
];

const SECONDS = FULL ? 5 : 1;
/** Datagrams a millisecond. */
const BURST = 20;
const DATAGRAMS = SECONDS * 1000 * BURST;
/** Rounds. One has to lose nothing: a machine that stops for 15 ms loses what the kernel can't hold. */
const ROUNDS = 3;
const MAILBOXES = 100;
/** How often is looked whether all that was read is stored: each look is a request or two, and 2 MiB may wait before it. */
const MAX_LOOKS = 10_000;

const never = new Int32Array(new SharedArrayBuffer(4));

Deno.test("20,000 datagrams a second are all stored while each commit takes 5 ms longer", async () => {
  await using directory = await temporaryDirectory();
  await using server = await ServerProcess.start([directory.path], { command: SLOW_SERVER });
  using peer = new Peer(server.port);
  using administrator = await Administrator.repeating(directory.path, server.port);

  let fewest = DATAGRAMS, stored = 0;
  for (let round = 0; round < ROUNDS && fewest > 0; round++) {
    const began = performance.now();
    for (let sent = 0, next = began; sent < DATAGRAMS; next = Math.max(next + 1, performance.now() - 1)) {
      // a timer would come a millisecond late
      Atomics.wait(never, 0, 0, Math.max(0, next - performance.now()));
      for (const end = sent + BURST; sent < end; sent++) {
        await peer.send(`F, bob-${sent % MAILBOXES}, alice, ${sent} forty bytes or so of it`);
      }
    }
    const rate = Math.round(DATAGRAMS / (performance.now() - began) * 1000);
    const before = stored;
    // who asks little overtakes datagrams that wait to be handled (session.md 10.10): all are handled once both agree
    for (let looks = 0;; looks++) {
      stored = await administrator.count();
      const figures = await administrator.figures(), received = figures("received") - figures("control");
      assertEquals(figures("refused overload"), 0);
      if (received === stored) break;
      assertLess(looks, MAX_LOOKS, `the server handled ${received} and stored ${stored}`);
    }
    const lost = DATAGRAMS - (stored - before);
    fewest = Math.min(fewest, lost);
    report(`${DATAGRAMS} datagrams at ${rate} a second, ${lost} of them not stored`);
  }
  // on a machine that does other things as well, the kernel has no room for all of them
  if (FULL) assertEquals(fewest, 0, "datagrams were lost in every round");
  else assertLess(fewest, DATAGRAMS);
});
