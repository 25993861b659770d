import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { Outcome, StoreEvent, StoreRequest } from "../../../server/store/store.ts";
import { StoreLocked } from "../../../server/store/errors.ts";
import {
  clear,
  count,
  counts,
  everyStore,
  list,
  open,
  put,
  run,
  take,
  text,
  withDirectory,
} from "./every_store.ts";

everyStore("gives messages first in, first out, of each mailbox apart", async (store) => {
  assertEquals(
    await run(store, [put("b", "1"), put("c", "2"), put("b", "3")], [
      take("b"),
      take("b"),
      take("b"),
      take("c"),
    ]),
    ["stored", "stored", "stored", "1", "3", "empty", "2"],
  );
});

/** A new account, for which nothing had to be set apart. */
const ADDED = { mailbox: true, apart: 0 };

everyStore("keeps a verifier for each name, and lists the names by their bytes", async (store) => {
  const account = { kind: "account" } as const;
  const add = (name: string, verifier = "v") => ({ ...account, what: "add", name, verifier }) as const;
  const names = (after?: string, limit = 10) =>
    ({ ...account, what: "list", limit, ...after === undefined ? {} : { after } }) as const;
  assertEquals(
    await store.apply([add("b", "1"), add("a,!"), add("B"), add("b", "2"), names()]),
    [ADDED, ADDED, ADDED, "exists", [
      { name: "B", verifier: "v", mailbox: true, role: "user", tokens: [], network: "" },
      { name: "a,!", verifier: "v", mailbox: true, role: "user", tokens: [], network: "" },
      { name: "b", verifier: "1", mailbox: true, role: "user", tokens: [], network: "" },
    ]],
  );
  assertEquals(await store.apply([names("B", 1)]), [[{
    name: "a,!",
    verifier: "v",
    mailbox: true,
    role: "user",
    tokens: [],
    network: "",
  }]]);
  const remove = { ...account, what: "remove", name: "b" } as const;
  assertEquals(await store.apply([remove, remove, add("b", "3"), names("a,!")]), [
    "removed",
    "unknown",
    ADDED,
    [{ name: "b", verifier: "3", mailbox: true, role: "user", tokens: [], network: "" }],
  ]);
  const change = (name: string) => ({ ...account, what: "change", name, verifier: "4" }) as const;
  assertEquals(await store.apply([change("b"), change("c"), names("a,!")]), [
    "changed",
    "unknown",
    [{ name: "b", verifier: "4", mailbox: true, role: "user", tokens: [], network: "" }],
  ]);
});

everyStore("gives all of a message: sender, time and text", async (store) => {
  const text = "Ω ✓ 😀, '\"; \t ";
  await store.apply([put("b", text)]);
  assertEquals(await store.apply([take("b")]), [{ sender: "alice", time: 1_700_000_000_000, text }]);
});

everyStore("gives a message that was put in the same batch, in order with older ones", async (store) => {
  assertEquals(
    await run(store, [put("b", "1")], [
      put("b", "2"),
      take("b"),
      put("b", "3"),
      take("b"),
      take("b"),
      take("b"),
    ]),
    ["stored", "stored", "1", "stored", "2", "3", "empty"],
  );
  assertEquals(await run(store, [put("b", "4"), put("b", "5"), take("b")], [take("b"), count()]), [
    "stored",
    "stored",
    "4",
    "5",
    counts(0, 0, 0),
  ]);
});

everyStore("counts messages, bytes and mailboxes", async (store) => {
  assertEquals(store.opened, counts(0, 0, 0));
  await store.apply([put("b", "Ω"), put("b", "xyz"), put("c", "")]);
  assertEquals(await run(store, [count(), count("b"), count("c"), count("d")]), [
    counts(3, 5, 2),
    counts(2, 5, 1),
    counts(1, 0, 1),
    counts(0, 0, 0),
  ]);
  assertEquals(await run(store, [put("d", "zz"), count("d"), take("d"), count()]), [
    "stored",
    counts(1, 2, 1),
    "zz",
    counts(3, 5, 2),
  ]);
});

everyStore("lists mailboxes by the bytes of their names, page by page", async (store) => {
  await store.apply(["c", "", "Ω", "a", "B", "a b"].map((mailbox) => put(mailbox, "x")));
  await store.apply([put("a", "y"), put("gone", "x"), take("gone")]);
  const row = (mailbox: string, messages = 1) => ({ mailbox, messages });
  const [all, first, second, rest] = await store.apply([list(), list(2), list(2, "B"), list(9, "a b")]);
  assertEquals(all as unknown, [row(""), row("B"), row("a", 2), row("a b"), row("c"), row("Ω")]);
  assertEquals(first as unknown, [row(""), row("B")]);
  assertEquals(second as unknown, [row("a", 2), row("a b")]);
  assertEquals(rest as unknown, [row("c"), row("Ω")]);
  assertEquals(await store.apply([list(9, "")]) as unknown, [[
    row("B"),
    row("a", 2),
    row("a b"),
    row("c"),
    row("Ω"),
  ]]);
});

