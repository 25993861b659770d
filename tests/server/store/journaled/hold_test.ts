/** What a backup copies stays as it is while there is a hold: store 10.2 and 10.3. */

import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { Hold } from "../../../../server/store/checkpoint/hold.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";

const TEXT = "x".repeat(32 * 1024);
const put: StoreRequest = {
  kind: "put",
  mailbox: "b",
  sender: "al",
  time: 0,
  text: TEXT,
  bytes: TEXT.length,
};

/** A store on a disk of its own. */
async function open() {
  const directory = await temporaryDirectory(), { path } = directory;
  const store = await openJournaledStore({ directory: path, limits: DEFAULT_LIMITS, onEvent() {} });
  let messages = 0;
  const hash = async (name: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(`${path}/${name}`))).toHex();
  return {
    store,
    hold: store.hold,
    database: () => hash("messages.db"),
    segments: () =>
      [...Deno.readDirSync(`${path}/journal`)].map(({ name }) => name).filter((name) => /^\d/.test(name))
        .sort(),
    /** Messages that were put. */
    get messages() {
      return messages;
    },
    /** Puts so many MiB, and waits for checkpoints to be taken. On a slow disk a hold would end in between: it is asked for. */
    async put(mebibytes: number, held?: string) {
      const { checkpoints } = store.figures, enough = messages + 32 * mebibytes;
      for (; messages < enough || store.figures.checkpoints < checkpoints + 2; messages++) {
        await store.apply([put]);
        if (held !== undefined && messages % 16 === 0) await store.hold.ask(held);
      }
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

Deno.test("while there is a hold the database's file and the segments stay, and checkpoints go on", async () => {
  await using s = await open();
  await s.put(4);
  const held = await s.hold.ask();
  assertEquals(held.messages, s.messages);
  assertLessOrEqual(held.journal, s.store.figures.records);
  assertLessOrEqual(held.database, held.journal);
  const before = await s.database(), segments = s.segments();
  for (let i = 0; i < 6; i++) {
    await s.put(4, held.id);
  }
  assertEquals(await s.database(), before);
  assertEquals(s.segments().slice(0, segments.length), segments);
  const again = await s.hold.ask(held.id);
  assertEquals([again.id, again.database], [held.id, held.database]);
  assertEquals(again.messages, s.messages);
  assertLessOrEqual(again.journal, s.store.figures.records);
  assertEquals(await s.database(), before);
  s.hold.end(held.id);
  await s.put(4);
  assert(await s.database() !== before, "nothing is written back any more");
  while (s.segments()[0] === segments[0]) await s.put(4);
});

Deno.test("a hold ends 30 s after it was asked for last, and one that cannot begin at once", async () => {
  const timers: { ms: number; callback(): void }[] = [], log: string[] = [];
  let canBegin = true;
  const hold = new Hold({
    begin: () => canBegin ? Promise.resolve(7) : Promise.reject(new Error("the disk is slow")),
    end: () => log.push("ended"),
    durable: () => Promise.resolve({ number: 9, messages: 1 }),
    setTimer(ms, callback) {
      const timer = { ms, callback };
      timers.push(timer);
      return () => timers.splice(timers.indexOf(timer), 1);
    },
  });
  const { id, ...held } = await hold.ask();
  assertEquals(held, { database: 7, journal: 9, messages: 1 });
  await hold.ask(id);
  assertEquals(timers.map(({ ms }) => ms), [30_000]);
  timers[0]!.callback();
  assertEquals([hold.isOn, log], [false, ["ended"]]);
  await assertRejects(() => hold.ask(id), Error, "the hold has ended: it was not asked for any more");
  canBegin = false;
  await assertRejects(() => hold.ask(), Error, "the disk is slow");
  assertEquals([hold.isOn, timers.length], [false, 0]);
});

Deno.test("there is one hold at a time, and one that has ended says why", async () => {
  await using s = await open();
  const { id } = await s.hold.ask();
  await assertRejects(() => s.hold.ask(), Error, "another backup is being made");
  await assertRejects(() => s.hold.ask("other"), Error, "the hold has ended");
  let ended = 0;
  s.hold.onEnd(() => ended++);
  s.hold.breakOff("there is no room left on the disk");
  assertEquals([s.hold.isOn, ended], [false, 1]);
  await assertRejects(() => s.hold.ask(id), Error, "the hold has ended: there is no room left on the disk");
  const next = await s.hold.ask();
  s.hold.end(next.id);
  await assertRejects(() => s.hold.ask(next.id), Error, "the hold has ended: the backup was made");
  assertEquals(s.hold.isOn, false);
});

// store 10.3
Deno.test("a hold that is broken off while it begins says why that was, whatever becomes of its beginning, and of the next", async () => {
  for (const becomes of ["begins", "fails"]) {
    const begins: PromiseWithResolvers<number>[] = [];
    const hold = new Hold({
      begin() {
        const begun = Promise.withResolvers<number>();
        begins.push(begun);
        return begun.promise;
      },
      end() {},
      durable: () => Promise.resolve({ number: 9, messages: 1 }),
      setTimer: () => () => {},
    });
    const first = assertRejects(
      () => hold.ask(),
      Error,
      "the hold has ended: there is no room left on the disk",
    );
    hold.breakOff("there is no room left on the disk");
    const next = hold.ask();
    if (becomes === "begins") begins[0]!.resolve(7);
    else begins[0]!.reject(new Error("it is not wanted any more"));
    begins[1]!.resolve(8);
    hold.end((await next).id);
    await first;
  }
});
