/**
 * Rows of a database that a disk, or somebody, has changed: what does not have its checksum is not given out, and nothing but
 * the store's own errors ends a start. A line is `TABLE COLUMN ROW VALUE`: which row is changed, counted from 0, and its new
 * value as JSON, or as `hex` and digits.
 *
 * @module
 */

import { newDirectory } from "../engine/directory.ts";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { checkDirectory } from "../../../../server/store/check/check.ts";
import { CHECKED_COLUMNS } from "../../../../server/store/database/checksum.ts";
import { DATABASE_FILE } from "../../../../server/store/database/database.ts";
import { DatabaseUnusable, StoreLost } from "../../../../server/store/errors.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine, type BatchOptions } from "../../../batch_engine.ts";
import { Random } from "../../../simulation/random.ts";
import { holds, pick, type Target, textOf } from "../engine/target.ts";

const SESSION = "0123456789abcdef0123456789abcdef";

const TEXTS = ["one", "two", "three", "later", "never", "hello", "hi", "said", "another"];

/** Changes of one input. */
const MAX_CHANGES = 16;

function put(mailbox: string, text: string, more = {}): StoreRequest {
  return { kind: "put", mailbox, sender: "ann", time: 1, text, bytes: text.length, ...more };
}

/** Something for each table. */
const FILL: readonly StoreRequest[] = [
  ...[put("bob", "one", { owner: "[192.0.2.1]" }), put("bob", "two"), put("bob", "three")],
  ...[put("bob", "later", { delay: 1e6 }), put("dead", "never"), put("dead", "another")],
  { kind: "account", what: "add", name: "al", verifier: "v", mailbox: "never" },
  {
    ...{ kind: "session", session: SESSION, first: 1, low: 1 },
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
    size: 7,
    hash: "0".repeat(64),
    content: "0".repeat(32),
  },
  {
    ...{ kind: "channel", name: "hall", owner: "", place: 1, history: "h:1", first: 1, from: 1, bytes: 6 },
    messages: [{ sender: "al", time: 1, text: "said", bytes: 6 }],
  },
  { kind: "measure", action: "take", measure: { what: "ban", subject: "eve", since: 1, until: null } },
];

const LEASE = { session: SESSION, max: 1, maxBytes: 99, duration: 60_000, subscribe: false } as const;

/** What is asked of a database that was changed. */
const ASKED: readonly StoreRequest[] = [
  ...[{ kind: "list", limit: 9 }, { kind: "oldest", limit: 9 }, { kind: "count" }, { kind: "stat" }, {
    kind: "channels",
  }],
  ...[{ kind: "dead", what: "list", after: 0, limit: 9 }, {
    kind: "peek",
    mailbox: "bob",
    after: 0,
    limit: 9,
  }],
  ...[{ kind: "threads", after: 0, limit: 9, maxBytes: 999 }, {
    kind: "account",
    what: "list",
    after: "",
    limit: 9,
  }],
  ...[{ kind: "measure", action: "list" }, { kind: "latest start" }, { kind: "usage" }, {
    kind: "thread counts",
  }],
  { kind: "read", thread: "news", from: { after: 0 }, limit: 9, maxBytes: 999 },
  { kind: "open", session: SESSION },
  { kind: "file", thread: "news", name: "a.txt" },
  { kind: "lease", ...LEASE, tag: 7, mailbox: "bob" },
  { kind: "dead", what: "requeue all", after: 0, limit: 9 },
  ...["bob", "bob", "bob", "bob", "dead"].map((mailbox) => ({ kind: "take", mailbox })),
  {
    kind: "session",
    session: SESSION,
    first: 5,
    low: 1,
    changes: [{ kind: "post", thread: "news", user: "al", time: 1, text: "hi", bytes: 2 }],
  },
  { kind: "tick", rows: 99 },
  { kind: "forget", rows: 99 },
] as unknown as StoreRequest[];

let whole: Uint8Array | undefined;

function options(directory: string, now: number): BatchOptions {
  return {
    ...{ directory, limits: { ...DEFAULT_LIMITS, messages: 1000 }, onEvent() {} },
    ...{ wallClock: () => now, monotonicClock: () => now, random: new Random(1).bytes },
  };
}

/** The database as it was written. */
function filled(directory: string): Uint8Array {
  const engine = new BatchEngine(options(directory, 1000));
  engine.apply(FILL);
  const { outcomes: [first] } = engine.apply([{ kind: "lease", ...LEASE, tag: 1, mailbox: "dead" }]);
  const { token, messages: [message] } = first as Leased;
  engine.apply([
    {
      ...{ kind: "session", session: SESSION, first: 4, low: 1 },
      changes: [{ kind: "fail", token, ids: [message!.id], delay: 0, attempts: 1, reason: "x" }],
    },
    { kind: "lease", ...LEASE, tag: 2, mailbox: "bob" },
  ]);
  engine.close();
  return Deno.readFileSync(`${directory}/${DATABASE_FILE}`);
}

