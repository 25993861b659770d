/**
 * Stops at places that random ones seldom hit.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskJournal } from "../../../../server/store/journal/disk_journal.ts";
import { JournalLost, type JournalPosition } from "../../../../server/store/journal/journal.ts";
import { Random } from "../../../simulation/random.ts";
import { BEGINNING, JOURNAL_ID, record } from "./records.ts";
import { SimulatedFolder } from "./simulated_folder.ts";

const SEGMENT_BYTES = 4096;

/** What the room is when the next segment is there. */
const FULL_ROOM = SEGMENT_BYTES - 64;

function open(folder: SimulatedFolder, position: JournalPosition, isNew = false) {
  return DiskJournal.open({ folder, id: JOURNAL_ID, position, isNew, segmentBytes: SEGMENT_BYTES });
}

/** Lets everything end that goes on in a simulated folder. */
async function settle() {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

function positionOf(journal: DiskJournal): JournalPosition {
  return { number: journal.last, chain: journal.chain };
}

/** Opens a new journal, and appends to it until its next segment is made. */
async function journalWithNext() {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  while (journal.segments < 2) {
    journal.append(record("x".repeat(100)));
    await journal.sync();
    await settle();
  }
  return { folder, journal };
}

/** Appends until the journal goes on in its next segment. Returns where it was before that; all until there is synced. */
async function turn(journal: DiskJournal): Promise<JournalPosition> {
  for (;;) {
    const position = positionOf(journal);
    journal.append(record("x".repeat(100)));
    if (journal.room < FULL_ROOM) return position;
    await journal.sync();
  }
}

/** Opens a journal, is stopped at each operation, and opens it again: it must come to the same number each time. */
async function openWithStops(folder: SimulatedFolder, position: JournalPosition, last: number) {
  const random = new Random(1), stopped: SimulatedFolder[] = [];
  folder.onOperation = () => {
    stopped.push(folder.afterKill(), ...[0, 1].map((part) => folder.afterPowerCut(random, part)));
  };
  const journal = await open(folder, position);
  assertEquals(journal.last, last);
  await journal.close();
  assert(stopped.length > 3);
  for (const folder of stopped) {
    const journal = await open(folder, position);
    assertEquals(journal.last, last);
    await journal.close();
  }
}

Deno.test("a segment is not released while the first record after it is not durable", async () => {
  const { folder, journal } = await journalWithNext(), position = await turn(journal);
  journal.release(journal.last);
  await settle();
  await openWithStops(folder.afterKill(), position, position.number);
  await journal.sync();
  journal.release(journal.last);
  await settle();
  assertEquals(journal.segments, 1);
  await openWithStops(folder.afterKill(), position, journal.last);
  await journal.close();
});

Deno.test("segments in which nothing counts go the last one first", async () => {
  const { folder, journal } = await journalWithNext(), position = await turn(journal);
  while (journal.room < FULL_ROOM) {
    journal.append(record("never written"));
    await settle();
  }
  const names = folder.list().filter((name) => !name.startsWith("spare"));
  assertEquals(names.length, 3);
  await openWithStops(folder.afterKill(), position, position.number);
  await journal.close();
});

/** A folder where a segment was just renamed to a spare, and that is not durable yet. */
async function renamedToSpare() {
  const { folder, journal } = await journalWithNext();
  await turn(journal);
  await journal.sync();
  const position = positionOf(journal);
  let renamed: SimulatedFolder | undefined;
  folder.onOperation = ({ kind }) => {
    if (kind === "sync folder") renamed ??= folder.afterKill();
  };
  journal.release(journal.last);
  await settle();
  await journal.close();
  return { renamed: renamed!, position };
}

Deno.test("a spare whose name is not durable yet is not used before it is, although the process was stopped in between", async () => {
  const { renamed, position } = await renamedToSpare();
  assert(renamed.list().some((name) => name.startsWith("spare")));
  await openWithStops(renamed, position, position.number);
});

Deno.test("a spare whose name did not become durable is not used", async () => {
  const { folder, journal } = await journalWithNext();
  await turn(journal);
  await journal.sync();
  const position = positionOf(journal), random = new Random(1), stopped: SimulatedFolder[] = [];
  folder.onOperation = ({ kind }) => {
    stopped.push(folder.afterPowerCut(random, 0));
    if (kind === "sync folder") throw Object.assign(new Error("sync fails"), { code: "EIO" });
  };
  journal.release(journal.last);
  while (journal.room > 300) journal.append(record("x".repeat(100)));
  await settle();
  await assertRejects(
    () => journal.sync(),
    JournalLost,
    "Cannot sync journal: sync fails",
  );
  await assertRejects(() => journal.close(), JournalLost);
  for (const folder of stopped) {
    const journal = await open(folder, position);
    assertEquals(journal.last, position.number);
    await journal.close();
  }
});
