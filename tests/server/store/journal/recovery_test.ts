import { assert, assertEquals, assertGreater, assertLess, assertRejects } from "@std/assert";
import {
  alignRecord,
  findRecord,
  type RecordInfo,
  sealRecord,
  setNumber,
} from "../../../../server/store/journal/codec/record.ts";
import { DiskJournal } from "../../../../server/store/journal/disk_journal.ts";
import type { JournalPosition } from "../../../../server/store/journal/journal.ts";
import { JournalDamaged } from "../../../../server/store/journal/recovery.ts";
import {
  decodeSegmentHead,
  encodeSegmentHead,
  seedOf,
  SEGMENT_HEAD_BYTES,
  type SegmentHead,
  segmentName,
} from "../../../../server/store/journal/segment.ts";
import { FULL } from "../../../faults/form.ts";
import { BEGINNING, JOURNAL_ID, record, texts } from "./records.ts";
import { SimulatedFolder } from "./simulated_folder.ts";

const SEGMENT_BYTES = 4096;
const FIRST = segmentName(1), SECOND = segmentName(2);

/** Where the fields of a record stand. */
const NUMBER = 44, CHAIN = 52, SYNCED = 68;

function open(folder: SimulatedFolder, position = BEGINNING, isNew = false, id: Uint8Array = JOURNAL_ID) {
  return DiskJournal.open({ folder, id, position, isNew, segmentBytes: SEGMENT_BYTES });
}

/** A folder with records that were synced together as these groups say, and the positions after each record. */
async function journalOf(...groups: string[][]) {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  const positions: JournalPosition[] = [BEGINNING];
  for (const group of groups) {
    for (const text of group) {
      journal.append(record(text));
      positions.push({ number: journal.last, chain: journal.chain });
    }
    await journal.sync();
  }
  await journal.close();
  return { folder, positions };
}

/** Two segments: the last record of the first one and the first of the second were synced together, or not. */
async function twoSegments({ together }: { together: boolean }) {
  const groups = Array.from({ length: 20 }, (_, i) => [`text ${i}`.padEnd(100)]);
  const { folder } = await journalOf(...groups);
  const last = recordsIn(folder, FIRST).length;
  assertEquals(recordsIn(folder, SECOND)[0]!.number, last + 1);
  if (!together) return { folder, last };
  groups.splice(last - 1, 2, [...groups[last - 1]!, ...groups[last]!]);
  return { folder: (await journalOf(...groups.slice(0, last))).folder, last };
}

/** The good records that follow one another in a segment. */
function recordsIn(folder: SimulatedFolder, name: string): RecordInfo[] {
  const bytes = folder.read(name), view = new DataView(bytes.buffer), found: RecordInfo[] = [];
  for (let at = SEGMENT_HEAD_BYTES;; at = alignRecord(found.at(-1)!.end)) {
    const info = findRecord(bytes, view, at, seedOf(bytes));
    if (!info) return found;
    found.push(info);
  }
}

/** Changes the record at a place in its segment, from 0, so that it is good all the same. */
function change(folder: SimulatedFolder, name: string, index: number, change: (record: DataView) => void) {
  const { start, end } = recordsIn(folder, name)[index]!;
  folder.edit(name, (bytes) => {
    change(new DataView(bytes.buffer, start, end - start));
    sealRecord(bytes, start, end, seedOf(bytes));
  });
}

/** Makes a record unreadable. */
function spoil(folder: SimulatedFolder, name: string, index: number) {
  const { start } = recordsIn(folder, name)[index]!;
  folder.edit(name, (bytes) => {
    bytes[start + 100]! ^= 1;
  });
}

function editHead(folder: SimulatedFolder, name: string, fields: Partial<SegmentHead>) {
  folder.edit(name, (bytes) => {
    bytes.set(encodeSegmentHead({ ...decodeSegmentHead(bytes) as SegmentHead, ...fields }));
  });
}

