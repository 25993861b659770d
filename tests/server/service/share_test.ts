import { assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type EventEncoder, Member } from "../../../server/service/hub/channel.ts";
import { describeOwner, ownerAt } from "../../../server/quota/owner.ts";
import { DEFAULT_HISTORY_LIMITS, History } from "../../../server/service/hub/history.ts";
import { Hub } from "../../../server/service/hub/hub.ts";
import { Metrics } from "../../../server/report/metrics.ts";
import { BatchEngine } from "../../batch_engine.ts";
import type { Leased } from "../../../server/store/requests/lease.ts";
import type { Put, Taken } from "../../../server/store/requests/message.ts";
import { MIGRATIONS } from "../../../server/store/database/migrations.ts";
import type { Outcome, StoreEvent, StoreRequest } from "../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import { temporaryDirectory } from "../../program.ts";
import { transcript, withServer } from "../serve.ts";

const ANN = "ann", BEN = "[10.0.0.1]";

/** An engine of few messages, whose clocks stand until they are moved. */
class Subject implements Disposable {
  now = 1_700_000_000_000;
  readonly events: StoreEvent[] = [];
  readonly #directory = Deno.makeTempDirSync({ prefix: "wirepost-share-" });
  #engine: BatchEngine;

  constructor(readonly mailboxes = 99) {
    this.#engine = this.#open();
  }