everyStore("clears one mailbox or all, and takes messages for them again", async (store) => {
  const many = Array.from({ length: 1500 }, (_, i) => put("b", `${i}`));
  await store.apply([...many, put("c", "kept")]);
  assertEquals(
    await run(store, [put("b", "x"), clear("b"), take("b"), put("b", "new"), count(), clear("nobody")]),
    [
      "stored",
      1501,
      "empty",
      "stored",
      counts(2, 7, 2),
      0,
    ],
  );
  assertEquals(await run(store, [take("b"), take("c")], [put("d", "x")], [clear(), count(), take("d")]), [
    "new",
    "kept",
    "stored",
    1,
    counts(0, 0, 0),
    "empty",
  ]);
});

everyStore("refuses at each limit, says so once, and once more when there is room", async (store, events) => {
  assertEquals(await run(store, [put("b", "1"), put("b", "2"), put("b", "3"), put("b", "4")]), [
    "stored",
    "stored",
    "full",
    "full",
  ]);
  assertEquals(events.splice(0), [{ kind: "full", mailbox: "b", limit: "2 messages" }]);
  assertEquals(await run(store, [take("b")], [put("b", "5")], [take("b"), take("b"), take("b")]), [
    "1",
    "stored",
    "2",
    "5",
    "empty",
  ]);
  assertEquals(events.splice(0), [{ kind: "room", mailbox: "b", refused: 2 }]);
  assertEquals(await run(store, [put("b", "x".repeat(11))]), ["full"]);
  assertEquals(events.splice(0), []);
  assertEquals(await run(store, [put("b", "x".repeat(8)), put("b", "yyy")], [take("b")]), [
    "stored",
    "full",
    "x".repeat(8),
  ]);
  assertEquals(events.splice(0), [
    { kind: "full", mailbox: "b", limit: "10 bytes" },
    { kind: "room", mailbox: "b", refused: 1 },
  ]);
  assertEquals(await run(store, ["c", "d", "e", "f"].map((mailbox) => put(mailbox, "x"))), [
    "stored",
    "stored",
    "stored",
    "full",
  ]);
  assertEquals(events.splice(0), [{ kind: "full", limit: "3 mailboxes" }]);
  assertEquals(await run(store, [put("c", "x"), put("d", "x"), put("e", "x")]), ["stored", "full", "full"]);
  assertEquals(await run(store, [take("c"), take("d")], [count()]), ["x", "x", counts(2, 2, 2)]);
  assertEquals(events.splice(0), [{ kind: "room", refused: 3 }]);
}, { limits: { mailboxMessages: 2, mailboxBytes: 10, messages: 4, bytes: 20, mailboxes: 3 } });

everyStore("drops a full mailbox's own oldest messages where that is wanted", async (store) => {
  assertEquals(
    await run(store, [put("c", "mine")], ["1", "2", "3"].map((text) => put("b", text)), [put("b", "4")]),
    [
      "stored",
      "stored",
      "stored",
      "stored",
      "stored",
    ],
  );
  assertEquals(
    await run(store, [put("b", "x".repeat(9))], [count(), put("b", "x".repeat(99)), put("d", "x")]),
    [
      "stored",
      counts(3, 14, 2),
      "full",
      "stored",
    ],
  );
  assertEquals(await run(store, [put("e", "x"), put("d", "y"), take("d"), take("b"), take("c"), take("b")]), [
    "full",
    "stored",
    "y",
    "4",
    "mine",
    "x".repeat(9),
  ]);
  assertEquals(store.dropped, 4);
}, { limits: { mailboxMessages: 2, mailboxBytes: 10, messages: 4, bytes: 1000, whenFull: "drop-oldest" } });

everyStore("lets the limit of a mailbox be set", async (store) => {
  assertEquals(
    await run(store, [put("b", "1"), { kind: "limit", messages: 2 }, put("b", "2"), put("b", "3")]),
    [
      "stored",
      "set",
      "stored",
      "full",
    ],
  );
});

everyStore("forgets empty mailboxes, however many there were", async (store) => {
  for (let i = 0; i < 5; i++) {
    const names = Array.from({ length: 1000 }, (_, j) => `box ${i} ${j}`);
    await store.apply(names.map((name) => put(name, "x")));
    await store.apply(names.map((name) => take(name)));
  }
  assertEquals(await run(store, [count(), list(), put("box 0 0", "again"), take("box 0 0")]), [
    counts(0, 0, 0),
    [],
    "stored",
    "again",
  ]);
}, { limits: { mailboxes: 1000 } });

