/** Rows that the version before the journal wrote are given checksums: store 7.8. */

import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { checkDirectory } from "../../../../server/store/check/check.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";

const TABLES = [
  "message",
  "delayed",
  "dead",
  "lease",
  "session",
  "account",
  "thread",
  "entry",
  "content",
  "channel",
  "said",
];

const SESSION = "s".repeat(22);

const put = (mailbox: string, text: string, more = {}): StoreRequest => (
  { kind: "put", mailbox, sender: "al", time: 1, text, bytes: text.length, ...more }
);

/** Fills a directory, with rows in every table; then it is as if the version before had written them. */
async function fill(directory: string, messages: number): Promise<{ rows: number; before: string }> {
  const store = await openJournaledStore({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
  const lease = { kind: "lease", session: SESSION, max: 1, maxBytes: 99, duration: 60_000 } as const;
  const puts = Array.from({ length: messages }, (_, i) => put("bob", `${i}`, { owner: "ann" }));
  for (let i = 0; i < puts.length; i += 256) await store.apply(puts.slice(i, i + 256));
  await store.apply([
    put("bob", "later", { delay: 1e14 }),
    put("dead", "never"),
    put("gone", "cleared"),
    { kind: "account", what: "add", name: "al", verifier: "v", mailbox: "never" },
    {
      kind: "session",
      session: SESSION,
      first: 1,
      low: 1,
      changes: [
        { kind: "create", thread: "news", user: "al" },
        { kind: "post", thread: "news", user: "al", time: 1, text: "hello", bytes: 5 },
      ],
    },
    { kind: "attach", thread: 1, name: "a", user: "al", time: 1, size: 1, hash: "h", content: "c" },
    {
      kind: "channel",
      name: "hall",
      owner: "",
      place: 1,
      history: "h:1",
      first: 1,
      from: 1,
      messages: [{ sender: "al", time: 1, text: "said", bytes: 6 }],
      bytes: 6,
    },
  ]);
  const [leased] = await store.apply([{ ...lease, tag: 1, mailbox: "dead", subscribe: false }]);
  const { token, messages: [message] } = leased as Leased;
  const failed = { kind: "fail", token, ids: [message!.id], delay: 0, attempts: 1, reason: "x" } as const;
  await store.apply([
    { kind: "session", session: SESSION, first: 3, low: 1, changes: [failed] },
    { ...lease, tag: 2, mailbox: "bob", subscribe: false },
  ]);
  await store.close();
  using db = new DatabaseSync(`${directory}/messages.db`);
  const before = checksums(db);
  for (const table of TABLES) db.exec(`UPDATE ${table} SET checksum = NULL`);
  db.exec("UPDATE checksums_complete SET complete = 0");
  return { rows: TABLES.reduce((sum, table) => sum + count(db, table, "true"), 0), before };
}

function count(db: DatabaseSync, table: string, where: string): number {
  return db.prepare(`SELECT count(*) AS count FROM ${table} WHERE ${where}`).get()!.count as number;
}

/** The checksums of all rows. */
function checksums(db: DatabaseSync): string {
  return TABLES.map((table) => {
    const rows = db.prepare(`SELECT * FROM ${table}`).all();
    assert(rows.length > 0, table);
    return rows.map(({ checksum }) => `${table} ${checksum}\n`).join("");
  }).join("");
}

function missing(directory: string): number {
  using db = new DatabaseSync(`${directory}/messages.db`, { readOnly: true });
  return TABLES.reduce((sum, table) => sum + count(db, table, "checksum IS NULL"), 0);
}

/** What is found; without that the file of the thread is not there. */
async function notes(directory: string): Promise<string[]> {
  const lines: string[] = [];
  await checkDirectory(
    directory,
    ({ isDamage, what }) => lines.push(`${isDamage ? "damage" : "note"}: ${what}`),
  );
  return lines.filter((line) => !line.includes("downloaded"));
}

Deno.test("every row gets the checksum that it would have had, a piece at a time, and the state stays the same", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, { rows, before } = await fill(path, 500);
  assertEquals(
    (await notes(path)).at(-1),
    `note: ${rows} rows have no checksum yet: the version before the journal wrote them`,
  );
  const engine = new Engine({ directory: path }), dump = [...engine.dump()].join("");
  let pieces = 0, left = rows;
  for (; engine.hasUnchecked; pieces++) {
    engine.addChecksums(100);
    engine.checkpoint(engine.position);
    const now = missing(path);
    assert(left - now <= 100);
    left = now;
  }
  assert(pieces > rows / 100);
  assertEquals([...engine.dump()].join(""), dump);
  engine.close();
  using db = new DatabaseSync(`${path}/messages.db`);
  assertEquals(checksums(db), before);
  assertEquals(await notes(path), []);
});

Deno.test("a process that was stopped in between goes on where the rows have none", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, { before } = await fill(path, 300);
  const first = new Engine({ directory: path });
  first.addChecksums(100);
  first.checkpoint(first.position);
  // these are not committed
  first.addChecksums(100);
  first.close();
  const engine = new Engine({ directory: path });
  while (engine.hasUnchecked) engine.addChecksums(100);
  engine.checkpoint(engine.position);
  engine.close();
  using db = new DatabaseSync(`${path}/messages.db`);
  assertEquals(checksums(db), before);
  const again = new Engine({ directory: path });
  assertEquals(again.hasUnchecked, false);
  again.close();
});

Deno.test("a server gives them while it runs, and all before it records an upgrade", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await fill(path, 6000);
  const options = { directory: path, limits: DEFAULT_LIMITS, onEvent() {} };
  const first = await openJournaledStore(options);
  const left = missing(path);
  assert(left > 0, "more than a checkpoint gives");
  await first.close();
  assert(missing(path) < left);
  const versions = [{ program: "0.1.0" }, { program: "0.2.0" }];
  const next = await openJournaledStore({ ...options, versions });
  assertEquals(missing(path), 0);
  await next.close();
});
