/** What has changed in the database by itself is reported, and not handed out. */

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import {
  CHECKED_COLUMNS,
  type CheckedTable,
  checksumOf,
} from "../../../../server/store/database/checksum.ts";
import { DATABASE_FILE } from "../../../../server/store/database/database.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine } from "../../../batch_engine.ts";

const TIME = 1_700_000_000_000, SESSION = { session: "s", startTime: TIME };

const changed = (first: number): StoreRequest => ({
  kind: "session",
  ...SESSION,
  first,
  low: 1,
  changes: first > 1 ? [{ kind: "skip" }] : [
    { kind: "create", thread: "tea", user: "al" },
    { kind: "post", thread: "tea", user: "al", time: TIME, text: "one", bytes: 3 },
    { kind: "post", thread: "tea", user: "al", time: TIME, text: "two", bytes: 3 },
    { kind: "skip" },
  ],
});

/** One thing of each kind that has rows with checksums. */
const FILL: StoreRequest[] = [
  changed(1),
  { kind: "attach", thread: 1, name: "f", user: "al", time: TIME, size: 1, hash: "h", content: "c" },
  { kind: "account", what: "add", name: "bob", verifier: "v" },
  {
    kind: "channel",
    name: "news",
    owner: "o",
    place: 1,
    history: "h:1",
    first: 1,
    from: 1,
    messages: ["one", "two", "three"].map((text) => ({ sender: "al", time: TIME, text, bytes: 5 })),
    bytes: 15,
  },
  { kind: "limit", messages: 9 },
];

const READ: StoreRequest = {
  kind: "read",
  thread: "tea",
  from: { after: 0 },
  limit: 9,
  maxBytes: 999,
};
const ACCOUNTS: StoreRequest = { kind: "account", what: "list", limit: 9 };

