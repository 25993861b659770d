/** Which sessions the store forgets to keep others, and how it tells them from new ones. */

import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { BatchEngine } from "../../../batch_engine.ts";
import type { Leased } from "../../../../server/store/requests/lease.ts";
import { MIGRATIONS } from "../../../../server/store/database/migrations.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import { Subject } from "./store.ts";

/** Carries out one number of a session. */
function skip(
  session: string,
  network: string,
  more: { account?: string; startTime?: number; fresh?: boolean } = {},
) {
  const changes = [{ kind: "skip" }] as const;
  return { kind: "session", session, network, first: 1, low: 1, fresh: true, changes, ...more } as const;
}

const SKIPPED = { done: 1, outcomes: [[1, { kind: "bad", reason: "withdrawn" }]] };

// session.md 10.2
Deno.test("where a network has as many sessions as it may, its oldest one makes room, over a restart", () => {
  using s = new Subject();
  const each = (count: number, make: (i: number) => StoreRequest) =>
    s.apply(...Array.from({ length: count }, (_, i) => make(i)));
  const other = skip("other", "192.0.2.2");
  s.apply(other);
  each(10_000, (i) => skip(`s${i}`, "192.0.2.1", { startTime: s.now + i }));
  s.now += 20_000;
  // one that was used is not the oldest any more
  s.apply({ kind: "open", session: "s0" });
  s.restart();
  assertEquals(s.apply(skip("one more", "192.0.2.1")) as unknown[], [SKIPPED]);
  const state = (session: string, startTime: number) =>
    s.apply({ kind: "open", session, startTime })[0] as unknown;
  const began = s.now - 20_000;
  assertEquals([state("s0", began), state("s1", began + 1), state("s2", began + 2)], [
    SKIPPED,
    "unknown",
    SKIPPED,
  ]);
  assertEquals(state("other", 0), SKIPPED);
});

// session.md 8.7
Deno.test("a session that was forgotten is told from a new one, whatever its low is, over a restart", () => {
  using s = new Subject({}, { all: 2, ofNetwork: 2, ofAccount: 2 });
  const began = s.now;
  const put = (session: string, startTime: number) => (
    {
      kind: "session",
      session,
      network: "",
      startTime,
      first: 1,
      low: 1,
      changes: [s.put(session)],
    } as const
  );
  s.apply(put("a", began), put("b", began + 1));
  s.apply(put("c", began + 2));
  for (let start = 0; start < 2; start++) {
    // it repeats its first number, without knowing what came of it
    assertEquals(s.apply(put("a", began), { kind: "open", session: "a", startTime: began }), [
      "unknown",
      "unknown",
    ]);
    s.restart();
  }
  assertEquals(s.apply({ kind: "latest start" }), [began + 2]);
  assertEquals(s.apply(put("d", began + 3)) as unknown[], [{ done: 1, outcomes: [] }]);
  assertEquals(s.texts("r", 1), ["a", "b", "c", "d"]);
});

// session.md 8.8
Deno.test("a session that is new for certain may have begun before one that was forgotten", () => {
  using s = new Subject({}, { all: 1, ofNetwork: 1, ofAccount: 1 });
  // one more than it remembers by name, and the one that is kept
  s.apply(...Array.from({ length: 65_538 }, (_, i) => skip(`${i}`, "", { startTime: 2000 + i })));
  s.restart();
  assertEquals(s.apply(skip("receiver", "", { startTime: 1000, fresh: false })), ["unknown"]);
  assertEquals(s.apply(skip("receiver", "", { startTime: 1000 })) as unknown[], [SKIPPED]);
});

// session.md 8.7
Deno.test("a session that has ended, and nobody goes on with, does not make those before it doubtful", () => {
  using s = new Subject();
  const began = s.now;
  s.apply(skip("a", "", { startTime: began + 1 }), { kind: "end", session: "a", low: 2 });
  s.pass(2 * 60_000 + 1);
  assertEquals(s.apply({ kind: "open", session: "earlier", startTime: began }), ["new"]);
  s.apply(skip("b", "", { startTime: began + 1 }));
  s.pass(24 * 3_600_000 + 1);
  s.restart();
  const opened = ["earlier", "a", "b"].map((
    session,
  ) => ({ kind: "open", session, startTime: began } as const));
  assertEquals(s.apply(...opened), ["new", "new", "unknown"]);
});

// session.md 10.2
Deno.test("where all sessions together are as many as may be, the network that has most makes room", () => {
  using s = new Subject({}, { all: 4, ofNetwork: 3, ofAccount: 1 });
  const startTime = s.now;
  s.apply(
    ...["a", "b", "c"].map((name) => skip(name, "", { startTime })),
    skip("d", "192.0.2.1", { startTime }),
  );
  assertEquals(s.apply(skip("e", "192.0.2.2"), skip("f", "192.0.2.2")) as unknown[], [SKIPPED, SKIPPED]);
  const states = s.apply(
    ...["a", "b", "c", "d"].map((session) => ({ kind: "open", session, startTime } as const)),
  );
  assertEquals(states as unknown[], ["unknown", "unknown", SKIPPED, SKIPPED]);
});

