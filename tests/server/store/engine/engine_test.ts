import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { SessionState } from "../../../../server/store/requests/session.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import type { StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";

Deno.test("Engine.sweep() removes what was cleared in pieces, and goes on after a restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-engine-" });
  const open = () => new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent: () => {} });
  const puts = (mailbox: string, count: number) =>
    Array.from({ length: count }, (_, i): StoreRequest => (
      { kind: "put", mailbox, sender: "alice", time: 0, text: `${i}`, bytes: `${i}`.length }
    ));
  try {
    const first = open();
    first.apply([...puts("large", 2000), ...puts("kept", 3)]);
    first.apply([{ kind: "clear", mailbox: "large" }, ...puts("large", 2)]);
    assertEquals(first.hasCleared, true);
    assertEquals(first.sweep(), true);
    first.close();

    const second = open();
    assertEquals(second.counts, { messages: 5, bytes: 5, mailboxes: 2 });
    let pieces = 0;
    while (second.sweep()) pieces++;
    assertEquals([pieces, second.hasCleared], [2, false]);
    second.close();

    const db = new DatabaseSync(`${directory}/messages.db`);
    assertEquals({ ...db.prepare("SELECT count(*) AS rows FROM message").get() }, { rows: 5 });
    db.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what a full disk refuses is counted, whether it came alone, in a session or as a new account", async () => {
  const directory = await Deno.makeTempDir({ prefix: "wirepost-engine-" });
  const events: StoreEvent[] = [];
  const store = await openJournaledStore({
    directory,
    limits: DEFAULT_LIMITS,
    maxFileBytes: 256 * 1024,
    onEvent: (event) => events.push(event),
  });
  const text = "x".repeat(8000);
  const put = { kind: "put", mailbox: "b", sender: "alice", time: 0, text, bytes: 8000 } as const;
  const three = (first: number): StoreRequest => (
    { kind: "session", session: "s", first, low: 1, changes: [put, { ...put, numbers: 2 }, put] }
  );
  const account = { kind: "account", what: "add", name: "a", verifier: "v".repeat(100) } as const;
  /** How many of the next three are refused. */
  let done = 0;
  const change = async (): Promise<number> => {
    const [outcome] = await store.apply([three(done + 1)]) as unknown as [SessionState | "storage"];
    const before = done;
    if (outcome !== "storage") done = outcome.done;
    // numbers 1, 2 and 3 together, 4
    return [3, 2, 2, 1, 0][done - before]!;
  };
  try {
    let refused = 0;
    while (refused === 0) refused = await change();
    assertEquals(events.map(({ kind }) => kind), ["storage failed"]);

    // these are refused before they are tried
    const more = await change();
    assertEquals(await store.apply([put, account]), ["storage", "storage"]);
    refused += more + 2;

    while ((await store.apply([{ kind: "take", mailbox: "b" }]))[0] !== "empty");
    for (;;) {
      const [outcome] = await store.apply([put]);
      if (outcome === "stored") break;
      refused++;
      // a checkpoint, which makes the room, is taken by a timer
      await new Promise((resolve) => setTimeout(resolve));
    }
    assert(refused > 5);
    assertEquals(events.slice(1), [{ kind: "storage works", refused }]);
  } finally {
    await store.close();
    await Deno.remove(directory, { recursive: true });
  }
});