/** Fills a database, changes it in SQL, and asks it something: the outcomes, and what was reported. */
function ask(damage: string, ...requests: StoreRequest[]): { outcomes: unknown[]; events: StoreEvent[] } {
  const directory = Deno.makeTempDirSync({ prefix: "wirepost-damage-" }), events: StoreEvent[] = [];
  const open = () =>
    new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent: (event) => events.push(event) });
  try {
    const first = open();
    assertEquals(first.apply(FILL).outcomes.slice(1) as Outcome[], [
      "stored",
      { mailbox: true, apart: 0 },
      "kept",
      "set",
    ]);
    first.close();
    {
      using db = new DatabaseSync(`${directory}/${DATABASE_FILE}`);
      db.exec(damage);
    }
    const engine = open();
    try {
      return { outcomes: engine.apply(requests).outcomes, events };
    } finally {
      engine.close();
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const damaged = (table: CheckedTable, key: string): StoreEvent => ({ kind: "damaged", table, key });

// store 7.1, 7.2
Deno.test("a damaged account is not listed, and its name is free when it was removed", () => {
  const remove = { kind: "account", what: "remove", name: "bob" } as const;
  const change = { kind: "account", what: "change", name: "bob", verifier: "w" } as const;
  const { outcomes, events } = ask("UPDATE account SET verifier = 'u'", ACCOUNTS, change, remove, change);
  assertEquals(outcomes, [[], "unknown", "removed", "unknown"]);
  assertEquals(events, [damaged("account", "bob"), damaged("account", "bob")]);
});

Deno.test("a damaged message of a thread is left out, and the others keep their numbers", () => {
  const { outcomes, events } = ask("UPDATE entry SET text = 'six' WHERE text = 'one'", READ);
  const { entries } = outcomes[0] as { entries: { number?: number; text?: string; file?: string }[] };
  assertEquals(entries.map(({ number, text, file }) => file ?? `${number} ${text}`), ["2 two", "f"]);
  assertEquals(events, [damaged("entry", "1 1")]);
});

Deno.test("of a damaged thread nothing is given, and its title is not free", () => {
  const create: StoreRequest = {
    kind: "session",
    session: "t",
    first: 1,
    low: 1,
    changes: [{ kind: "create", thread: "tea", user: "al" }],
  };
  const threads: StoreRequest = { kind: "threads", after: 0, limit: 9, maxBytes: 999 };
  const { outcomes } = ask("UPDATE thread SET creator = 'eve'", READ, threads, create);
  assertEquals(outcomes, [
    "no thread",
    { threads: [], more: false },
    { done: 1, outcomes: [[1, { kind: "bad", reason: "exists" }]] },
  ]);
});

Deno.test("a damaged file is neither listed nor found", () => {
  const find: StoreRequest = { kind: "file", thread: "tea", name: "f", user: "al" };
  const { outcomes, events } = ask("UPDATE content SET hash = 'g'", find, READ);
  assertEquals(outcomes[0], { thread: 1 });
  assertEquals((outcomes[1] as { entries: unknown[] }).entries.length, 2);
  assertEquals(events, [damaged("content", "1 f"), damaged("content", "1 f")]);
});

Deno.test("of a channel the messages after a damaged one are given, and a damaged channel not at all", () => {
  const channels: StoreRequest = { kind: "channels" };
  const said = ask("UPDATE said SET text = 'six' WHERE text = 'two'", channels);
  const [channel] = said.outcomes[0] as { first: number; messages: { text: string }[] }[];
  assertEquals([channel!.first, channel!.messages.map(({ text }) => text)], [3, ["three"]]);
  assertEquals(said.events, [damaged("said", "news 2")]);
  assertEquals(ask("UPDATE channel SET owner = 'eve'", channels).outcomes, [[]]);
});

Deno.test("a damaged session is forgotten, and so is what may be one of which nobody knows the name", () => {
  const other: StoreRequest = { kind: "open", session: "other", startTime: TIME };
  for (const damage of ["done = 3", "lacking = lacking - 1", "start_time = start_time - 1"]) {
    const { outcomes, events } = ask(`UPDATE session SET ${damage}`, changed(5), {
      kind: "open",
      ...SESSION,
    });
    assertEquals(outcomes, ["unknown", "unknown"]);
    assertEquals(events, [damaged("session", "s")]);
  }
  assertEquals(ask("UPDATE session SET id = 'r'", other).outcomes, ["unknown"]);
});

Deno.test("without the position, the configuration or the epoch a store is not opened, and the row is named", () => {
  const damages = {
    position: "wall_clock = wall_clock + 1",
    configuration: "text = replace(text, '1', '2')",
    epoch: "id = 'another'",
  };
  for (const [table, damage] of Object.entries(damages)) {
    const error = assertThrows(() => ask(`UPDATE ${table} SET ${damage}`), Error);
    assertMatch(
      error.message,
      new RegExp(`^Cannot open .*messages.db: row of ${table} is damaged; put a copy back`),
    );
  }
});

Deno.test("every row with a checksum has one that is right", () => {
  const directory = Deno.makeTempDirSync({ prefix: "wirepost-damage-" });
  try {
    const engine = new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
    engine.apply([...FILL, changed(5)]);
    // one piece of what an account needs: each is as long as two pieces may be
    const put = {
      kind: "put",
      mailbox: "carol",
      sender: "al",
      time: TIME,
      text: "x",
      bytes: 512 * 1024,
    } as const;
    const key = { key: "a client's own", digest: "what it asked" };
    engine.applyOnce([put, put, { kind: "put once", put, key }, {
      kind: "account",
      what: "add",
      name: "carol",
      verifier: "v",
    }]);
    engine.close();
    using db = new DatabaseSync(`${directory}/${DATABASE_FILE}`);
    for (const [table, columns] of Object.entries(CHECKED_COLUMNS)) {
      const rows = db.prepare(`SELECT ${columns.join(", ")}, checksum FROM ${table}`).all();
      assert(rows.length > 0);
      for (const { checksum, ...row } of rows) {
        assertEquals(
          checksum,
          checksumOf(...Object.values(row) as (string | number | Uint8Array | null)[]),
          table,
        );
      }
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("the checksum of a row tells values and their places apart", () => {
  const rows = [
    ["a", "b"],
    ["ab", ""],
    ["", "ab"],
    ["a", null],
    [null, "a"],
    ["1", 2],
    [1, "2"],
    [0],
    [null],
    [""],
    [
      "Ω",
    ],
    ["Ω".repeat(3000)],
    [`${"x".repeat(60)}Ω`],
  ];
  const sums = rows.map((row) => checksumOf(...row));
  assertEquals(new Set(sums).size, rows.length);
});

/** Where the text stands in the file. */
function placesOf(path: string, text: string): number[] {
  const content = new TextDecoder("latin1").decode(Deno.readFileSync(path)), places: number[] = [];
  for (let at = -1; (at = content.indexOf(text, at + 1)) >= 0;) places.push(at);
  return places;
}

// store 7.8
Deno.test("a mailbox whose name has changed, in its row, in an index or in its messages, is reported or does no harm", () => {
  const name = "a-mailbox-of-its-own", directory = Deno.makeTempDirSync({ prefix: "wirepost-damage-" });
  const put = { kind: "put", mailbox: name, sender: "al", time: TIME, text: "one", bytes: 3 } as const;
  const events: StoreEvent[] = [];
  const open = () =>
    new BatchEngine({ directory, limits: DEFAULT_LIMITS, onEvent: (event) => events.push(event) });
  const take = () => {
    events.length = 0;
    const engine = open();
    try {
      const [taken] = engine.apply([{ kind: "take", mailbox: name }]).outcomes;
      const [page] = engine.apply([{ kind: "peek", mailbox: name, after: 0, limit: 9 }]).outcomes;
      return { taken, waiting: (page as { messages: unknown[] }).messages.length };
    } finally {
      engine.close();
    }
  };
  try {
    const engine = open();
    engine.apply([put, put, { ...put, delay: 1e9 }]);
    engine.close();
    const path = `${directory}/${DATABASE_FILE}`, whole = Deno.readFileSync(path);
    const expected = take();
    assertEquals([expected.waiting, events], [2, []]);
    const places = placesOf(path, name);
    // the mailbox and its index, the message that waits and its index
    assertEquals(places.length, 4);
    for (const place of places) {
      for (const at of [0, name.length - 1]) {
        const damaged = whole.slice();
        damaged[place + at]! ^= 1;
        Deno.writeFileSync(path, damaged);
        const isReported = (taken: unknown) =>
          JSON.stringify(taken) === JSON.stringify(expected) || events.some(({ kind }) => kind === "damaged");
        assert(isReported(take()), `byte ${place + at}`);
      }
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
