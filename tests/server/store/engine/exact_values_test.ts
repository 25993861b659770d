/** Values that a layer below changes: numbers that JSON has no form for, and NULs in texts, which SQLite's binding cuts. */

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { isId, isMessage } from "../../../../protocol/mailbox.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { isSameConfiguration } from "../../../../server/store/engine/state/configuration.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Configuration } from "../../../../server/store/requests/upkeep.ts";
import type { DeadLetter } from "../../../../server/store/requests/message.ts";
import type { StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { temporaryDirectory } from "../../../program.ts";

// store 4.5
Deno.test("a limit that is infinite is so after a restart, and is not taken for a changed one", async () => {
  await using directory = await temporaryDirectory();
  const limits = { ...DEFAULT_LIMITS, messages: Infinity, ownerBytes: Infinity };
  const open = () => new BatchEngine({ directory: directory.path, limits, onEvent() {} });
  open().close();
  open().close();
  const engine = new Engine({ directory: directory.path }),
    configuration = structuredClone(engine.configuration);
  engine.close();
  assertEquals(configuration.limits, limits);
  const other: Configuration = { ...configuration, limits: { ...limits, messages: NaN } };
  assertEquals(isSameConfiguration(configuration, other), false);
});

/** Texts with a NUL at each place. */
const WITH_NUL = ["\0", "\0a", "a\0b", "a\0"];

Deno.test("SQLite's binding cuts a text at a NUL when it is read, and so no wire lets one in", () => {
  const db = new DatabaseSync(":memory:");
  for (const text of WITH_NUL) {
    assert(db.prepare("SELECT ? AS text").get(text)!.text !== text);
    assertEquals([isId(text), isMessage(text)], [false, false]);
  }
  db.close();
});

// store 7.2
Deno.test("a text with a NUL is given out as it is, or is found damaged, and never cut", () => {
  for (const text of WITH_NUL) {
    const events: StoreEvent[] = [];
    let writes: number | "checkpoint" = 0;
    const engine = new BatchEngine({
      directory: undefined,
      limits: DEFAULT_LIMITS,
      writes: () => writes,
      onEvent: (event) => events.push(event),
    });
    const put: StoreRequest = { kind: "put", mailbox: "m", sender: "a", time: 0, text, bytes: text.length };
    const take: StoreRequest = { kind: "take", mailbox: "m" };
    assertEquals(engine.apply([put, take]).outcomes, ["stored", { sender: "a", time: 0, text }]);
    writes = "checkpoint";
    engine.apply([put]);
    assertEquals(engine.apply([take]).outcomes, ["empty"]);
    const dead: StoreRequest = { kind: "dead", what: "list", after: 0, limit: 9 };
    const [letters] = engine.apply([dead]).outcomes as DeadLetter[][];
    assertEquals(letters!.map(({ reason }) => reason), ["damaged"]);
    assertEquals(events.map(({ kind }) => kind), ["damaged"]);
    engine.close();
  }
});