  #open() {
    const { mailboxes } = this;
    return new BatchEngine({
      directory: this.#directory,
      limits: { ...DEFAULT_LIMITS, messages: 16, bytes: 4000, mailboxes },
      onEvent: (event) => this.events.push(event),
      wallClock: () => this.now,
      monotonicClock: () => this.now,
    });
  }

  ask(...requests: StoreRequest[]): Outcome[] {
    return this.#engine.apply(requests).outcomes;
  }

  /** Moves the clocks, and does what it is time for. */
  pass(ms: number) {
    this.now += ms;
    while (this.#engine.tick());
  }

  restart() {
    this.#engine.close();
    this.#engine = this.#open();
  }

  put(owner: string, mailbox = "bob", more: Partial<Put> = {}): Put {
    return { kind: "put", mailbox, sender: "s", time: this.now, text: "x", bytes: 1, owner, ...more };
  }

  /** How many messages of its four a holder can still put; they are there afterwards. */
  left(holder: string): number {
    let left = 0;
    while (this.ask(this.put(holder, "rest"))[0] === "stored") left++;
    return left;
  }

  [Symbol.dispose]() {
    this.#engine.close();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

// mailbox.md 5.1
Deno.test("one address fills its share of the mailboxes, and is refused more by that reason", () =>
  withServer({ limits: { mailboxes: 8 } }, async (server, log) => {
    await transcript(
      server,
      `
      a > F, box1, a, 1
      a > F, box2, a, 2
      b > F, box3, b, 3
      a > F, box1, a, 4
      c > R, box3
      c < X
      c > R, box2
      c < N, TIME, a, 2
      b > F, box3, b, 5
      c > R, box3
      c < N, TIME, b, 5
      c > R, box1
      c < N, TIME, a, 1
      c > R, box1
      c < N, TIME, a, 4
      `,
    );
    assertEquals(log.join("").match(/(?<=Z ).*share.*/g), [
      "warn mailbox - this machine has its share, 2 mailboxes of one address: further messages of it are refused",
      "warn mailbox - this machine has some of its share left again; 1 messages were refused",
    ]);
  }));

// mailbox.md 5.1
Deno.test("with a share of 100 one address has all that there is", () =>
  withServer({ limits: { mailboxes: 3, share: 100 } }, (server) =>
    transcript(
      server,
      `
      a > F, box1, a, 1
      a > F, box2, a, 2
      a > F, box3, a, 3
      a > F, box4, a, 4
      b > R, box3
      b < N, TIME, a, 3
      b > R, box4
      b < X
      `,
    )));

Deno.test("who stores 100,000 messages comes to a quarter, and whoever comes behind him is not refused", () => {
  const engine = new BatchEngine({
    directory: undefined,
    limits: { ...DEFAULT_LIMITS, messages: 40_000, mailboxes: 20_000 },
    onEvent: () => {},
  });
  const put = (i: number, owner: string): Put => (
    { kind: "put", mailbox: `m${i}`, sender: "s", time: 0, text: "x", bytes: 1, owner }
  );
  const stored = (holder: string, count: number, mailbox = (i: number) => i) => {
    const puts = Array.from({ length: count }, (_, i) => put(mailbox(i), holder));
    return engine.apply(puts).outcomes.filter((outcome) => outcome === "stored").length;
  };
  assertEquals(stored("[10.0.0.1]", 20_000), 5000, "mailboxes");
  assertEquals(stored("[10.0.0.1]", 20_000, () => 1), 5000, "messages");
  assertEquals(stored("[10.0.0.2]", 10_000, () => 1), 10_000, "in a mailbox that another has made");
  assertEquals(stored("ann", 1000, (i) => 100_000 + i), 1000);
  engine.close();
});

// mailbox.md 5.3, 5.4
Deno.test("a share is counted over a restart, and given back in whatever way a message goes", () => {
  using s = new Subject();
  // of four messages each, two of them where the other one was first
  s.ask(s.put(ANN), s.put(BEN), s.put(ANN, "carol"), s.put(BEN, "carol"), s.put(ANN), s.put(BEN));
  s.restart();
  assertEquals(s.ask(s.put(ANN), s.put(ANN), s.put(BEN), s.put(BEN)), [
    "stored",
    "full share",
    "stored",
    "full share",
  ]);
  assertEquals(s.ask({ kind: "count" }), [{ messages: 8, bytes: 8, mailboxes: 2 }]);

  // three are taken, of which two were Ann's
  s.ask({ kind: "take", mailbox: "bob" }, { kind: "take", mailbox: "bob" }, { kind: "take", mailbox: "bob" });
  assertEquals([s.left(ANN), s.left(BEN)], [2, 1], "taken");

  // what is left of bob's is acknowledged: one of Ben's, one of Ann's and one of Ben's again
  s.restart();
  const lease = { kind: "lease", session: "s", tag: 1, mailbox: "bob", max: 9, maxBytes: 99, duration: 9000 };
  const [{ token, messages }] = s.ask({ ...lease, subscribe: false } as StoreRequest) as unknown as [Leased];
  const ids = messages.map(({ id }) => id);
  s.ask({ kind: "session", session: "s", first: 1, low: 1, changes: [{ kind: "ack", token, ids }] });
  assertEquals([ids.length, s.left(ANN), s.left(BEN)], [3, 1, 2], "acknowledged");

  s.ask({ kind: "clear", mailbox: "carol" });
  assertEquals([s.left(ANN), s.left(BEN)], [1, 1], "cleared");
  s.ask({ kind: "clear" });
  s.restart();
  assertEquals([s.left(ANN), s.left(BEN)], [4, 4], "all cleared");
  s.ask({ kind: "clear" });

  // one has expired when it is due, one later, and one comes
  s.ask(s.put(ANN, "bob", { delay: 1000, expires: s.now + 500 }));
  s.ask(s.put(BEN), s.put(ANN, "bob", { expires: s.now + 2000 }), s.put(ANN, "bob", { delay: 1000 }));
  s.restart();
  assertEquals([s.left(ANN), s.left(BEN)], [1, 3], "delayed");
  s.pass(1000);
  assertEquals(s.left(ANN), 1, "expired before it was due");
  s.pass(1000);
  assertEquals(s.left(ANN), 1, "expired");
  s.restart();
  assertEquals([s.left(ANN), s.left(BEN)], [0, 0]);
});

// mailbox.md 5.8
Deno.test("the end of a share is told once, and that there is some left again", () => {
  using s = new Subject(8);
  s.ask(...Array.from({ length: 7 }, (_, i) => s.put(BEN, `m${i}`)));
  s.ask(s.put(BEN, "m9"), s.put(ANN, "m9", { bytes: 1001 }));
  s.ask({ kind: "take", mailbox: "m0" });
  assertEquals(s.events, [
    { kind: "full", owner: BEN, limit: "2 mailboxes of one address" },
    { kind: "room", owner: BEN, refused: 6 },
  ]);
});

// mailbox.md 5.7
Deno.test("with drop-oldest, nobody's messages make room for another's share", () => {
  const limits = { ...DEFAULT_LIMITS, messages: 8, whenFull: "drop-oldest" } as const;
  const engine = new BatchEngine({ directory: undefined, limits, onEvent: () => {} });
  const put = (owner: string, text: string): Put => (
    { kind: "put", mailbox: "bob", sender: "s", time: 0, text, bytes: 1, owner }
  );
  const take = { kind: "take", mailbox: "bob" } as const;
  assertEquals(engine.apply([put(ANN, "1"), put(ANN, "2"), put(ANN, "3")]), {
    outcomes: ["stored", "stored", "stored"],
    dropped: 1,
  });
  assertEquals(engine.apply([put(BEN, "4"), put(BEN, "5"), put(BEN, "6"), put(ANN, "7")]), {
    outcomes: ["stored", "stored", "full share", "full share"],
    dropped: 0,
  });
  const taken = engine.apply([take, take, take, take, take]).outcomes as unknown as (Taken | string)[];
  assertEquals(taken.map((one) => typeof one === "string" ? one : one.text), [
    "2",
    "3",
    "4",
    "5",
    "empty",
  ]);
  engine.close();
});

// mailbox.md 5.5
Deno.test("what a store of an earlier version holds stays, and nobody is charged for it", async () => {
  await using directory = await temporaryDirectory();
  const db = new DatabaseSync(`${directory.path}/messages.db`), version = 8;
  for (const step of MIGRATIONS.slice(0, version)) db.exec(step);
  db.exec(`PRAGMA application_id = 0x50726c79; PRAGMA user_version = ${version};
    INSERT INTO mailbox (id, name, messages, bytes) VALUES (1, 'bob', 3, 3);
    INSERT INTO message (seq, mailbox, sender, time, body, bytes)
      VALUES (1, 1, 's', 0, '1', 1), (2, 1, 's', 0, '2', 1);
    INSERT INTO delayed (id, due, mailbox, sender, time, body, bytes) VALUES (3, 1, 'bob', 's', 0, '3', 1);
    UPDATE sequence SET last = 3;
    INSERT INTO thread (title, creator, last, entries, bytes) VALUES ('a', 'yoda', 2, 2, 2);
    INSERT INTO entry (thread, id, file, version, time, bytes, user, body)
      VALUES (1, 1, 0, 0, 0, 1, 'yoda', 'x'), (1, 2, 0, 0, 0, 1, 'hans', 'y');
    INSERT INTO rank (thread, level, block, count) VALUES (1, 0, 0, 2);
    INSERT INTO channel (name, place, first) VALUES ('tea', 1, 1);`);
  db.close();
  const engine = new BatchEngine({
    directory: directory.path,
    limits: { ...DEFAULT_LIMITS, messages: 8 },
    forumLimits: { entries: 4 },
    onEvent: () => {},
  });
  const put: Put = { kind: "put", mailbox: "bob", sender: "s", time: 0, text: "x", bytes: 1, owner: ANN };
  const take = { kind: "take", mailbox: "bob" } as const;
  assertEquals(engine.apply([put, put, put]).outcomes, ["stored", "stored", "full share"]);
  assertEquals(engine.apply([take, put]).outcomes[1], "full share", "what was taken was not Ann's");
  engine.tick();
  assertEquals(
    engine.apply([take, take, put, take, put]).outcomes.map((one) =>
      typeof one === "string" ? one : "message"
    ),
    [
      "message",
      "message",
      "stored",
      "message",
      "stored",
    ],
  );
  assertEquals(engine.apply([{ kind: "channels" }]).outcomes[0] as unknown, [
    { name: "tea", owner: "", place: 1, history: "", first: 1, messages: [] },
  ]);
  const post = { kind: "post", thread: "a", user: "hans", time: 0, text: "z", bytes: 1 } as const;
  assertEquals(
    engine.apply([{ kind: "session", session: "s", first: 1, low: 1, changes: [post] }])
      .outcomes[0] as unknown,
    { done: 1, outcomes: [[1, { kind: "bad", reason: "full 1 entries of one user" }]] },
  );
  engine.close();
});

// mailbox.md 5.3, 5.4
Deno.test("channels count for the address that made them, over a restart, until they are gone", () => {
  const encoder: EventEncoder = { wire: "channels", encode: () => new Uint8Array() };
  const at = (hostname: string) =>
    new Member({ name: hostname }, encoder, { send() {}, isBehind: false, hostname, port: 1 });
  const history = new History(
    DEFAULT_HISTORY_LIMITS,
    ["tea", "coffee"].map((name, i) => (
      { name, owner: "[10.0.0.1]", place: i + 1, history: "", first: 1, messages: [] }
    )),
  );
  const hub = new Hub({
    maxChannels: 8,
    maxOfOwner: 2,
    history,
    metrics: new Metrics(),
    wallClock: () => 0,
  });
  // those that were kept from before too, which no client sees yet
  const names = () => hub.channels.map(({ name }) => name);
  const first = at("10.0.0.1"), second = at("10.0.0.2"), third = at("::ffff:10.0.0.1");
  const members = [second, at("10.0.0.2"), at("10.0.0.2")];
  assertEquals(members.map((member, i) => hub.create(member, `c${i}`)), ["created", "created", "too many"]);
  assertEquals(hub.create(first, "milk"), "created");
  assertEquals(names(), ["coffee", "c0", "c1", "milk"]);
  assertEquals(hub.create(third, "wine"), "created");
  assertEquals(names(), ["c0", "c1", "milk", "wine"]);
  assertEquals(hub.create(at("10.0.0.1"), "beer"), "too many");
  hub.removeChannel("wine");
  assertEquals(hub.create(at("10.0.0.1"), "beer"), "created");
});

Deno.test("whoever takes up channels that another address made before comes to his share", () => {
  const encoder: EventEncoder = { wire: "channels", encode: () => new Uint8Array() };
  const at = (hostname: string) =>
    new Member({ name: hostname }, encoder, { send() {}, isBehind: false, hostname, port: 1 });
  const kept = ["tea", "coffee", "milk", "wine"];
  const history = new History(
    DEFAULT_HISTORY_LIMITS,
    kept.map((name, i) => ({
      name,
      owner: `[10.0.0.${i < 2 ? 1 : 2}]`,
      place: i + 1,
      history: "",
      first: 1,
      messages: [],
    })),
  );
  const hub = new Hub({
    maxChannels: 4,
    maxOfOwner: 2,
    history,
    metrics: new Metrics(),
    wallClock: () => 0,
  });
  assertEquals(kept.map((name) => hub.create(at("10.0.0.3"), name)), [
    "created",
    "created",
    "too many",
    "too many",
  ]);
  // also where there are as many as may be
  assertEquals(hub.create(at("10.0.0.2"), "milk"), "created");
  assertEquals(hub.channels.map(({ name }) => name), ["wine", "tea", "coffee", "milk"]);
});

// mailbox.md 5.1
Deno.test("numbers for an address hold beside the share: the smaller one counts", () =>
  withServer({ limits: { share: 100, ownerMailboxes: 2, ownerBytes: 10 } }, async (server, log) => {
    await transcript(
      server,
      `
      a > F, box1, a, 1234
      a > F, box2, a, 12
      a > F, box3, a, 1
      a > F, box1, a, 12345
      a > R, box3
      a < X
      a > F, box1, a, 123
      a > R, box1
      a < N, TIME, a, 1234
      a > R, box1
      a < N, TIME, a, 123
      a > R, box1
      a < X
      `,
    );
    const text = log.join("");
    assertMatch(text, /this machine has its share, 2 mailboxes of one address/);
  }));

// mailbox.md 5.2
Deno.test("addresses of this machine are one holder, and so is an IPv6 /64", () => {
  const same = (...hostnames: string[]) => new Set(hostnames.map(ownerAt)).size === 1;
  assertEquals(same("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"), true);
  assertEquals(same("2001:db8::1", "2001:db8:0:0:5::1"), true);
  assertEquals([same("10.0.0.1", "10.0.0.2"), same("2001:db8::1", "2001:db8:0:1::1")], [false, false]);
  assertEquals(["ann", ownerAt("10.0.0.1"), ownerAt("2001:db8::1"), ownerAt("::1")].map(describeOwner), [
    "user ann",
    "address 10.0.0.1",
    "address 2001:db8:0:0",
    "this machine",
  ]);
});
