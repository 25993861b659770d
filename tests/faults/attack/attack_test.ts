/**
 * Attacks on a real server, each beside an honest client on every service: an attack costs the others nothing.
 * WIREPOST_FAULTS=full runs each of them for a minute, at full size; WIREPOST_MAIN=FILE attacks the program of another
 * checkout, to compare the two.
 */

import { assertEquals, assertLess } from "@std/assert";
import { lacks } from "../../program.ts";
import { figuresLine } from "./figures.ts";
import { type Attack, MAIN, run } from "./run.ts";
import { FULL, report } from "../form.ts";

/** Milliseconds that an honest client may wait, on a machine that is busy with attackers and other tests too. */
const LONGEST = 5000;

const ignore = Deno.build.os !== "linux" || await lacks("python3");

/** Mailboxes and threads in all, of which one address or user has a part. */
const MOST = FULL ? 100_000 : 2000;

const ATTACKS: Readonly<Record<string, Pick<Attack, "kind" | "size"> & { serve?: readonly string[] }>> = {
  "each other": { kind: "none", size: 0 },
  "connections that are reset before they are accepted": { kind: "resets", size: 60 },
  "10,000 sessions with one message each from one address": {
    kind: "sessions",
    size: FULL ? 100_000 : 10_050,
  },
  "10,050 sessions that ask for nothing": { kind: "silent", size: 10_050 },
  "clients that ask for a long list and do not read it": { kind: "lists", size: FULL ? 3000 : 300 },
  "one client that makes as many mailboxes as there may be": {
    kind: "mailboxes",
    size: MOST,
    serve: ["--max-mailboxes", `${MOST}`],
  },
  "one user that makes as many threads as there may be": {
    kind: "threads",
    size: MOST,
    serve: ["--max-threads", `${MOST}`],
  },
  "an address that holds as many connections as there may be": {
    kind: "hoard",
    size: FULL ? 10_500 : 300,
    serve: FULL ? [] : ["--max-connections", "200"],
  },
  "1,150 silent connections at the port of file transfers": { kind: "connections", size: 1150 },
};

for (const [name, { kind, size, serve = [] }] of Object.entries(ATTACKS)) {
  Deno.test(`honest clients are served beside ${name}`, { ignore }, async () => {
    const { figures, mib } = await run({ kind, size, serve, duration: FULL ? 60_000 : 1500 });
    report(`${kind}: the server has ${mib.toFixed()} MiB (${MAIN})`);
    for (const [service, each] of Object.entries(figures)) report(figuresLine(kind, service, each));
    for (const [service, { count, p99, refused, timedOut, reason }] of Object.entries(figures)) {
      assertEquals({ refused, timedOut }, { refused: 0, timedOut: 0 }, `${service}: ${reason}`);
      assertLess(p99 ?? Infinity, LONGEST, `${service} waits too long, ${count} were served`);
    }
  });
}