/** The journal is damaged: the message has these words, and nothing was changed. */
async function assertDamage(folder: SimulatedFolder, words: string, ...rest: unknown[]) {
  const before = folder.list().map((name) => [name, folder.read(name)]);
  const [position, isNew, id] = rest as [JournalPosition?, boolean?, Uint8Array?];
  const error = await assertRejects(() => open(folder, position, isNew, id), JournalDamaged, words);
  assert(error.message.startsWith("Cannot use the journal: journal"), error.message);
  assertEquals(folder.list().map((name) => [name, folder.read(name)]), before);
}

/** The journal ends after so many records, and goes on from there, also after another stop. */
async function assertEnds(folder: SimulatedFolder, last: number, position = BEGINNING) {
  const journal = await open(folder, position);
  assertEquals([journal.last, [...journal.read(position.number + 1)].length], [last, last - position.number]);
  journal.append(record("more"));
  await journal.sync();
  await journal.close();
  const again = await open(folder, position);
  assertEquals(texts(again.read(last + 1)), [`${last + 1} more`]);
  await again.close();
}

Deno.test("a good record with the expected number that fits is taken", async () => {
  const { folder, positions } = await journalOf(["a", "b"], ["c"]);
  await assertEnds(folder, 3);
  await assertEnds((await journalOf(["a", "b"], ["c"])).folder, 3, positions[3]);
});

Deno.test("a good record with the expected number that does not fit is damage", async () => {
  const { folder } = await journalOf(["a"], ["b"], ["c"]);
  change(folder, FIRST, 1, (record) => record.setUint8(CHAIN, record.getUint8(CHAIN) ^ 1));
  await assertDamage(folder, "record 2 is expected: it does not belong to the record before it");
});

Deno.test("a good record with another number than the expected one is damage", async () => {
  for (const number of [1, 3, 4]) {
    const { folder } = await journalOf(["a", "b", "c"]);
    change(folder, FIRST, 1, (record) => setNumber(record, NUMBER, number));
    await assertDamage(folder, "record 2 is expected: a record with another number stands there");
  }
});

Deno.test("where a segment has no more records, the one at the beginning of the next is taken", async () => {
  for (const together of [true, false]) {
    const { folder, last } = await twoSegments({ together });
    const journal = await open(folder);
    assertGreater(journal.last, last);
    assertEquals([...journal.read(1)].length, journal.last);
    await journal.close();
  }
});

Deno.test("a record at the beginning of the next segment that does not fit is damage", async () => {
  const { folder } = await twoSegments({ together: false });
  change(folder, SECOND, 0, (record) => record.setUint8(CHAIN, record.getUint8(CHAIN) ^ 1));
  await assertDamage(folder, "the one in the next segment does not belong to the record before it");
});

Deno.test("a record at the beginning of the next segment that was there already is damage", async () => {
  const { folder } = await twoSegments({ together: false });
  change(folder, SECOND, 0, (record) => {
    setNumber(record, NUMBER, 2);
    setNumber(record, SYNCED, 1);
  });
  await assertDamage(folder, "the next segment begins with a record that was there already");
});

Deno.test("a record that is missing before the next segment is damage if that says that it had been synced", async () => {
  const { folder, last } = await twoSegments({ together: false });
  spoil(folder, FIRST, last - 1);
  await assertDamage(folder, `record ${last} is expected: it had been synced, and cannot be read`);
});

Deno.test("a record that is missing before the next segment is the end if nothing says that it had been synced", async () => {
  const { folder, last } = await twoSegments({ together: true });
  spoil(folder, FIRST, last - 1);
  await assertEnds(folder, last - 1);
});

