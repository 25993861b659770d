/**
 * A real server under every kind of attack, one after the other, beside an honest client on every service: an attack costs
 * the others little while it lasts, and nothing afterwards. The whole of it takes 10 minutes with WIREPOST_FAULTS=full, in
 * which each attacker has one core, and the server and its honest clients have the other. The short form has a few kinds,
 * each small and for a second, and no bound of how long anybody waits: other tests run beside it. WIREPOST_MAIN=FILE attacks
 * the program of another checkout, to compare the two, and WIREPOST_ATTACK=PATTERN only has the kinds whose name matches.
 */

import { assert, assertEquals, assertLess, assertLessOrEqual } from "@std/assert";
import { within } from "../../../server/quota/uptime.ts";
import { lacks } from "../../program.ts";
import { FULL, report } from "../form.ts";
import { figuresHead, figuresLine } from "./figures.ts";
import { KINDS, nameOf } from "./kinds.ts";
import { Namespace } from "./namespace.ts";
import { type AllFigures, MAIN, PYTHON, Siege } from "./run.ts";
import { PATIENCE_MS } from "./services.ts";

/** Milliseconds until an attack counts as having its full size: it may not get there, where the server holds. */
const REACHED_MS = FULL ? 15_000 : PATIENCE_MS;

/** Milliseconds of each part, and after an attack until the next one begins. */
const BEFORE_MS = FULL ? (Deno.env.has("WIREPOST_ATTACK") ? 10_000 : 30_000) : 500,
  DURING_MS = FULL ? 4000 : 1000,
  REST_MS = FULL ? 1000 : 0;

/** How much longer the 99th percentile may be in the full form, and what is within the noise of the machine. */
const MAX_FACTOR = 3, NOISE_MS = 5;

/**
 * Of the 60 turns that a service has beside an attack, the 99th percentile is the longest one, and a single hiccup of the
 * machine is one. So where anybody waits too long, it is measured so many times as long: 200 turns and more.
 */
const LONGER = 4;

/** Turns in which a client of the original wire may have to ask again, in percent. */
const MAX_REPEATS_PERCENT = 10;

/** Memory that all attacks together may cost, in MiB. */
const MAX_MIB = 768;

/** In the short form an attacker reaches its part of these. */
const SERVE = FULL ? [] : ["--max-mailboxes", "2000"];

const PATTERN = new RegExp(Deno.env.get("WIREPOST_ATTACK") ?? "");

/** What is banned: the address whose attacks come from `one`, and most of the `many`. */
const BANNED = ["10.66.0.1", "10.70.0.0/16"];

/** Milliseconds after a flood of more than a socket can take until all is as before. */
const CALM_MS = 1000;

const ignore = Deno.build.os !== "linux" || await lacks("python3") || PYTHON === undefined;

/** How long a service may take. */
function maxMs(service: string, before: AllFigures): number {
  return MAX_FACTOR * before[service]!.p99! + NOISE_MS;
}

function assertServed(figures: AllFigures, before: AllFigures) {
  for (const [service, { count, p99, repeats, refused, timedOut, reason }] of Object.entries(figures)) {
    assertEquals({ refused, timedOut }, { refused: 0, timedOut: 0 }, `${service}: ${reason}`);
    if (!FULL) continue;
    assertLess(p99!, maxMs(service, before), `${service} waits longer`);
    assertLessOrEqual(repeats, 1 + count * MAX_REPEATS_PERCENT / 100, `${service}: asked again`);
  }
}

/** What the honest clients count, for longer where that is needed. */
async function measured(siege: Siege, before: AllFigures): Promise<AllFigures> {
  const figures = await siege.measure(DURING_MS);
  const isLong = Object.entries(figures).some(([service, { p99 }]) => p99! >= maxMs(service, before));
  return FULL && isLong ? await siege.measureOn((LONGER - 1) * DURING_MS) : figures;
}

Deno.test("honest clients are served beside every kind of attack, and all is as before afterwards", {
  ignore,
}, async (t) => {
  await using namespace = await Namespace.begin();
  await using siege = await Siege.begin(namespace, SERVE);
  await siege.measure(BEFORE_MS / 2);
  const before = await siege.measure(BEFORE_MS), mibBefore = await siege.mib;
  report(`${MAIN}, milliseconds, p50 and p99 of each service`);
  report(figuresHead(before));
  report(figuresLine("before", mibBefore, before));
  for (const [group, kinds] of Object.entries(KINDS)) {
    const isBanned = group === "banned networks", isBeyond = group === "more than a socket can take";
    for (const network of isBanned ? BANNED : []) await siege.admin("ban", network);
    for (const kind of kinds) {
      const name = nameOf(kind);
      if (namespace === undefined && kind.sources !== "here" || !PATTERN.test(`${group}: ${name}`)) continue;
      await t.step(name, async () => {
        await using attacker = siege.attack(kind);
        assert(await within(REACHED_MS, attacker.next("reached")) || FULL);
        if (isBeyond) {
          // meanwhile most datagrams are lost, also those of others
          await new Promise((resolve) => setTimeout(resolve, DURING_MS));
          await attacker[Symbol.asyncDispose]();
          await new Promise((resolve) => setTimeout(resolve, CALM_MS));
        }
        const figures = await measured(siege, before), mib = await siege.mib;
        report(figuresLine(isBeyond ? `after ${name}` : name, mib, figures, before));
        assertServed(figures, before);
        assertLess(mib - mibBefore, MAX_MIB, "MiB");
      });
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
    for (const network of isBanned ? BANNED : []) await siege.admin("unban", network);
  }
  const after = await siege.measure(BEFORE_MS);
  report(figuresLine("after", await siege.mib, after, before));
  assertServed(after, before);
  assertEquals((await siege.end()).code, 0, "the server had ended, or does not end as it should");
});
