/** Carries out every cell of the table of who is let in where: see `table.ts`. */

import { assertEquals } from "@std/assert";
import { admin } from "./exchanges/admin.ts";
import type { Exchanges } from "./exchanges/exchanges.ts";
import { forum } from "./exchanges/forum.ts";
import { channels, channelsOverTls, room, roomOverTls } from "./exchanges/hub.ts";
import { http, httpOverTls } from "./exchanges/http.ts";
import { originalMailbox } from "./exchanges/original_mailbox.ts";
import { seal, session } from "./exchanges/sessions.ts";
import { transfer } from "./exchanges/transfer.ts";
import { type Case, CASES, type Mode, MODES, TABLE, type Wire, WIRES } from "./table.ts";
import { withWorld, type World } from "./world.ts";

const EXCHANGES: Readonly<Record<Wire, Exchanges>> = {
  "original mailbox": originalMailbox,
  session,
  seal,
  forum,
  transfer,
  channels,
  "channels over TLS": channelsOverTls,
  room,
  "room over TLS": roomOverTls,
  http,
  "http over TLS": httpOverTls,
  admin,
};

/** What a cell says of one mode; undefined if there is no such exchange. */
function outcomeOf(wire: Wire, which: Case, mode: Mode): string | undefined {
  const cell = TABLE[wire][which];
  const outcome = typeof cell === "object" && "open" in cell ? cell[mode] : cell;
  return typeof outcome === "string" ? outcome : undefined;
}

/** The cells of one wire in one mode, one after the other. */
async function carryOut(wire: Wire, world: World): Promise<Partial<Record<Case, string>>> {
  const outcomes: Partial<Record<Case, string>> = {};
  for (const which of CASES) {
    const exchange = EXCHANGES[wire][which];
    if (exchange === undefined || outcomeOf(wire, which, world.mode) === undefined) continue;
    // the others are carried out all the same
    outcomes[which] = await exchange(world).catch((error) => `${error.stack}`);
  }
  return outcomes;
}

for (const wire of WIRES) {
  for (const mode of MODES) {
    Deno.test(`who is let in: ${wire}, ${mode}`, () =>
      withWorld(mode, async (world) => {
        const expected = CASES.flatMap((which) => {
          const outcome = outcomeOf(wire, which, mode);
          return outcome === undefined ? [] : [[which, outcome]];
        });
        assertEquals(await carryOut(wire, world), Object.fromEntries(expected));
      }));
  }
}
