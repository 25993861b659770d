import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { StoreLost } from "../../../../server/store/errors.ts";
import { JournalLost } from "../../../../server/store/journal/journal.ts";
import { MemoryJournal } from "../../../../server/store/journal/memory_journal.ts";
import { StoreClocks } from "../../../../server/store/journaled/clocks.ts";
import {
  JournaledStore,
  type JournaledStoreOptions,
} from "../../../../server/store/journaled/journaled_store.ts";
import type { StoreEvent, StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";

const put = (mailbox: string, text: string): StoreRequest => (
  { kind: "put", mailbox, sender: "alice", time: 0, text, bytes: text.length }
);
const take = (mailbox: string): StoreRequest => ({ kind: "take", mailbox });
const count: StoreRequest = { kind: "count" };
const lease = (tag: number, subscribe = false): StoreRequest => (
  {
    kind: "lease",
    session: "s".repeat(22),
    tag,
    mailbox: "b",
    max: 1,
    maxBytes: 1,
    duration: 1000,
    subscribe,
  }
);
const messages = (n: number) => ({ messages: n, bytes: n, mailboxes: n > 0 ? 1 : 0 });

/** A journal whose syncs end when the test says so. */
class SlowJournal extends MemoryJournal {
  readonly syncs: PromiseWithResolvers<void>[] = [];
  #coming = Promise.withResolvers<void>();

  override async sync(): Promise<number> {
    const covered = this.last, sync = Promise.withResolvers<void>();
    this.syncs.push(sync);
    this.#coming.resolve();
    this.#coming = Promise.withResolvers();
    await sync.promise;
    this.durableUpTo = covered;
    return covered;
  }

  durableUpTo = 0;

  override get durable(): number {
    return this.durableUpTo;
  }

  /** Waits until a sync runs, and ends it. */
  async end(failure?: Error) {
    while (this.syncs.length === 0) await this.#coming.promise;
    const sync = this.syncs.shift()!;
    if (failure === undefined) sync.resolve();
    else sync.reject(failure);
  }
}

const CLOCKS = { wallClock: () => 0, steadyClock: () => 0, uptime: () => 0 };

function storeWith(options: Partial<JournaledStoreOptions> & Pick<JournaledStoreOptions, "journal">) {
  const events: StoreEvent[] = [], lost: Error[] = [], last = { wallClock: 0, monotonicClock: 0 };
  const openEngine = () => new Engine({ directory: undefined });
  const store = new JournaledStore({
    engine: openEngine(),
    openEngine,
    clocks: new StoreClocks(last, CLOCKS),
    last,
    storage: undefined,
    writeBack: undefined,
    lock: undefined,
    syncPlace: { isInThread: () => false, took() {} },
    random: (bytes) => new Uint8Array(bytes),
    onEvent: (event) => events.push(event),
    onLost: (error) => lost.push(error),
    pause: () => Promise.resolve(),
    rest: () => Promise.resolve(),
    ...options,
  });
  return { store, events, lost };
}

/** Lets everything happen that waits for nothing but the next turns of the event loop. */
async function turns(count = 5) {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** Notes what is answered, in its order. */
function noting(store: JournaledStore) {
  const answered: string[] = [];
  const ask = (name: string, request: StoreRequest, isAwaited = true) => {
    store.apply([request], isAwaited).then(([outcome]) =>
      answered.push(`${name} ${typeof outcome === "object" ? "object" : outcome}`)
    );
  };
  return { answered, ask };
}

Deno.test("what comes while outcomes are given out is answered after those before it, if syncs run in the thread too", async () => {
  const journal = new MemoryJournal(), syncPlace = { isInThread: () => true, took() {} };
  const { store } = storeWith({
    journal,
    syncPlace,
    onEvent: (event) => event.kind === "ready" && ask("later", put("b", "two")),
  });
  const { answered, ask } = noting(store);
  ask("lease", lease(1, true));
  ask("first", put("b", "one"));
  await turns();
  assertEquals(answered, ["lease empty", "first stored", "later stored"]);
  await store.close();
});

// store 4.8
Deno.test("what is carried out is answered, and reported, when the sync that began after it has ended", async () => {
  const journal = new SlowJournal(),
    { store, events } = storeWith({ journal }),
    { answered, ask } = noting(store);
  ask("empty", lease(1, true));
  await turns();
  assertEquals(answered, ["empty empty"], "what changes nothing needs no sync");
  ask("first", put("b", "1"));
  ask("second", put("b", "2"));
  ask("read", count);
  await turns();
  assertEquals([answered.splice(0), events], [["empty empty"], []]);
  await journal.end();
  await turns();
  assertEquals([answered.splice(0), events.splice(0)], [["first stored"], [{ kind: "ready", mailbox: "b" }]]);
  ask("third", take("b"));
  await journal.end();
  await turns();
  assertEquals(answered.splice(0), ["second stored", "read object"]);
  await journal.end();
  await turns();
  assertEquals(answered, ["third object"]);
  await store.close();
});

Deno.test("what nobody waits for has no sync of its own at once, and is synced soon all the same", async () => {
  const journal = new SlowJournal(), { store } = storeWith({ journal }), { answered, ask } = noting(store);
  ask("put", put("b", "1"), false);
  assertEquals(journal.syncs.length, 0);
  ask("take", take("b"));
  assertEquals(journal.syncs.length, 1, "with what somebody waits for");
  await journal.end();
  await turns();
  assertEquals(answered.splice(0), ["put stored", "take object"]);
  ask("late", put("b", "2"), false);
  await journal.end();
  await turns();
  assertEquals(answered, ["late stored"]);
  const closed = store.close();
  await closed;
});

// store 3.5
Deno.test("a sync that fails ends the store: nothing of it is answered, and nothing more is taken", async () => {
  const journal = new SlowJournal(), { store, lost } = storeWith({ journal });
  const outcomes = Promise.allSettled([store.apply([put("b", "1")]), store.apply([put("b", "2")])]);
  await journal.end(new Error("Cannot sync the file"));
  for (const each of await outcomes) {
    assert(each.status === "rejected" && each.reason instanceof StoreLost);
  }
  assertEquals(lost.map(({ message }) => message), ["Cannot sync the file"]);
  await assertRejects(() => store.apply([count]), StoreLost, "Cannot sync the file");
  await store.close();
});

// store 6.4
Deno.test("a checkpoint that fails for want of space leaves the state as it was, and is tried again", async () => {
  await using directory = await temporaryDirectory();
  let failing = 1, opened = 0;
  class FullEngine extends Engine {
    override checkpoint(...args: Parameters<Engine["checkpoint"]>) {
      if (failing-- > 0) throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
      super.checkpoint(...args);
    }
  }
  const openEngine = () => (opened++, new FullEngine({ directory: directory.path }));
  // nothing is released, as on disk before the write-back
  class WholeJournal extends MemoryJournal {
    override release() {}
  }
  const { store, events, lost } = storeWith({
    journal: new WholeJournal(),
    engine: openEngine(),
    openEngine,
  });
  await store.apply([put("b", "1"), put("b", "2"), put("b", "3"), take("b")]);
  assertEquals(await store.apply([lease(1)]).then(([leased]) => typeof leased), "object");
  // the checkpoint of a start
  await store.begin([lease(2), take("b"), lease(3, true), put("other", "x"), take("other")]);
  assertEquals([opened, lost], [2, []]);
  assertEquals(await store.apply([count, take("b")]), [messages(2), "empty"]);
  await store.apply([put("b", "4")]);
  assertEquals(events.filter(({ kind }) => kind === "ready"), [{ kind: "ready", mailbox: "b" }]);
  await store.close();
  const engine = new Engine({ directory: directory.path });
  assertEquals(engine.counts, messages(3));
  engine.close();
});

/** A journal with as much room as the test says. */
class NarrowJournal extends MemoryJournal {
  override room = Infinity;
}

// store 3.1
Deno.test("the longest request has room in the smallest segment", async () => {
  const journal = new NarrowJournal(), { store } = storeWith({ journal });
  journal.room = 1024 * 1024 - 64;
  const text = "x".repeat(1000), bytes = 512 * 1024;
  const messages = Array.from(
    { length: 512 },
    () => ({ sender: "al", time: 1, text, bytes: text.length + 2 }),
  );
  const channel = {
    kind: "channel",
    name: "c",
    owner: "",
    place: 1,
    history: "",
    first: 1,
    from: 1,
  } as const;
  assertEquals(await store.apply([{ ...channel, messages, bytes }]), ["kept"]);
  await store.close();
});

// store 6.5
Deno.test("what is due by time, and for which the journal has no room, waits for a checkpoint", async () => {
  const journal = new NarrowJournal(), asked = Promise.withResolvers<void>();
  let now = 0, pauses = 0, asks = 0;
  class AskedEngine extends Engine {
    override due(...args: Parameters<Engine["due"]>) {
      const due = super.due(...args);
      if (due !== undefined && ++asks === 3) asked.resolve();
      return due;
    }
  }
  const last = { wallClock: 0, monotonicClock: 0 };
  const { store } = storeWith({
    journal,
    engine: new AskedEngine({ directory: undefined }),
    clocks: new StoreClocks(last, { ...CLOCKS, steadyClock: () => now }),
    pause: () => (pauses++, new Promise((resolve) => setTimeout(resolve, 0))),
  });
  await store.apply([{ ...put("b", "1"), delay: 1000 } as StoreRequest]);
  journal.room = 0;
  now = 1000;
  await asked.promise;
  assertEquals(pauses, 0, "it is not tried again and again");
  journal.room = Infinity;
  while (true) {
    const [outcome] = await store.apply([take("b")]);
    if (outcome !== "empty") break;
    await turns();
  }
  await store.close();
});

Deno.test("what is due by time is left to the next start when the store is closed", async () => {
  const paused = Promise.withResolvers<void>(), going = Promise.withResolvers<void>();
  let isCleared = false;
  const { store, lost } = storeWith({
    journal: new MemoryJournal(),
    pause: () => {
      if (!isCleared) return Promise.resolve();
      // that of the sweep, and of nothing else
      isCleared = false;
      paused.resolve();
      return going.promise;
    },
  });
  await store.apply(Array.from({ length: 2000 }, () => put("b", "1")));
  await store.begin([]);
  isCleared = true;
  await store.apply([{ kind: "clear", mailbox: "b" }]);
  await paused.promise;
  await store.close();
  going.resolve();
  await turns();
  assertEquals(lost, []);
});

// store 6.4
Deno.test("if the state cannot be made anew, that is what ends the store, and nothing is carried out any more", async () => {
  let refused: Promise<unknown> | undefined;
  class FullEngine extends Engine {
    override checkpoint() {
      // it waits for the checkpoint
      refused = assertRejects(() => store.apply([put("b", "2")]), StoreLost, "Cannot open the database");
      throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    }
  }
  const { store, lost } = storeWith({
    journal: new MemoryJournal(),
    engine: new FullEngine({ directory: undefined }),
    openEngine: () => {
      throw new Error("Cannot open the database");
    },
  });
  await store.begin([put("b", "1")]);
  await refused!;
  assertEquals(lost.map(({ message }) => message), ["Cannot open the database"]);
  await store.close();
});

Deno.test("a store that is lost while its state is made anew has closed the database when it is closed", async () => {
  class FullEngine extends Engine {
    override checkpoint() {
      throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
    }
  }
  let lost: JournalLost | undefined, anew: Engine | undefined;
  const journal = Object.defineProperty(new MemoryJournal(), "lost", { get: () => lost });
  // as one on a disk, it has its records until the database has them
  journal.release = () => {};
  const reported = Promise.withResolvers<void>();
  const { store } = storeWith({
    journal,
    engine: new FullEngine({ directory: undefined }),
    openEngine: () => {
      lost = new JournalLost("Cannot rename a segment");
      return anew = new Engine({ directory: undefined });
    },
    onLost: () => reported.resolve(),
    pause: () => anew === undefined ? Promise.resolve() : reported.promise.then(() => turns()),
  });
  const begun = store.begin([put("b", "1")]);
  await reported.promise;
  await store.close();
  assertThrows(() => [...anew!.dump()], Error, "database is not open");
  await begun;
});

// store 4.3, 4.4
Deno.test("the wall clock advances steadily whatever the system's is set to, and both clocks go on from the last record", () => {
  let system = 1000.4, steady = 50.3, uptime = 7.9;
  const clocks = { wallClock: () => system, steadyClock: () => steady, uptime: () => uptime };
  const { wallClock, monotonicClock } = new StoreClocks({ wallClock: 5000, monotonicClock: 300 }, clocks);
  assertEquals([wallClock(), monotonicClock()], [5000, 300]);
  steady += 100;
  uptime += 30;
  system = -1e9;
  assertEquals([wallClock(), monotonicClock()], [5100, 330]);
  system = 7000;
  const later = new StoreClocks({ wallClock: 5100, monotonicClock: 330 }, clocks);
  assertEquals([later.wallClock(), later.monotonicClock()], [7000, 330]);
});
