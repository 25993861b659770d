import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Engine } from "../../server/store/engine.ts";
import { DEFAULT_LIMITS, type StoreRequest } from "../../server/store/store.ts";

Deno.test("Engine.sweep() removes what was cleared in pieces, and goes on after a restart", async () => {
  const directory = await Deno.makeTempDir({ prefix: "parley-engine-" });
  const open = () => new Engine({ directory, limits: DEFAULT_LIMITS, onEvent: () => {} });
  const puts = (mailbox: string, count: number) =>
    Array.from({ length: count }, (_, i): StoreRequest => (
      { kind: "put", mailbox, sender: "alice", time: 0, message: `${i}`, bytes: `${i}`.length }
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
