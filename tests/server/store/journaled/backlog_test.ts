/** The journal does not become longer than a start can apply in time: store 5.11. */

import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { HELD_LOG_BYTES_MAX } from "../../../../server/store/checkpoint/checkpoints.ts";
import type { WriteBack } from "../../../../server/store/checkpoint/write_back.ts";
import { Engine } from "../../../../server/store/engine/engine.ts";
import { MemoryJournal } from "../../../../server/store/journal/memory_journal.ts";
import { StoreClocks } from "../../../../server/store/journaled/clocks.ts";
import { JournaledStore } from "../../../../server/store/journaled/journaled_store.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";

/** SQLite's code of a full disk. */
const SQLITE_FULL = 13;

const put = (text: string): StoreRequest => (
  { kind: "put", mailbox: "b", sender: "alice", time: 0, text, bytes: text.length }
);

/** After each record the journal is as long as it may get. */
const ONE_RECORD = { bytes: Infinity, workMs: Number.MIN_VALUE };

/** A write-back that ends when the test says so. */
class CalledWriteBack {
  logBytes = 0;
  logSyncs = 0;
  #running: PromiseWithResolvers<boolean> | undefined;
  #begun = Promise.withResolvers<void>();
  #isFree = false;

  run(): Promise<boolean> {
    if (this.#isFree) return Promise.resolve(true);
    this.#running = Promise.withResolvers<boolean>();
    this.#begun.resolve();
    return this.#running.promise;
  }

  async syncLog() {
    this.logSyncs++;
    await this.run();
  }

  /** Waits until it runs, and ends it: `false` if another process reads the database. */
  async end(result: boolean | Error) {
    await this.#begun.promise;
    this.#begun = Promise.withResolvers();
    if (typeof result === "boolean") this.#running!.resolve(result);
    else this.#running!.reject(result);
  }

  /** From now on it ends by itself. */
  free() {
    this.#isFree = true;
    this.#running?.resolve(true);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets everything happen that waits for nothing but the next turns of the event loop. */
async function turns() {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 0));
}

function open(openEngine = () => new Engine({ directory: undefined })) {
  const last = { wallClock: 0, monotonicClock: 0 }, writeBack = new CalledWriteBack();
  const store = new JournaledStore({
    engine: openEngine(),
    openEngine,
    journal: new MemoryJournal(),
    clocks: new StoreClocks(last, { wallClock: () => 0, steadyClock: () => 0, uptime: () => 0 }),
    last,
    backlogMax: ONE_RECORD,
    storage: undefined,
    writeBack: writeBack as unknown as WriteBack,
    lock: undefined,
    random: (bytes) => new Uint8Array(bytes),
    onEvent() {},
    onLost() {},
    pause: () => Promise.resolve(),
    rest: () => Promise.resolve(),
  });
  const answered: string[] = [];
  return {
    store,
    writeBack,
    answered,
    /** Puts messages, and notes which of them are answered. */
    put: (...texts: string[]) =>
      Promise.all(texts.map((text) => store.apply([put(text)]).then(() => answered.push(text)))),
    async [Symbol.asyncDispose]() {
      writeBack.free();
      await store.close();
    },
  };
}

Deno.test("when the journal is as long as it may get, everything waits until the database has it on disk", async () => {
  await using s = open();
  await s.put("1");
  const waiting = s.put("2");
  await turns();
  assertEquals(s.answered, ["1"]);
  await s.writeBack.end(true);
  await waiting;
  assertEquals([s.answered, s.store.figures.checkpoints], [["1", "2"], 1]);
});

Deno.test("during a hold it is enough that it is durable in SQLite's log", async () => {
  await using s = open();
  const asked = s.store.hold.ask();
  await s.writeBack.end(true);
  const { id } = await asked;
  await s.put("1");
  const waiting = s.put("2");
  await turns();
  assertEquals([s.answered, s.writeBack.logSyncs], [["1"], 1]);
  await s.writeBack.end(true);
  await waiting;
  assertEquals((await s.store.hold.ask(id)).id, id);
});

// store 10.3
Deno.test("a hold ends when SQLite's log is as long as it may get", async () => {
  await using s = open();
  const asked = s.store.hold.ask();
  await s.writeBack.end(true);
  const { id } = await asked;
  s.writeBack.logBytes = HELD_LOG_BYTES_MAX + 1;
  await s.put("1");
  const waiting = s.put("2");
  await s.writeBack.end(true);
  await waiting;
  await assertRejects(
    () => s.store.hold.ask(id),
    Error,
    "the hold has ended: SQLite's log has become too long",
  );
});

for (
  const [what, result] of [
    ["there is no room for the database", Object.assign(new Error("full"), { errcode: SQLITE_FULL })],
    ["another process reads the database", false],
  ] as const
) {
  Deno.test(`nothing waits for the journal while ${what}`, async () => {
    await using s = open();
    await s.put("1");
    const waiting = s.put("2");
    await s.writeBack.end(result);
    await waiting;
    await s.put("3", "4", "5");
    assertEquals(s.answered, ["1", "2", "3", "4", "5"]);
  });
}

// store 6.6
Deno.test("a checkpoint for which there was no room is not tried again at once, however much it has to write", async () => {
  let tries = 0;
  class FullEngine extends Engine {
    override checkpoint() {
      tries++;
      throw Object.assign(new Error("full"), { errcode: SQLITE_FULL });
    }
  }
  await using s = open(() => new FullEngine({ directory: undefined }));
  s.writeBack.free();
  await s.put(...Array.from({ length: 9000 }, (_, i) => `${i}`));
  const before = tries, puts = 20;
  for (let i = 0; i < puts; i++) {
    await s.put("more");
    await turns();
  }
  assertLess(tries - before, puts / 4);
});
