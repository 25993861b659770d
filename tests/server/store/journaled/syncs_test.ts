import { assertEquals } from "@std/assert";
import type { Journal } from "../../../../server/store/journal/journal.ts";
import { Syncs } from "../../../../server/store/journaled/syncs.ts";
import type { Outcome, StoreEvent } from "../../../../server/store/store.ts";

/** A journal whose syncs always work. */
function workingJournal() {
  const journal = {
    last: 1,
    durable: 0,
    bytes: 100,
    syncNow: () => journal.durable = journal.last,
    sync: () => Promise.resolve(journal.syncNow()),
    release() {},
  };
  return journal;
}

/** Syncs off the thread of a journal that takes so long, and what is given out. */
function slowSyncs(syncMs: number) {
  const journal = workingJournal(), given: string[] = [];
  let now = 0, begun = 0, end = () => {};
  const syncs = new Syncs({
    journal: {
      ...journal,
      get last() {
        return journal.last;
      },
      get durable() {
        return journal.durable;
      },
      async sync() {
        const { last } = journal;
        begun++;
        await new Promise<void>((resolve) => end = resolve);
        now += syncMs;
        return journal.durable = last;
      },
    } as unknown as Journal,
    writeBack: undefined,
    place: { isInThread: () => false, took() {} },
    monotonicClock: () => now,
    onEvent() {},
    lose() {},
  });
  return {
    given,
    get begun() {
      return begun;
    },
    pass: (ms: number) => now += ms,
    request(name: string): Promise<void> {
      const number = ++journal.last, { promise, resolve, reject } = Promise.withResolvers<Outcome[]>();
      syncs.add({ number, outcomes: ["stored"], events: [], isAwaited: true, resolve, reject });
      return promise.then(() => void given.push(name));
    },
    /** Ends the sync that runs. */
    async end() {
      end();
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
}

// store 4.8
Deno.test("after a slow sync those whom it has answered share the next one with those who wait", async () => {
  const slow = slowSyncs(100);
  void slow.request("a1");
  for (const name of ["b1", "c1"]) void slow.request(name);
  await slow.end();
  // two of three are waited for no longer than that
  assertEquals([slow.given, slow.begun], [["a1"], 1]);
  void slow.request("a2");
  assertEquals(slow.begun, 2);
  await slow.end();
  assertEquals(slow.given, ["a1", "b1", "c1", "a2"]);
});

Deno.test("after a slow sync those who come no more are waited for only so long, and after a quick one nobody", async () => {
  const slow = slowSyncs(100), first = slow.request("a1"), second = slow.request("b1");
  await slow.end();
  await first;
  assertEquals(slow.begun, 1);
  slow.pass(5);
  while (slow.begun < 2) await new Promise((resolve) => setTimeout(resolve));
  await slow.end();
  await second;
  const quick = slowSyncs(1);
  void quick.request("a1");
  const next = quick.request("b1");
  await quick.end();
  assertEquals([quick.given, quick.begun], [["a1"], 2]);
  await quick.end();
  await next;
});

// store 6.6: only a failing disk, or damage, loses a store
for (const isInThread of [false, true]) {
  Deno.test(`an error of what listens is no loss of the store, and keeps no outcome back, ${isInThread ? "in the thread" : "off it"}`, async () => {
    const lost: unknown[] = [], errors: string[] = [], events: StoreEvent[] = [];
    const syncs = new Syncs({
      journal: workingJournal() as unknown as Journal,
      writeBack: undefined,
      place: { isInThread: () => isInThread, took() {} },
      onEvent(event) {
        events.push(event);
        if (events.length === 1) throw new Error("a listener's own");
      },
      lose: (error) => lost.push(error),
    });
    const report = (event: ErrorEvent) => {
      event.preventDefault();
      errors.push(event.error.message);
    };
    addEventListener("error", report);
    try {
      const { promise, resolve, reject } = Promise.withResolvers<Outcome[]>();
      const ready = ["a", "b"].map((mailbox): StoreEvent =>
        ({ kind: "ready", mailboxes: [mailbox] }) as never
      );
      syncs.add({ number: 1, outcomes: ["stored"], events: ready, isAwaited: true, resolve, reject });
      assertEquals(await promise, ["stored"]);
      assertEquals([lost, errors, events.length], [[], ["a listener's own"], 2]);
    } finally {
      removeEventListener("error", report);
    }
  });
}