Deno.test("a record that cannot be read is damage if it had been synced, whoever says so", async () => {
  // a later record in the same segment, right behind it or further on
  let { folder, positions } = await journalOf(["a"], ["b"], ["c"], ["d"]);
  spoil(folder, FIRST, 1);
  await assertDamage(folder, "record 2 is expected: it had been synced, and cannot be read");
  ({ folder, positions } = await journalOf(["a"], ["b", "c", "d"], ["e"]));
  spoil(folder, FIRST, 2);
  spoil(folder, FIRST, 1);
  await assertDamage(folder, "record 2 is expected: it had been synced, and cannot be read");
  // the database
  ({ folder, positions } = await journalOf(["a", "b", "c"]));
  spoil(folder, FIRST, 2);
  await assertDamage(folder, "record 3 is expected: it had been synced, and cannot be read", positions[3]);
  await assertDamage(folder, "record 3 is expected: it had been synced, and cannot be read", {
    number: 7,
    chain: BEGINNING.chain,
  });
  // a record of a later segment, although the ones between are missing too
  const two = await twoSegments({ together: true });
  spoil(two.folder, FIRST, two.last - 1);
  spoil(two.folder, FIRST, two.last - 2);
  await assertDamage(two.folder, `record ${two.last - 1} is expected: it had been synced`);
  // the head of a segment that was made at a start
  ({ folder, positions } = await journalOf(["a"], ["b"]));
  await (await open(folder)).close();
  spoil(folder, SECOND, 1);
  await assertDamage(folder, "record 2 is expected: it had been synced, and cannot be read");
});

Deno.test("a record that cannot be read is the end if nothing says that it had been synced, and what follows is dropped", async () => {
  for (const index of [1, 2, 3]) {
    const { folder } = await journalOf(["a"], ["b", "c", "d"]);
    spoil(folder, FIRST, index);
    await assertEnds(folder, index);
  }
  const { folder } = await journalOf(["a", "b"]);
  spoil(folder, FIRST, 0);
  await assertEnds(folder, 0);
});

Deno.test("records behind the end never come back, although new ones stand where they were expected", async () => {
  const { folder } = await journalOf(["a"], ["b", "c"]);
  spoil(folder, FIRST, 1);
  const journal = await open(folder);
  journal.append(record("B"));
  await journal.sync();
  await journal.close();
  const again = await open(folder);
  assertEquals(texts(again.read(1)), ["1 a", "2 B"]);
  await again.close();
});

Deno.test("what a start has written again counts, and not what it was read from", async () => {
  const { folder, positions } = await journalOf(["a"], ["b"], ["c"]);
  const journal = await open(folder, positions[1]);
  await journal.close();
  assertEquals(recordsIn(folder, SECOND).map(({ number }) => number), [2, 3]);
  // the first segment has what the database may not have on disk yet
  spoil(folder, FIRST, 2);
  const again = await open(folder, positions[1]);
  assertEquals(texts(again.read(1)), ["1 a", "2 b", "3 c"]);
  await again.close();
  spoil(folder, FIRST, 0);
  await assertDamage(folder, "record 1 is expected: it had been synced, and cannot be read", positions[1]);
});

Deno.test("the first record that is left must be readable", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  while (journal.segments < 3) {
    journal.append(record("x".repeat(200)));
    await journal.sync();
  }
  const position = { number: journal.last, chain: journal.chain };
  journal.release(journal.last + 1);
  await journal.close();
  assertEquals(folder.list().includes(FIRST), false);
  const copy = folder.afterKill();
  await (await open(copy, position)).close();
  spoil(folder, SECOND, 0);
  await assertDamage(folder, "its first record had been synced, and cannot be read", position);
});

Deno.test("a database that went back before a start finds its records all the same", async () => {
  const { folder, positions } = await journalOf(["a"], ["b"], ["c"], ["d"]);
  const journal = await open(folder, positions[3]);
  journal.append(record("e"));
  await journal.sync();
  await journal.close();
  const again = await open(folder, positions[1]);
  assertEquals(texts(again.read(2)), ["2 b", "3 c", "4 d", "5 e"]);
  await again.close();
});

Deno.test("a journal that does not belong to the database is damage", async () => {
  const { folder, positions } = await journalOf(["a"], ["b"], ["c"]);
  const chain = positions[1]!.chain, other = new Uint8Array(16).fill(8);
  await assertDamage(folder, "record 2 is not the one that the database has", { number: 2, chain });
  await assertDamage(folder, "it belongs to another database", BEGINNING, false, other);
  await assertDamage(folder, "it has records, and the database has no journal", BEGINNING, true);
  await assertDamage(new SimulatedFolder(), "the journal is not there");
  const journal = await open(folder, positions[2]);
  while (journal.segments < 4) {
    journal.append(record("x".repeat(200)));
    await journal.sync();
  }
  journal.release(journal.last);
  await journal.close();
  await assertDamage(folder, "and the database has come to 2", positions[2]);
});

