/** `checkDirectory`: each kind of damage is found where it is, and nothing of the directory changes. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { checkDirectory } from "../../../../server/store/check/check.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { runCommand, temporaryDirectory } from "../../../program.ts";

const SESSION = "0123456789abcdef0123456789abcdef";

/** Not the usual ones, so that there is a configuration. */
const LIMITS = { ...DEFAULT_LIMITS, messages: 1000 };

const CONTENT = "0123456789abcdef0123456789abcdef", TEXT = "content";

function put(mailbox: string, text: string, more = {}): StoreRequest {
  return { kind: "put", mailbox, sender: "ann", time: 1, text, bytes: text.length, ...more };
}

/** Fills a directory with something for each table. It is as after a kill: the database has a log, and records follow. */
async function fill(path: string) {
  const live = `${path}-live`;
  await Deno.mkdir(`${live}/files`, { recursive: true });
  const store = await openJournaledStore({ directory: live, limits: LIMITS, onEvent() {} });
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(TEXT))).toHex();
  await Deno.writeTextFile(`${live}/files/${CONTENT}`, TEXT, { mode: 0o600 });
  await Deno.writeTextFile(`${live}/secret`, `${"a".repeat(64)}\n`, { mode: 0o600 });
  await store.apply([
    put("bob", "one", { owner: "[192.0.2.1]" }),
    put("bob", "two", { owner: "[192.0.2.2]" }),
    put("bob", "three"),
    put("bob", "later", { delay: 1e14 }),
    put("dead", "never"),
    { kind: "account", what: "add", name: "al", verifier: "v", mailbox: "never" },
    {
      kind: "session",
      session: SESSION,
      first: 1,
      low: 1,
      changes: [
        { kind: "create", thread: "news", user: "al" },
        { kind: "post", thread: "news", user: "al", time: 1, text: "hello", bytes: 5 },
        { kind: "post", thread: "news", user: "bo", time: 1, text: "hi", bytes: 2 },
      ],
    },
    {
      kind: "attach",
      thread: 1,
      name: "a.txt",
      user: "al",
      time: 1,
      size: TEXT.length,
      hash,
      content: CONTENT,
    },
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
  const lease = {
    session: SESSION,
    tag: 1,
    mailbox: "dead",
    max: 1,
    maxBytes: 99,
    duration: 60_000,
    subscribe: false,
  };
  const [leased] = await store.apply([{ kind: "lease", ...lease }]) as [Leased];
  const { token, messages: [message] } = leased;
  await store.apply([{
    kind: "session",
    session: SESSION,
    first: 4,
    low: 1,
    changes: [{ kind: "fail", token, ids: [message!.id], delay: 0, attempts: 1, reason: "x" }],
  }, { kind: "lease", ...lease, tag: 2, mailbox: "bob" }]);
  await store.close();
  const again = await openJournaledStore({ directory: live, limits: LIMITS, onEvent() {} });
  await again.apply([put("bob", "after the checkpoint")]);
  await again.close();
  await runCommand(["cp", "-a", live, path]);
}

async function findings(path: string): Promise<string[]> {
  const lines: string[] = [];
  await checkDirectory(path, ({ isDamage, file, place, what }) => {
    lines.push(`${isDamage ? "" : "note "}${file}, ${place}: ${what}`);
  });
  return lines;
}

/** Each change of the database, and the beginning of what is found. */
const CHANGES: readonly [sql: string, found: string][] = [
  [
    "UPDATE entry SET time = 9007199254740993 WHERE text = 'hello'",
    "messages.db, entry 1 1: this row is not as it was written",
  ],
  [
    "UPDATE message SET text = 'tw0' WHERE text = 'two'",
    "messages.db, message 2: this row is not as it was written",
  ],
  ["UPDATE message SET attempts = 3 WHERE seq = 1", "messages.db, message 1: this row is not"],
  ["UPDATE message SET long = 1 WHERE seq = 1", "messages.db, message 1: whether it is too long"],
  ["UPDATE message SET mailbox = 99 WHERE seq = 1", "messages.db, message 1: its mailbox is not there"],
  ["DELETE FROM message WHERE seq = 3", "messages.db, mailbox bob: what it counts is not what it holds"],
  ["UPDATE mailbox SET name = 'bub' WHERE name = 'bob'", "messages.db, message 1: this row is not"],
  ["UPDATE mailbox SET messages = 9 WHERE name = 'bob'", "messages.db, mailbox bob: what it counts is not"],
  [
    "UPDATE mailbox_owner SET messages = 9",
    "messages.db, mailbox_owner bob: ",
  ],
  ["UPDATE owner SET id = 77 WHERE name = '[192.0.2.2]'", "messages.db, message 2: its owner is not there"],
  ["UPDATE delayed SET due = 5", "messages.db, delayed 4: this row is not"],
  ["UPDATE dead SET text = 'ever'", "messages.db, dead 5: this row is not"],
  ["UPDATE lease SET messages = '1 9'", "messages.db, lease "],
  ["UPDATE session SET done = 1", `messages.db, session ${SESSION}: this row is not`],
  ["UPDATE account SET verifier = 'w'", "messages.db, account al: this row is not"],
  ["UPDATE thread SET title = 'olds'", "messages.db, thread olds: this row is not"],
  ["UPDATE thread SET entries = 7", "messages.db, thread news: "],
  ["UPDATE thread_owner SET entries = 7", "messages.db, thread_owner news: what it counts"],
  ["UPDATE entry SET text = 'hullo' WHERE text = 'hello'", "messages.db, entry 1 1: this row is not"],
  ["UPDATE entry SET thread = 9 WHERE text = 'hi'", "messages.db, entry 9 2: "],
  ["UPDATE rank SET count = 5", "messages.db, rank 1: the positions"],
  ["UPDATE content SET user = 'bo'", "messages.db, content 1 a.txt: this row is not"],
  ["DELETE FROM content", "messages.db, entry 1 3: the content of this file has no row"],
  ["UPDATE channel SET first = 0", "messages.db, channel hall: this row is not"],
  ["UPDATE said SET channel = 7", "messages.db, said 7 1: "],
  ["UPDATE sequence SET last = 1", "messages.db, sequence: a message has a higher number"],
  ["DELETE FROM epoch", "messages.db, epoch: it has to have one row"],
  ["UPDATE epoch SET id = 'other'", "messages.db, epoch: this row is not"],
  ["UPDATE configuration SET text = '{'", "messages.db, configuration: "],
  ["UPDATE position SET wall_clock = 1e15", "messages.db, position: "],
  ["INSERT INTO cleared SELECT id FROM mailbox WHERE name = 'bob'", "messages.db, cleared "],
  ["INSERT INTO removed VALUES (1)", "messages.db, removed 1: a thread that is there"],
  [`INSERT INTO unused VALUES ('${CONTENT}')`, `messages.db, unused ${CONTENT}: a content that a file has`],
  ["DROP INDEX message_order", "messages.db, schema of message_order: it is missing"],
  ["PRAGMA user_version = 99", "messages.db, byte 60: its schema is version 99"],
];

/** Each change of files, and the beginning of what is found. */
const FILES: readonly [what: string, change: (path: string) => unknown, found: string][] = [
  [
    "a content is missing",
    (path) => Deno.remove(`${path}/files/${CONTENT}`),
    `files/${CONTENT}, : it is missing`,
  ],
  [
    "a content is cut",
    (path) => Deno.truncate(`${path}/files/${CONTENT}`, 3),
    `files/${CONTENT}, : it has 3 bytes, and was uploaded with 7`,
  ],
  [
    "a content is another",
    (path) => Deno.writeTextFile(`${path}/files/${CONTENT}`, "contend"),
    `files/${CONTENT}, : its SHA-256 is not that of the upload`,
  ],
  [
    "a content that nobody knows",
    (path) => Deno.writeTextFile(`${path}/files/${"f".repeat(32)}`, "x", { mode: 0o600 }),
    `note files/${"f".repeat(32)}, : no entry of the forum names it`,
  ],
  [
    "a foreign file",
    (path) => Deno.writeTextFile(`${path}/notes.txt`, "x"),
    "note notes.txt, : no file of a server",
  ],
  ["a secret that is empty", (path) => Deno.truncate(`${path}/secret`, 0), "secret, : it cannot be used"],
  [
    "a secret for everybody",
    (path) => Deno.chmod(`${path}/secret`, 0o644),
    "secret, : others than its user may use it",
  ],
  [
    "a key that is none",
    (path) => Deno.writeTextFile(`${path}/seal-key`, "x", { mode: 0o600 }),
    "seal-key, : it cannot",
  ],
  [
    "no journal",
    (path) => Deno.remove(`${path}/journal`, { recursive: true }),
    "journal, : the journal is not there",
  ],
];

// store 7.4
Deno.test("a whole directory has no damage, and reading it changes no byte and no time", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/data`;
  await fill(path);
  const before = await stateOf(path);
  const lines: string[] = [];
  const totals = await checkDirectory(path, (finding) => lines.push(JSON.stringify(finding)));
  assertEquals(lines, []);
  const { damage, messages, files } = totals;
  assertEquals([damage, messages, files], [0, 6, 1]);
  assert(totals.records > 0 && totals.bytes > 100_000, JSON.stringify(totals));
  assertEquals(await stateOf(path), before);
});

/** Bytes and times of all files and folders. */
async function stateOf(path: string): Promise<string[]> {
  const state: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const file = `${path}/${name}`, { mtime } = await Deno.stat(file);
    const bytes = isDirectory ? new Uint8Array() : await Deno.readFile(file);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    state.push(`${file} ${mtime!.getTime()} ${hash}`);
    if (isDirectory) state.push(...await stateOf(file));
  }
  return [...state, `${path} ${(await Deno.stat(path)).mtime!.getTime()}`].sort();
}

Deno.test("each kind of damage is found where it is", async (t) => {
  await using directory = await temporaryDirectory();
  const whole = `${directory.path}/whole`, path = `${directory.path}/data`;
  await fill(whole);
  const renew = async () => {
    await Deno.remove(path, { recursive: true }).catch(() => {});
    await runCommand(["cp", "-a", whole, path]);
  };
  for (const [sql, found] of CHANGES) {
    await t.step(sql, async () => {
      await renew();
      using db = new DatabaseSync(`${path}/messages.db`);
      db.exec(sql);
      db.close();
      const lines = await findings(path);
      assert(lines.some((line) => line.startsWith(found)), lines.join("\n"));
    });
  }
  for (const [what, change, found] of FILES) {
    await t.step(what, async () => {
      await renew();
      await change(path);
      const lines = await findings(path);
      assert(lines.some((line) => line.startsWith(found)), lines.join("\n"));
    });
  }
  await t.step("a page that is no page", async () => {
    await renew();
    using file = await Deno.open(`${path}/messages.db`, { write: true });
    await file.seek(4096 * 3, Deno.SeekMode.Start);
    await file.write(new Uint8Array(64).fill(255));
    const [first] = await findings(path);
    assertMatch(first!, /^messages\.db, /);
  });
});

Deno.test("a directory of the version before is whole, and so it is when a start has brought it up to date", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory, file = `${path}/messages.db`;
  await Deno.writeFile(file, new Uint8Array(), { mode: 0o600 });
  {
    using db = new DatabaseSync(file);
    db.exec(
      `PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA application_id = ${0x50726c79};`,
    );
    db.exec(MIGRATIONS.slice(0, -1).join(";"));
    db.exec(`PRAGMA user_version = ${MIGRATIONS.length - 1}`);
  }
  const [note, ...more] = await findings(path);
  assertMatch(note!, /^note messages\.db, : its schema is version \d+: rows have no checksums yet/);
  assertEquals(more, []);
  const store = await openJournaledStore({ directory: path, limits: LIMITS, onEvent() {} });
  await store.apply([put("bob", "one")]);
  await store.close();
  assertEquals(await findings(path), []);
});
