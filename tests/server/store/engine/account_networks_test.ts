import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { Context } from "../../../../server/store/database/context.ts";
import { DATABASE_FILE, openDatabase } from "../../../../server/store/database/database.ts";
import { AccountNetworks } from "../../../../server/store/engine/account/networks.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { MAX_MADE_ACCOUNTS } from "../../../../server/store/requests/account.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine } from "../../../batch_engine.ts";
import { temporaryDirectory } from "../../../program.ts";

const add = (name: string, network?: string): StoreRequest => ({
  kind: "account",
  what: "add",
  name,
  verifier: "v",
  ...network === undefined ? {} : { network },
});
const change = (what: "cover" | "remove", name: string): StoreRequest => ({ kind: "account", what, name });
const create = (thread: string, user: string): StoreRequest => ({
  kind: "session",
  session: `${thread} ${user}`,
  account: user,
  first: 1,
  low: 1,
  changes: [{ kind: "create", thread, user }],
});

/** Accounts of networks that make as many as they may, until no more can be made. */
class Table implements Disposable {
  readonly #db = new DatabaseSync(":memory:");
  readonly networks: AccountNetworks;
  count = 0;

  constructor() {
    openDatabase(this.#db);
    this.networks = new AccountNetworks({ db: this.#db } as Context);
  }

  /** How many accounts a network could make, at most so many. */
  fill(network: string, most = Infinity): number {
    let made = 0;
    for (; made < most && !this.networks.isFullFor(network, this.count); made++) {
      this.networks.set(`${this.count++}`, network);
    }
    return made;
  }

  [Symbol.dispose]() {
    this.#db.close();
  }
}

// seal.md 6.6
Deno.test("one address makes a quarter of the accounts at most, and others find most of the rest left", () => {
  using table = new Table();
  assertEquals([table.fill("192.0.2.1"), table.fill("192.0.2.2")], [25_000, 10_440]);
  table.networks.set("0", "");
  table.count--;
  assertEquals([table.fill("192.0.2.1"), table.fill("this machine")], [0, 6616]);
});

// seal.md 6.6
Deno.test("forty addresses that make all the accounts they may leave hundreds to the next one", () => {
  using table = new Table();
  for (let i = 0; i < 40; i++) table.fill(`192.0.2.${i}`);
  assert(MAX_MADE_ACCOUNTS - table.count > 20_000);
  assertEquals(table.fill("198.51.100.1", 200), 200);
  for (let i = 0; i < 1000; i++) table.fill(`10.0.${i >> 8}.${i & 255}`);
  assert(table.fill("198.51.100.2", 2) > 0);
});

// seal.md 6.6, 6.8
Deno.test("an IPv6 /48 makes as many accounts as two networks, in however many of them", () => {
  using table = new Table();
  let made = 0;
  for (let i = 1; i < 3000; i++) made += table.fill(`2001:db8:0:${i.toString(16)}`, 100);
  assertEquals([made, table.fill("2001:db8:0:ffff"), table.fill("2001:db8:1:1")], [50_000, 0, 3031]);
});

async function withEngine(
  use: (ask: (...requests: StoreRequest[]) => Outcome[], restart: (sql?: string) => void) => void,
) {
  await using directory = await temporaryDirectory();
  const open = () =>
    new BatchEngine({
      directory: directory.path,
      limits: DEFAULT_LIMITS,
      forumLimits: { threads: 8 },
      onEvent() {},
    });
  let engine = open();
  use((...requests) => engine.apply(requests).outcomes, (sql = "") => {
    engine.close();
    const db = new DatabaseSync(`${directory.path}/${DATABASE_FILE}`);
    db.exec(sql);
    db.close();
    engine = open();
  });
  engine.close();
}
const reasonOf = (outcome: Outcome) =>
  (outcome as { outcomes: [number, { reason: string }][] }).outcomes[0]?.[1].reason ?? "created";

// mailbox.md 5.2, 5.4
Deno.test("users whose accounts were made at one address have one share of the forum, also after a restart", async () => {
  await withEngine((ask, restart) => {
    ask(add("a", "192.0.2.1"), add("b", "192.0.2.1"), add("c", "192.0.2.2"), add("d"), add("e"));
    const created = () => {
      const threads = ["a", "b", "a", "c", "d", "e"].map((user, i) =>
        create(`${performance.now()} ${i}`, user)
      );
      return ask(...threads).map(reasonOf);
    };
    const full = "full 2 threads of one address";
    assertEquals(created(), ["created", "created", full, "created", "created", "created"]);
    restart();
    assertEquals(ask(create("x", "b"), create("y", "a")).map(reasonOf), [full, full]);
    // the administrator knows who that is
    ask(change("cover", "b"));
    assertEquals(ask(create("z", "b")).map(reasonOf), ["created"]);
    restart();
    assertEquals(ask(create("v", "b"), create("w", "a")).map(reasonOf), [
      "full 2 threads of one user",
      "created",
    ]);
  });
});

// seal.md 6.6, 6.9
Deno.test("an address that has made all the accounts it may makes no more after a restart, and others do; none is removed for it", async () => {
  await withEngine((ask, restart) => {
    restart(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 24999)
      INSERT INTO account (name, verifier, network) SELECT 'user' || i, 'v', '192.0.2.1' FROM n`);
    const made = { mailbox: true, apart: 0 };
    const outcomes = ask(add("a", "192.0.2.1"), add("b", "192.0.2.1"), add("c", "192.0.2.2"), add("d"));
    assertEquals(outcomes, [made, "full", made, made]);
    restart();
    assertEquals(ask(add("b", "192.0.2.1")), ["full"]);
    const old = ["a", "c", "d", ...Array.from({ length: 24_999 }, (_, i) => `user${i + 1}`)];
    assertEquals(new Set<unknown>(ask(...old.map((name) => add(name, "192.0.2.3")))), new Set(["exists"]));
    // the two of others count too
    const removed = [7, 8, 9].map((i) => change("remove", `user${i}`));
    assertEquals(ask(...removed, add("b", "192.0.2.1")).slice(2), ["removed", made]);
  });
});
