/**
 * Floods of datagrams, more than a server's socket can take: what the socket drops costs nothing, what is read leaves
 * nothing. 2 s in all; with WIREPOST_FAULTS=full a minute each.
 */

import { assert, assertLess } from "@std/assert";
import { FROM_SOURCE, lacks, Peer, runCommand, ServerProcess, temporaryDirectory } from "../../program.ts";
import { FULL, median, report, residentMiB } from "../form.ts";

const ignore = Deno.build.os !== "linux" || await lacks("python3");

const KINDS = ["unreadable", "takes", "sessions", "cookies", "hellos"];

/** How long each of them floods, in seconds. */
const SECONDS = FULL ? 60 : 2 / KINDS.length;

/**
 * Memory that a flood may cost at its height, in MiB: what V8 has not cleared away yet, which came to 10 at most on a busy
 * machine, and is three halves of 16 where it reads more. And what the second half of a long flood may add to the first: it
 * does not grow with the flood.
 */
const MAX_MIB = 96, MAX_GROWTH_MIB = 32;

/** Milliseconds after the end of a flood until all is as before, in the full form. */
const CALM_MS = 1000;

/** Requests whose times are compared, before and after; in the full form. */
const PINGS = 200, MAX_FACTOR = 3, MAX_NOISE_MS = 5;

/** Milliseconds that each of some requests takes. */
async function ping(port: number): Promise<number[]> {
  using peer = new Peer(port);
  const times: number[] = [];
  for (let i = 0; i < PINGS; i++) {
    const began = performance.now();
    await peer.ask("R, nobody");
    times.push(performance.now() - began);
  }
  return times;
}

/** Milliseconds until the server answers. What is lost meanwhile is sent again. */
async function untilAnswered(port: number): Promise<number> {
  using peer = new Peer(port);
  const began = performance.now();
  const repeating = setInterval(() => void peer.send("R, nobody"), 20);
  await peer.ask("R, nobody");
  clearInterval(repeating);
  return performance.now() - began;
}

/** Memory of the server again and again, until `ended` resolves. */
async function memoryUntil(pid: number, ended: Promise<unknown>): Promise<number[]> {
  const samples: number[] = [];
  let isOver = false;
  ended.finally(() => isOver = true);
  do {
    samples.push(await residentMiB(pid));
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (!isOver);
  return samples;
}

for (const kind of KINDS) {
  Deno.test(`a flood of ${kind} above what the socket can take costs no memory, and is over with its end`, {
    ignore,
  }, async () => {
    await using directory = await temporaryDirectory();
    await using server = await ServerProcess.start(["mailbox", "0", "--data", `${directory.path}/data`], {
      command: FROM_SOURCE,
    });
    // what is used for the first time takes longer
    await ping(server.port);
    const before = median(await ping(server.port)), mibBefore = await residentMiB(server.pid);
    const folder = new URL("attacker/", import.meta.url).pathname;
    const args = ["datagrams.most", `${SECONDS * 1000}`, JSON.stringify({ mailbox: server.port }), kind];
    const env = { PYTHONDONTWRITEBYTECODE: "1" };
    const flood = runCommand(["python3", folder, ...args], { env });
    const samples = await memoryUntil(server.pid, flood), half = samples.length >> 1;
    const mib = Math.max(...samples), mibHalf = Math.max(...samples.slice(0, half));
    const sent = Number((await flood).out), calm = await untilAnswered(server.port);
    const after = median(await ping(server.port)), mibAfter = await residentMiB(server.pid);
    const rate = Math.round(sent / SECONDS);
    report(
      `${kind}: ${rate} a second; ${mibBefore.toFixed()} MiB before, at most ${mib.toFixed()} meanwhile, ` +
        `${mibAfter.toFixed()} after; ${mibHalf.toFixed()} in its first half; answered ${calm.toFixed()} ms after the end; ` +
        `median of a take ${before.toFixed(2)} ms before, ${after.toFixed(2)} ms after`,
    );
    assert(sent > 0);
    assertLess(Math.max(mib, mibAfter) - mibBefore, MAX_MIB, "MiB");
    if (FULL) assertLess(mib - mibHalf, MAX_GROWTH_MIB, "MiB in the second half");
    if (!FULL) return;
    assertLess(calm, CALM_MS);
    assertLess(after, MAX_FACTOR * before + MAX_NOISE_MS);
  });
}
