/** A state that was put back begins another lineage: store section 9. */

import { assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";

const EPOCH = "0123456789abcdef".repeat(2);

const put = (first: number, text: string): StoreRequest => (
  {
    kind: "session",
    session: "sender",
    first,
    low: first,
    changes: [{ kind: "put", mailbox: "bob", sender: "al", time: 0, text, bytes: text.length }],
  }
);
const lease = (tag: number): StoreRequest => (
  {
    kind: "lease",
    session: "receiver",
    tag,
    mailbox: "bob",
    max: 9,
    maxBytes: 99,
    duration: 3_600_000,
    subscribe: false,
  }
);

/** Opens the store of a directory, asks it one after the other, and closes it. */
async function ask(directory: string, ...requests: StoreRequest[]): Promise<Outcome[]> {
  const store = await openJournaledStore({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
  try {
    return (await Promise.all(requests.map((request) => store.apply([request])))).flat();
  } finally {
    await store.close();
  }
}

function epochOf(directory: string): string {
  const engine = new Engine({ directory });
  try {
    return engine.epoch;
  } finally {
    engine.close();
  }
}

async function names(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}

Deno.test("an epoch is made once, and stays over starts", async () => {
  await using directory = await temporaryDirectory();
  await ask(directory.path);
  const epoch = epochOf(directory.path);
  assertEquals(/^[0-9a-f]{32}$/.test(epoch), true, epoch);
  await ask(directory.path);
  assertEquals(epochOf(directory.path), epoch);
});

// store 9.2
Deno.test("a directory that was put back forgets all sessions, releases all leases uncounted, and notes it once", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  const [, , leased] = await ask(
    path,
    put(1, "one"),
    put(2, "two"),
    lease(1),
    { kind: "confirm", session: "receiver", tag: 1 },
    { kind: "channels complete", complete: true },
  );
  assertEquals((leased as Leased).messages.map(({ text }) => text), ["one", "two"]);
  await Deno.writeTextFile(`${path}/restored`, `${EPOCH}\n`);
  const [third, first, again, complete] = await ask(
    path,
    put(3, "three"),
    // a late copy of what was stored before
    put(1, "one"),
    lease(1),
    { kind: "channels complete", complete: false },
  );
  assertEquals([third, first], ["unknown", "unknown"]);
  assertEquals(
    (again as Leased).messages.map(({ text, attempt }) => [text, attempt]),
    [["one", 1], ["two", 1]],
  );
  assertEquals(complete, false, "channels get new history IDs");
  assertEquals(epochOf(path), EPOCH);
  assertEquals((await names(path)).includes("restored"), false);
});

// store 9.2
Deno.test("a start that finds its own epoch forgets nothing more: the process before had ended in between", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.writeTextFile(`${path}/restored`, EPOCH);
  await ask(path, put(1, "one"));
  await Deno.writeTextFile(`${path}/restored`, EPOCH);
  assertEquals(await ask(path, put(2, "two")), [{ done: 2, outcomes: [] }]);
  assertEquals((await names(path)).includes("restored"), false);
  await Deno.writeTextFile(`${path}/restored`, EPOCH.toUpperCase());
  await assertRejects(() => ask(path), Error, "it has no epoch");
});