Deno.test("a store on disk holds after it is opened again what it held before", () =>
  withDirectory(async (directory) => {
    const first = await open(directory);
    const many = Array.from({ length: 2000 }, (_, i) => put("many", `${i}`));
    await run(first, many, [put("b", "1"), put("b", "2"), put("c", "Ω"), take("b"), clear("many")]);
    await first.close();

    const second = await open(directory);
    assertEquals(second.opened, counts(2, 3, 2));
    assertEquals(await run(second, [take("b"), take("b"), take("c"), take("many"), put("b", "3")]), [
      "2",
      "empty",
      "Ω",
      "empty",
      "stored",
    ]);
    await second.close();
  }));

// store 1.1
Deno.test("a store on disk is opened by one at a time", () =>
  withDirectory(async (directory) => {
    const store = await open(directory);
    await assertRejects(() => open(directory), StoreLocked, "another process has it open");
    await store.close();
    await (await open(directory)).close();
  }));

Deno.test("a store forgets sessions that are old, though nothing is leased or delayed", () =>
  withDirectory(async (directory) => {
    const session = "s".repeat(22),
      change: StoreRequest = {
        kind: "session",
        session,
        first: 1,
        low: 1,
        changes: [put("b", "1")],
      };
    const known = { done: 1, outcomes: [] };
    const store = await open(directory);
    assertEquals(await store.apply([change, { kind: "open", session }]), [known, known]);
    await store.close();
    const db = new DatabaseSync(`${directory}/messages.db`);
    db.exec("UPDATE session SET used_at = -1e9, checksum = NULL");
    db.close();
    const again = await open(directory);
    assertEquals(await again.apply([{ kind: "open", session }]), ["unknown"]);
    await again.close();
  }));

Deno.test("a store refuses a database with a newer schema, or of another program", () =>
  withDirectory(async (directory) => {
    await (await open(directory)).close();
    const path = `${directory}/messages.db`;
    const alter = (sql: string) => {
      const db = new DatabaseSync(path);
      db.exec(sql);
      db.close();
    };
    alter("PRAGMA user_version = 99");
    await assertRejects(() => open(directory), Error, "its schema is version 99");
    alter("PRAGMA user_version = 1; PRAGMA application_id = 7");
    await assertRejects(() => open(directory), Error, "another program made it");
    await Deno.writeTextFile(
      path,
      "this is no database, and it is long enough to see that at once. ".repeat(99),
    );
    await assertRejects(() => open(directory), Error, "not a database");
  }));

Deno.test("a store whose file is full refuses puts one by one, gives what it has, and takes more when there is room", () =>
  withDirectory(async (directory) => {
    const events: StoreEvent[] = [];
    const store = await open(directory, { maxFileBytes: 256 * 1024, events });
    const filler = "x".repeat(900);
    const stored: string[] = [];
    let outcomes: Outcome[];
    do {
      const batch = Array.from({ length: 20 }, (_, i) => put("b", `${stored.length + i} ${filler}`));
      outcomes = await store.apply(batch);
      stored.push(...batch.filter((_, i) => outcomes[i] === "stored").map(({ text }) => text));
    } while (!outcomes.includes("storage"));
    assertEquals(events.map(({ kind }) => kind), ["storage failed"]);

    // refused at once, and neighbours that free space are not held back
    const [full, first, counted] = await store.apply([put("b", filler), take("b"), count("b")]);
    assertEquals(full, "storage");
    assertEquals(text(first!), stored.shift());
    assertEquals((counted as { messages: number }).messages, stored.length);
    const taken = await store.apply(stored.map(() => take("b")));
    assertEquals(taken.map(text) as string[], stored);
    assertEquals(await store.apply([take("b")]), ["empty"]);

    // what was taken makes room once a checkpoint has removed it
    while ((await store.apply([put("b", "again")]))[0] !== "stored") {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(events.map(({ kind }) => kind), ["storage failed", "storage works"]);
    assertEquals(await run(store, [take("b"), count()]), ["again", counts(0, 0, 0)]);
    await store.close();
  }));

Deno.test("a store that is closed takes nothing more", () =>
  withDirectory(async (directory) => {
    const store = await open(directory);
    const pending = store.apply([put("b", "last")]);
    const closed = store.close();
    assertEquals(await pending, ["stored"]);
    await closed;
    const error = await assertRejects(() => store.apply([take("b")]), Error);
    assertStringIncludes(error.message, "closed");
    assert((await Deno.stat(`${directory}/messages.db`)).isFile);
  }));