// session.md 10.5
Deno.test("sessions that log in have room of their own, a part of it each account and each network", () => {
  using s = new Subject({}, { all: 8, ofNetwork: 8, ofAccount: 2 });
  const one = (name: string, account: string, network = "192.0.2.1") =>
    s.apply(skip(name, network, { account }))[0];
  for (let i = 0; i < 20; i++) one(`stranger${i}`, "", "");
  assertEquals([one("a1", "al"), one("a2", "al"), one("a3", "al")] as unknown[], [SKIPPED, SKIPPED, "busy"]);
  // two of eight are a quarter
  assertEquals(one("b1", "bo"), "busy");
  assertEquals(one("b1", "bo", "192.0.2.2") as unknown, SKIPPED);
  // whoever leaves makes room at once
  s.apply({ kind: "end", session: "a1", account: "al", low: 2 });
  assertEquals(one("a3", "al") as unknown, SKIPPED);
  assertEquals(one("a1", "al"), "busy");
  s.restart();
  for (let i = 0; i < 20; i++) one(`another${i}`, "", "");
  assertEquals(s.apply({ kind: "open", session: "a2", account: "al" }) as unknown[], [SKIPPED]);
  const [tables] = s.apply({ kind: "usage" }) as unknown as [{ sessions: unknown }];
  assertEquals(tables.sessions, {
    anonymous: 8,
    mostAnonymous: 8,
    mostOfNetwork: 8,
    loggedIn: 3,
    mostLoggedIn: 8,
    mostOfAccount: 2,
    loggedInOfOne: 2,
    mostLoggedInOfOne: 2,
    networks: [["", 8]],
    accounts: [["al", 2], ["bo", 1]],
  });
});

// session.md 10.4
Deno.test("strangers can't take the leases of those who have logged in, nor one network all, nor keep its own for ever", () => {
  using s = new Subject();
  s.change(1, ...Array.from({ length: 10_004 }, (_, i) => s.put(`${i}`)));
  const lease = (tag: number, network: string, account = "") => (
    {
      kind: "lease",
      session: "r",
      network,
      account,
      tag,
      mailbox: "bob",
      max: 1,
      maxBytes: 1,
      duration: 30_000,
      subscribe: false,
    } as const
  );
  const texts = (...asked: ReturnType<typeof lease>[]) =>
    s.apply(...asked).map((leased) => (leased as Leased).messages.map(({ text }) => text).join());
  const given = s.apply(...Array.from({ length: 10_000 }, (_, i) => lease(i + 1, "192.0.2.1"))) as Leased[];
  const extend = { kind: "extend", token: given[0]!.token, duration: 30_000 } as const;
  const changes = { kind: "session", session: "r", first: 1, low: 1, changes: [extend] } as const;
  assertEquals(s.apply(changes) as unknown[], [{ done: 1, outcomes: [] }]);
  // the one that was neither given nor prolonged for longest ends, uncounted
  assertEquals(texts(lease(10_001, "192.0.2.1")), ["10000"]);
  assertEquals(texts(lease(10_002, "192.0.2.2"), lease(10_003, "192.0.2.1", "al")), ["1", "10001"]);
  const [again] = s.apply(lease(10_002, "192.0.2.2")) as [Leased];
  assertEquals(again.messages[0]!.attempt, 1);
  s.restart();
  assertEquals(texts(lease(10_004, "192.0.2.1"), lease(10_005, "192.0.2.1", "al")).includes("10002"), true);
  assertEquals(s.stats().leased, 10_000 + 3);
});

Deno.test("a data directory of before keeps its sessions, and they are told from new ones once forgotten", () => {
  const directory = Deno.makeTempDirSync({ prefix: "wirepost-session-" });
  const began = Date.now(), day = 24 * 3_600_000;
  const db = new DatabaseSync(`${directory}/messages.db`);
  for (const step of MIGRATIONS.slice(0, 8)) db.exec(step);
  db.exec(`PRAGMA application_id = ${0x50726c79}; PRAGMA user_version = 8`);
  db.prepare("INSERT INTO session (id, done, special, used) VALUES ('s', 3, '[]', ?)").run(began);
  db.close();
  let now = 0;
  const limits = DEFAULT_LIMITS, onEvent = () => {};
  const engine = new BatchEngine({ directory, limits, onEvent, monotonicClock: () => now });
  try {
    const open = (startTime: number) =>
      engine.apply([{ kind: "open", session: "s", startTime }]).outcomes as unknown[];
    assertEquals(open(0), [{ done: 3, outcomes: [] }]);
    now += day + 1;
    engine.forgetSessions();
    assertEquals([open(0), open(began - 1)], [["unknown"], ["unknown"]]);
    assertEquals(engine.apply([{ kind: "open", session: "t", startTime: now }]).outcomes, ["new"]);
  } finally {
    engine.close();
    Deno.removeSync(directory, { recursive: true });
  }
});
