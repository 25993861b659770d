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
