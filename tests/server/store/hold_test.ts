/** What a backup copies stays as it is while there is a hold: store 10.2 and 10.3. */

import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { openJournaledStore } from "../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../server/store/limits.ts";
import type { StoreRequest } from "../../../server/store/store.ts";
import { temporaryDirectory } from "../../program.ts";

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
  const hash = async (name: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(`${path}/${name}`))).toHex();
  return {
    store,
    hold: store.hold,
    database: () => hash("messages.db"),
    segments: () =>
      [...Deno.readDirSync(`${path}/journal`)].map(({ name }) => name).filter((name) => /^\d/.test(name))
        .sort(),
    /** Puts so many MiB, and waits for checkpoints to be taken. */
    async put(mebibytes: number) {
      const { checkpoints } = store.figures;
      for (let i = 0; i < 32 * mebibytes; i++) await store.apply([put]);
      while (store.figures.checkpoints < checkpoints + 2) await store.apply([put]);
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
  // the first record is that of the start
  assertEquals([held.journal, held.messages], [s.store.figures.records, held.journal - 1]);
  assertLessOrEqual(held.database, held.journal);
  const before = await s.database(), segments = s.segments();
  await s.put(24);
  assertEquals(await s.database(), before);
  assertEquals(s.segments().slice(0, segments.length), segments);
  const again = await s.hold.ask(held.id);
  assertEquals([again.id, again.database], [held.id, held.database]);
  assertEquals(again.messages - held.messages, again.journal - held.journal);
  assertEquals(await s.database(), before);
  s.hold.end(held.id);
  await s.put(4);
  assert(await s.database() !== before, "nothing is written back any more");
  while (s.segments()[0] === segments[0]) await s.put(4);
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
