/** Requests of wires that have no sessions (store section 12). */

import { DatabaseSync } from "node:sqlite";
import { assertEquals } from "@std/assert";
import { DATABASE_FILE } from "../../../../server/store/database/database.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import type { Settle } from "../../../../server/store/requests/keyed.ts";
import type { EntryPage, ThreadChange } from "../../../../server/store/requests/thread.ts";
import type { Outcome, StoreRequest } from "../../../../server/store/store.ts";
import { BatchEngine } from "../../../batch_engine.ts";

const DAY_MS = 86_400_000;

/** An engine whose clock is set, and which is opened anew with `restart`. */
class Store implements Disposable {
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-keyed-" });
  #engine: BatchEngine;
  now = 1000;

  constructor() {
    this.#engine = this.#open();
  }

  #open(): BatchEngine {
    const clock = () => this.now;
    const options = { directory: this.#directory, limits: DEFAULT_LIMITS, onEvent() {} };
    return new BatchEngine({ ...options, wallClock: clock, monotonicClock: clock });
  }

  apply(...requests: StoreRequest[]): Outcome[] {
    return this.#engine.apply(requests).outcomes;
  }

  tick() {
    while (this.#engine.tick());
  }

  restart() {
    this.#engine.close();
    this.#engine = this.#open();
  }

  /** Restarts with so many keys of each owner. */
  restartWithKeys(counts: Record<string, number>) {
    this.#engine.close();
    using db = new DatabaseSync(`${this.#directory}/${DATABASE_FILE}`);
    const add = db.prepare(`
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
      INSERT INTO request_key (key, digest, owner, used_at, message, time) SELECT ?1 || i, '', ?1, 1e9, i, 1 FROM n`);
    db.exec("BEGIN");
    for (const [owner, count] of Object.entries(counts)) add.run(owner, count);
    db.exec("COMMIT");
    this.#engine = this.#open();
  }

  [Symbol.dispose]() {
    this.#engine.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

const put = (text: string, mailbox = "bob") =>
  ({
    kind: "put",
    mailbox,
    sender: "al",
    time: 7,
    text,
    bytes: text.length,
    owner: "address 192.0.2.1",
  }) as const;
const once = (text: string, key: string, digest = text): StoreRequest => ({
  kind: "put once",
  put: put(text),
  key: { key, digest },
});
const lease = (session: string, taken = false, mailbox = "bob"): StoreRequest => ({
  ...{ kind: "lease", session, tag: 1, mailbox, max: 9, maxBytes: 100, duration: 30_000, subscribe: false },
  ...taken ? { taken } : {},
});
const textsOf = (outcome: Outcome | undefined) =>
  typeof outcome === "object" && "messages" in (outcome as Leased)
    ? (outcome as Leased).messages.map(({ text, attempt }) => `${text} ${attempt}`)
    : outcome;

Deno.test("a put with a key is carried out once, across a restart, for 24 hours (store 12.1, 12.2)", () => {
  using store = new Store();
  assertEquals(store.apply(once("a", "k"), once("a", "k"), once("b", "k"), once("a", "l")), [
    { id: 1, time: 7 },
    { id: 1, time: 7 },
    "other request",
    { id: 2, time: 7 },
  ]);
  store.restart();
  store.now += DAY_MS;
  assertEquals(store.apply(once("a", "k"), once("b", "k")), [{ id: 1, time: 7 }, "other request"]);
  assertEquals(store.apply({ kind: "put once", put: put("c") }), [{ id: 3, time: 7 }]);
  store.now += 1;
  assertEquals(store.apply({ kind: "forget", rows: 1 }), ["done"]);
  // the second one is left for the next piece
  assertEquals(store.apply(once("b", "k"), once("b", "l")), [{ id: 4, time: 7 }, "other request"]);
  store.apply({ kind: "forget", rows: 9 });
  assertEquals(store.apply(once("b", "l")), [{ id: 5, time: 7 }]);
});

Deno.test("a change of a thread with a key is carried out once, and comes to the same number though that is another one now (store 12.1)", () => {
  using store = new Store();
  const change = (change: ThreadChange, key?: string, digest = "d"): StoreRequest => ({
    ...{ kind: "thread", change },
    ...key === undefined ? {} : { key: { key, digest }, owner: "al" },
  });
  const place = (id: number, number: number) => ({ id, number });
  const of = { thread: "tea", user: "al" };
  const post = (text: string) => ({ kind: "post", ...of, time: 7, text, bytes: text.length }) as const;
  const create = change({ kind: "create", ...of }, "c"), second = change(post("two"), "p");
  const remove = change({ kind: "delete", ...of, number: 1 }, "r");
  assertEquals(
    store.apply(create, create, change({ kind: "create", ...of }), change(post("one")), second, second),
    [
      ...[place(1, 0), place(1, 0), { refused: "exists" }, place(1, 1), place(2, 2), place(2, 2)],
    ],
  );
  assertEquals(store.apply(remove, remove, change(post("three"), "p", "other")), [
    place(1, 1),
    place(1, 1),
    "other request",
  ]);
  store.restart();
  store.now += DAY_MS;
  assertEquals(store.apply(second, remove, create), [
    place(2, 2),
    place(1, 1),
    place(1, 0),
  ]);
  // what was refused is carried out when it is asked for again
  const later = change({ kind: "create", thread: "later", user: "al" }, "l");
  const refused = change({ kind: "delete", thread: "later", user: "al", number: 1 }, "d");
  const posted = change({ ...post("first"), thread: "later" });
  assertEquals(store.apply(refused, later, posted, refused, refused), [
    { refused: "no thread" },
    ...[place(2, 0), place(1, 1), place(1, 1), place(1, 1)],
  ]);
  store.now += 2 * DAY_MS;
  for (let i = 0; i < 3; i++) store.apply({ kind: "forget", rows: 9 });
  assertEquals(store.apply(create, second), [{ refused: "exists" }, place(3, 2)]);
  const read: StoreRequest = { kind: "read", thread: "tea", from: { after: 0 }, limit: 9, maxBytes: 99 };
  const [page] = store.apply(read);
  assertEquals((page as EntryPage).entries.map((entry) => "text" in entry && entry.text), ["two", "two"]);
});

// 500,000 of one leave 62,500 to a second one: 500,000 times the third power of a half
Deno.test("the keys that are remembered are shared out, the fewer the more others have (store 12.3)", () => {
  using store = new Store();
  const put = (owner: string, key: string) => {
    const [outcome] = store.apply({
      kind: "put once",
      put: { kind: "put", mailbox: "bob", sender: "al", time: 7, text: "a", bytes: 1, owner },
      key: { key, digest: "d" },
    });
    return typeof outcome === "object" ? "stored" : outcome;
  };
  store.restartWithKeys({ first: 499_999, second: 62_499 });
  assertEquals([put("first", "k"), put("second", "k2"), put("third", "k3")], [
    "keys full",
    "stored",
    "stored",
  ]);
  assertEquals([put("second", "k4"), put("third", "k4")], ["keys full", "stored"]);
});

Deno.test("a message that is taken is given out again only by a release, and removed when the lease ends (store 12.4)", () => {
  using store = new Store();
  store.apply(put("a"), put("b"));
  assertEquals(store.apply(lease("one", true)).map(textsOf), [["a 1", "b 1"]]);
  store.apply({ kind: "release", session: "one", tag: 1 });
  assertEquals(store.apply(lease("two", true)).map(textsOf), [["a 1", "b 1"]]);
  store.now += 20_000;
  store.restart();
  store.now += 29_999;
  store.tick();
  assertEquals(store.apply({ kind: "count", mailbox: "bob" }), [{ messages: 2, bytes: 2, mailboxes: 1 }]);
  store.now += 1;
  store.tick();
  assertEquals(store.apply({ kind: "count" }), [{ messages: 0, bytes: 0, mailboxes: 0 }]);
  store.apply(put("c"));
  assertEquals(store.apply(lease("three", true)).map(textsOf), [["c 1"]]);
  store.apply({ kind: "lineage", epoch: "00".repeat(16) });
  assertEquals(store.apply({ kind: "count" }), [{ messages: 0, bytes: 0, mailboxes: 0 }]);
});

Deno.test("a message of a lease is settled by whoever knows its session and token, and the account (store 12.5)", () => {
  using store = new Store();
  store.apply(put("a"), put("b"), put("c"));
  const [outcome] = store.apply(lease("s")), { token, messages } = outcome as Leased;
  const [a, b, c] = messages.map(({ id }) => id);
  const settle = (id: number, what: Settle["what"], session = "s", account = ""): StoreRequest => {
    return { kind: "settle", session, token, id, account, what };
  };
  assertEquals(
    store.apply(
      settle(a!, { kind: "ack" }, "another"),
      settle(a!, { kind: "ack" }),
      settle(a!, { kind: "ack" }),
      settle(b!, { kind: "fail", delay: 0, attempts: 5, reason: "no" }),
      settle(c!, { kind: "extend", duration: 60_000 }),
    ),
    ["lost", "done", "lost", "done", "done"],
  );
  store.now += 59_999;
  store.tick();
  assertEquals(store.apply(settle(c!, { kind: "back" }), lease("t")).map(textsOf), ["done", ["b 2", "c 1"]]);
  store.apply(put("d", "carol"));
  const [held] = store.apply(lease("u", false, "carol")), carols = held as Leased;
  store.apply({ kind: "account", what: "add", name: "carol", verifier: "v" });
  const ack = (account: string): StoreRequest => {
    const { token, messages } = carols, { id } = messages[0]!;
    return { kind: "settle", session: "u", token, id, account, what: { kind: "ack" } };
  };
  assertEquals(store.apply(ack(""), ack("bob"), ack("carol")), ["denied", "denied", "done"]);
});
