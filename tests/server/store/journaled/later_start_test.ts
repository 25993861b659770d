/** What a start finds of what an earlier one was told, in a directory. */

import { setImmediate as turn } from "node:timers/promises";
import { assertEquals, assertRejects } from "@std/assert";
import { JournalDamaged } from "../../../../server/store/journal/recovery.ts";
import { openJournaledStore } from "../../../../server/store/journaled/open.ts";
import { DEFAULT_LIMITS } from "../../../../server/store/limits.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { temporaryDirectory } from "../../../program.ts";

const put = (mailbox: string, text: string): StoreRequest => (
  { kind: "put", mailbox, sender: "alice", time: 0, text, bytes: text.length }
);
const take = (mailbox: string): StoreRequest => ({ kind: "take", mailbox });
const count: StoreRequest = { kind: "count" };
const messages = (n: number) => ({ messages: n, bytes: n, mailboxes: n > 0 ? 1 : 0 });

function openIn(directory: string) {
  return openJournaledStore({ directory, limits: DEFAULT_LIMITS, onEvent() {} });
}

/** Copies all that a start needs, as a kill leaves it. */
async function copy(from: string, to: string) {
  await Deno.mkdir(to);
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`);
    else if (isFile && name !== "lock") await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

// store 5.4
Deno.test("what was answered is there after a stop at any moment, without a checkpoint, and again after the next", async () => {
  await using directory = await temporaryDirectory();
  const { path } = directory;
  await Deno.mkdir(`${path}/0`);
  let stored = 0;
  for (let i = 0; i < 4; i++) {
    const store = await openIn(`${path}/${i}`);
    assertEquals(await store.apply([count]), [messages(stored)]);
    for (let n = 0; n < 3; n++) await store.apply([put("b", "x"), put("b", "y"), take("b")]);
    stored += 3;
    await copy(`${path}/${i}`, `${path}/${i + 1}`);
    await store.close();
  }
  const store = await openIn(`${path}/4`);
  assertEquals(await store.apply([count]), [messages(stored)]);
  await store.close();
});

// store 5.10
Deno.test("a record that rots after it was acknowledged is damage, also if nothing came after it", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/data`, copied = `${directory.path}/copy`;
  await Deno.mkdir(path);
  const store = await openIn(path);
  try {
    const before = store.figures.records;
    await store.apply([put("b", "precious")]);
    const { syncs } = store.figures;
    while (store.figures.records < before + 2 || store.figures.syncs === syncs) {
      await turn();
    }
    await copy(path, copied);
  } finally {
    await store.close();
  }
  const [segment, at] = await findText(`${copied}/journal`, "precious");
  const bytes = await Deno.readFile(segment);
  bytes[at]! ^= 1;
  await Deno.writeFile(segment, bytes);
  await assertRejects(() => openIn(copied), JournalDamaged, segment);
});

/** The file of a folder that has the text, and where in it. */
async function findText(folder: string, text: string): Promise<[path: string, at: number]> {
  for await (const { name } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    const at = new TextDecoder("latin1").decode(await Deno.readFile(path)).indexOf(text);
    if (at >= 0) return [path, at];
  }
  throw new Error(`Cannot find '${text}' in ${folder}`);
}