// store 3.3
Deno.test("a segment whose head is damaged or does not belong to its name is damage", async () => {
  const { folder } = await journalOf(["a"]);
  for (const at of [0, 4, 8, 16, 24, 40, 48, 56, 60]) {
    const copy = folder.afterKill();
    copy.edit(FIRST, (bytes) => {
      bytes[at]! ^= 1;
    });
    await assertDamage(copy, at === 0 ? "it does not begin with WPJL" : "the checksum of its head is wrong");
  }
  let copy = folder.afterKill();
  editHead(copy, FIRST, { sequence: 2 });
  await assertDamage(copy, "its head says that it is 2");
  copy = folder.afterKill();
  copy.edit(FIRST, (bytes) => bytes.slice(0, 63));
  await assertDamage(copy, "it has 63 bytes only");
});

Deno.test("a journal that was made and never used is taken over by the database that has none", async () => {
  const { folder } = await journalOf();
  const journal = await open(folder, BEGINNING, true, new Uint8Array(16).fill(9));
  journal.append(record("a"));
  await journal.sync();
  await journal.close();
  assertEquals(recordsIn(folder, SECOND).length, 1);
  await assertDamage(folder, "it belongs to another database");
});

Deno.test("one flipped bit anywhere is damage, or has hit nothing that anybody knows to have been synced", async () => {
  const groups = Array.from({ length: 24 }, (_, i) => [`text ${i}`.padEnd(60)]);
  const { folder, positions } = await journalOf(...groups);
  let damaged = 0;
  for (const name of folder.list()) {
    const { length } = folder.read(name);
    for (let at = 0; at < length; at += FULL ? 1 : 41) {
      const copy = folder.afterKill();
      copy.edit(name, (bytes) => {
        bytes[at]! ^= 1 << at % 8;
      });
      const what = `bit ${at % 8} of byte ${at} of ${name}`;
      try {
        const journal = await open(copy);
        // of the last record alone nobody says that it was synced
        assert(journal.last >= groups.length - 1, `${what}: ${journal.last} records`);
        const expected = groups.map(([text], i) => `${i + 1} ${text}`).slice(0, journal.last);
        assertEquals(texts(journal.read(1)), expected, what);
        await journal.close();
      } catch (error) {
        assert(error instanceof JournalDamaged, `${what}: ${error}`);
        damaged++;
      }
    }
  }
  assertGreater(damaged, FULL ? 2000 : 50);
  const journal = await open(folder, positions[24]);
  assertEquals(journal.last, 24);
  await journal.close();
});

// store 5.6
Deno.test("what looks like the heads of many long records behind the end keeps no start waiting", async () => {
  const segmentBytes = 1024 * 1024, folder = new SimulatedFolder(), isNew = true;
  const journal = await DiskJournal.open({
    folder,
    id: JOURNAL_ID,
    position: BEGINNING,
    isNew,
    segmentBytes,
  });
  journal.append(record("a"));
  await journal.sync();
  await journal.close();
  folder.edit(FIRST, (bytes) => {
    // what an acknowledgement with the IDs 0 0 4 0 1 1 1 64 0 0 … is in a record: every 16 bytes, half a MiB long
    const head = [0, 0, 8, 0, 2, 2, 2, 128, 1, 0, 0, 0, 0, 0, 0, 0];
    for (let at = 512; at + head.length <= bytes.length; at += head.length) bytes.set(head, at);
  });
  const began = performance.now();
  assertEquals(texts((await open(folder)).read(1)), ["1 a"]);
  // it would be half a minute
  assertLess(performance.now() - began, 5000);
});

Deno.test("a segment whose sequence number leaves no exact one behind it is damage", async () => {
  const { folder } = await journalOf(["a"]);
  editHead(folder, FIRST, { sequence: 2 ** 62 });
  await assertDamage(folder, "its sequence number 4611686018427388000 is too high");
});
