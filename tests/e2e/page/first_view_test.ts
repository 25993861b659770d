/**
 * What a browser that was never there loads, and when it shows what was said: at most 50 KB, and within 300 ms on this
 * machine (only the full form, WIREPOST_FAULTS=full, holds the time: it needs a quiet one).
 */

import { assertLess } from "@std/assert";
import { LACKS_BROWSER, TestBrowser } from "../../client/page/browser.ts";
import { FULL, median, report } from "../../faults/form.ts";
import { ServerProcess } from "../../program.ts";
import { FramePeer } from "../../stream.ts";

const MAX_BYTES = 50_000, MAX_MS = 300;

/** Messages of the history, and how often it is loaded. */
const MESSAGES = 50, LOADS = FULL ? 15 : 2;

/**
 * Resolves to the milliseconds from the begin of the navigation until all is shown, or until it is asked for if that is
 * later; and to the bytes that were transferred.
 */
const SHOWN = `new Promise((resolve) => {
  const look = () => {
    if (document.querySelectorAll(".message").length < ${MESSAGES}) return requestAnimationFrame(look);
    const ms = performance.now(), loaded = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
    resolve({ ms, bytes: loaded.reduce((sum, { transferSize }) => sum + transferSize, 0), requests: loaded.length });
  };
  look();
})`;

Deno.test("the first view is small, and shows what was said at once", { ignore: LACKS_BROWSER }, async () => {
  await using server = await ServerProcess.start(["mailbox", "0", "channels", "0", "room", "0", "--memory"]);
  using alice = await FramePeer.named("alice", await server.ready("channels"));
  await alice.send("/join room");
  for (let i = 0; i < MESSAGES; i++) await alice.send(`message ${i}`);
  await alice.settle();
  await using browser = await TestBrowser.start();
  const url = `http://127.0.0.1:${await server.ready("http")}/`, times: number[] = [];
  await alice.send("/join room");
  for (let i = 0; i < LOADS; i++) {
    // each window has a cache of its own
    const page = await browser.open(url);
    const { ms, bytes, requests } = await page.evaluate(SHOWN) as Record<string, number>;
    // one that stays open takes time from the next
    await page.context().close();
    times.push(ms!);
    assertLess(bytes!, MAX_BYTES);
    report(`${ms!.toFixed(0)} ms, ${bytes} bytes in ${requests} requests`);
  }
  report(`shown after ${median(times).toFixed(0)} ms (median)`);
  if (FULL) assertLess(median(times), MAX_MS);
});