/** Changes a row, unless the database itself does not allow the value. */
function change(db: DatabaseSync, line: string) {
  const [, table, column, row, value = ""] = /^(\w+) (\w+) (\d+) (.*)$/s.exec(line) ?? [];
  if (table === undefined) return;
  try {
    const at = `SELECT rowid FROM ${table} LIMIT 1 OFFSET ${Number(row) % 5}`;
    db.prepare(`UPDATE ${table} SET ${column} = ? WHERE rowid = (${at})`).run(valueOf(value));
  } catch {
    // no such table, column or value
  }
}

function valueOf(text: string): SQLInputValue {
  if (/^hex([0-9a-f]{2})*$/.test(text)) return Uint8Array.fromHex(text.slice(3));
  const value: unknown = JSON.parse(text);
  return typeof value === "string" || typeof value === "number" || value === null ? value : text;
}

async function run(input: Uint8Array) {
  const directory = newDirectory();
  try {
    whole ??= filled(directory);
    Deno.writeFileSync(`${directory}/${DATABASE_FILE}`, whole);
    const db = new DatabaseSync(`${directory}/${DATABASE_FILE}`);
    for (const line of textOf(input).split("\n").slice(0, MAX_CHANGES)) change(db, line);
    db.close();
    await allowed(() => checkDirectory(directory, () => {}));
    await allowed(() => ask(directory));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** A start, all requests, and what is due later. */
function ask(directory: string) {
  const engine = new BatchEngine(options(directory, 2000));
  try {
    for (const request of ASKED) checkGiven(request, engine.apply([request]).outcomes[0]);
    for (let i = 0; i < 50 && engine.work(); i++);
  } finally {
    engine.close();
  }
}

/** No text is given out that was not put: a changed one has no longer its checksum. */
function checkGiven(request: StoreRequest, outcome: unknown) {
  if (request.kind === "dead") return;
  JSON.stringify(outcome, (name, value) => {
    holds(
      name !== "text" || value === null || TEXTS.includes(value),
      () => `${request.kind} gives the text ${JSON.stringify(value)}`,
    );
    return value;
  });
}

/** @throws What is none of the store's own errors. */
async function allowed(work: () => unknown) {
  try {
    await work();
  } catch (error) {
    if (error instanceof DatabaseUnusable || error instanceof StoreLost) return;
    if (error instanceof Error && error.constructor === Error && /^Cannot /.test(error.message)) return;
    throw error;
  }
}

const TABLES: Readonly<Record<string, readonly string[]>> = {
  ...CHECKED_COLUMNS,
  message: ["seq", "mailbox", "sender", "time", "text", "bytes", "attempts", "expires", "owner", "checksum"],
  delayed: ["id", "mailbox", "sender", "time", "text", "bytes", "ready", "due", "checksum"],
  dead: ["id", "mailbox", "sender", "time", "text", "bytes", "reason", "checksum"],
  lease: ["token", "session", "tag", "mailbox", "until", "ids", "checksum"],
  mailbox: ["id", "name", "messages", "bytes"],
};

const VALUES = [
  "0",
  "1",
  "-1",
  "1.5",
  "9007199254740993",
  "1e300",
  "null",
  '""',
  '"x"',
  '"two"',
  '"[1]"',
  '"{}"',
  "hex",
  "hex00ff",
  '"[[1,2]]"',
];

/** A change of each column. */
const ALL = Object.entries(TABLES).flatMap(([table, columns]) =>
  columns.map((column, i) => `${table} ${column} ${i % 2} "x"`)
);

export const ROWS: Target = {
  name: "rows",
  covers: ["server/store/engine/", "server/store/check/", "server/store/database/"],
  words: [...Object.keys(TABLES), ...new Set(Object.values(TABLES).flat()), ...VALUES, " "],
  seeds: Array.from(
    { length: Math.ceil(ALL.length / MAX_CHANGES) },
    (_, i) => ALL.slice(i * MAX_CHANGES, (i + 1) * MAX_CHANGES).join("\n"),
  ),
  maxBytes: 1024,
  shortInputs: 4,
  maxMs: 5000,
  line(random) {
    const table = pick(random, Object.keys(TABLES)), column = pick(random, [...TABLES[table]!, "checksum"]);
    // a row without a checksum is from before there were any, and is not looked at
    return `${table} ${column} ${random.between(0, 3)} ${
      pick(random, column === "checksum" ? VALUES.filter((value) => value !== "null") : VALUES)
    }`;
  },
  run,
};
