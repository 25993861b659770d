import { assert, assertEquals, assertGreater, assertLess, assertRejects, assertThrows } from "@std/assert";
import { DiskJournal, type DiskJournalOptions } from "../../../../server/store/journal/disk_journal.ts";
import {
  JournalLost,
  type JournalPosition,
  RECORD_HEAD_BYTES,
} from "../../../../server/store/journal/journal.ts";
import { requestBytesMax } from "../../../../server/store/journal/codec/request_codec.ts";
import { JournalDamaged } from "../../../../server/store/journal/recovery.ts";
import { BEGINNING, JOURNAL_ID, put, record, texts } from "./records.ts";
import { type Operation, SimulatedFolder } from "./simulated_folder.ts";

const SEGMENT_BYTES = 4096;

function open(folder: DiskJournalOptions["folder"], position = BEGINNING, isNew = false) {
  return DiskJournal.open({ folder, id: JOURNAL_ID, position, isNew, segmentBytes: SEGMENT_BYTES });
}

/** The operations on a folder from now on, `write` and `sync` of the segment alone. */
function recordOperations(folder: SimulatedFolder): string[] {
  const operations: string[] = [];
  folder.onOperation = ({ kind }) => operations.push(kind);
  return operations;
}

/** Lets everything end that goes on in a simulated folder: that needs some turns, and no time. */
async function settle() {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}

/** Makes the next operations of a kind fail, and says how to end that. */
function failAt(folder: SimulatedFolder, kind: Operation["kind"], code: string) {
  folder.onOperation = (operation) => {
    if (operation.kind === kind) throw Object.assign(new Error(`${kind} fails`), { code });
  };
}

/** Timers that a test calls, instead of waiting for them. */
class CalledTimers {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #calls: (() => void)[] = [];

  constructor() {
    const later = (call: () => void) => {
      this.#calls.push(call);
      // a timer that has ended
      return this.#setTimeout(() => {});
    };
    globalThis.setTimeout = later as typeof setTimeout;
  }

  /** Calls the timer that was set. */
  next() {
    this.#calls.shift()!();
  }

  [Symbol.dispose]() {
    globalThis.setTimeout = this.#setTimeout;
  }
}

/** Appends records with these texts, each with its own sync, and returns where the journal is after it. */
async function append(journal: DiskJournal, ...texts: string[]): Promise<JournalPosition> {
  for (const text of texts) {
    if (journal.room < RECORD_HEAD_BYTES + requestBytesMax(put(text))) await journal.makeRoom();
    journal.append(record(text));
    await journal.sync();
  }
  return { number: journal.last, chain: journal.chain };
}

Deno.test("records get consecutive numbers, are durable after a sync, and are read again in order", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  assertEquals([journal.last, journal.durable, journal.bytes], [0, 0, 0]);
  assertEquals([journal.append(record("a")), journal.append(record("b"))], [1, 2]);
  assertEquals([journal.last, journal.durable, texts(journal.read(1))], [2, 0, []]);
  assertEquals(await journal.sync(), 2);
  assertEquals([journal.last, journal.durable, texts(journal.read(1))], [2, 2, ["1 a", "2 b"]]);
  assertEquals(texts(journal.read(2)), ["2 b"]);
  assertEquals([...journal.read(1)][0], { ...record("a"), number: 1 });
  await journal.close();
  assertEquals(folder.openFiles, 0);
  assertThrows(() => journal.append(record("c")), JournalLost, "it is closed");
});

Deno.test("what is appended while a sync runs is written at once when it has ended", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  const operations = recordOperations(folder);
  journal.append(record("a"));
  const first = journal.sync();
  const others = ["b", "c", "d"].map((text) => {
    journal.append(record(text));
    return journal.sync();
  });
  assertEquals(operations, ["write"]);
  assertEquals(await first, 1);
  assertEquals(await Promise.all(others), [4, 4, 4]);
  assertEquals(operations, ["write", "sync", "write", "sync"]);
  assertEquals(await journal.sync(), 4);
  assertEquals(operations.length, 4);
  await journal.close();
});

Deno.test("a journal goes on after a stop, and gives what the database has not", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  const two = await append(journal, "a", "b");
  const three = await append(journal, "c");
  await journal.close();

  const second = await open(folder, two);
  assertEquals([second.last, second.durable, second.chain], [3, 3, three.chain]);
  assertEquals(texts(second.read(3)), ["3 c"]);
  assertEquals(texts(second.read(1)), ["1 a", "2 b", "3 c"]);
  const five = await append(second, "d", "e");
  await second.close();

  const third = await open(folder, five);
  assertEquals([third.last, texts(third.read(6)), texts(third.read(4))], [5, [], ["4 d", "5 e"]]);
  await third.close();
  assertEquals(folder.openFiles, 0);
});

// store 3.7
Deno.test("a journal goes on in the next segment, which is made before the last one is full", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  const words = Array.from({ length: 60 }, (_, i) => `text ${i}`.padEnd(40 + i));
  for (const word of words) {
    await append(journal, word);
    assert(journal.room >= SEGMENT_BYTES / 4, `room is ${journal.room}`);
  }
  assertGreater(journal.segments, 3);
  const expected = words.map((word, i) => `${i + 1} ${word}`);
  assertEquals(texts(journal.read(1)), expected);
  assertEquals(texts(journal.read(31)), expected.slice(30));
  await journal.close();
  const second = await open(folder);
  assertEquals(texts(second.read(1)), expected);
  await second.close();
  assertEquals(folder.openFiles, 0);
});

Deno.test("released segments are used again, and more than two are removed", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  const kinds: string[] = [];
  for (let i = 0; i < 200; i++) {
    await append(journal, `text ${i}`.padEnd(60));
    if (i === 100) folder.onOperation = ({ kind }) => kinds.push(kind);
    journal.release(journal.durable - 20);
    await settle();
    assert(journal.segments <= 4, `there are ${journal.segments} segments`);
  }
  assertEquals(kinds.filter((kind) => kind === "create" || kind === "remove"), []);
  const position = { number: journal.last, chain: journal.chain };
  journal.release(journal.last + 1);
  await journal.close();
  const second = await open(folder, position);
  second.release(position.number + 1);
  assertEquals(second.segments, 1);
  await second.close();
  assertEquals(folder.list().filter((name) => name.startsWith("spare")).length, 2);
});

Deno.test("room is what can be appended for sure, and a record that is longer is refused and changes nothing", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  failAt(folder, "create", "ENOSPC");
  const { chain } = journal;
  assertThrows(() => journal.append(record("x".repeat(5000))), RangeError, "there is room for 4032");
  assertEquals([journal.last, journal.chain, journal.bytes], [0, chain, 0]);
  while (journal.room > 400) await append(journal, "x");
  await journal.makeRoom();
  const { last, room } = journal;
  assertThrows(() => journal.append(record("x".repeat(room))), RangeError, `there is room for ${room}`);
  assertEquals(await append(journal, "x"), { number: last + 1, chain: journal.chain });
  assertEquals(texts(journal.read(1)).length, last + 1);
  await journal.close();
});

Deno.test("a full disk leaves the room of the last segment, and the next one is made when there is space again", async () => {
  const steps: [Operation["kind"], string][] = [["create", "ENOSPC"], ["write", "EDQUOT"], [
    "sync",
    "ENOSPC",
  ]];
  steps.push(["rename", "ENOSPC"]);
  for (const [kind, code] of steps) {
    const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
    while (journal.segments < 3) await append(journal, "x".repeat(100));
    folder.onOperation = (operation) => {
      if (operation.kind === kind && /spare|^$/.test(operation.name)) {
        throw Object.assign(new Error("No space left on device"), { code });
      }
    };
    while (journal.room > 400) await append(journal, "x".repeat(100));
    await settle();
    assertLess(journal.room, 400, kind);
    folder.onOperation = () => {};
    journal.release(2);
    await settle();
    journal.release(journal.last);
    await settle();
    assertEquals(journal.room, SEGMENT_BYTES - 64, kind);
    const { number } = await append(journal, ...Array(20).fill("y".repeat(100)));
    await journal.close();
    const second = await open(folder.afterKill(), { number: 0, chain: new Uint8Array(16) }).catch((error) =>
      error
    );
    assert(second instanceof JournalDamaged, "the first records were released");
    assertGreater(number, 20);
    assertEquals(folder.openFiles, 0);
  }
});

// store 3.8
Deno.test("a folder that cannot be synced ends the journal, also for want of space and if nobody appends anything", async () => {
  for (const code of ["ENOSPC", "EIO"]) {
    const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
    failAt(folder, "sync folder", code);
    while (journal.room > 400 && journal.lost === undefined) await append(journal, "x".repeat(100));
    await settle();
    assertEquals(journal.lost?.message, "Cannot sync journal: sync folder fails", code);
    assertThrows(() => journal.append(record("x")), JournalLost, "Cannot sync journal: sync folder fails");
    await journal.close();
    assertEquals(folder.openFiles, 0);
  }
});

Deno.test("a segment for whose other name there is no room is removed when it is released", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  while (journal.segments < 4) await append(journal, "x".repeat(100));
  const before = folder.list().length;
  failAt(folder, "rename", "ENOSPC");
  journal.release(journal.last);
  await settle();
  assertLess(folder.list().length, before);
  assertEquals(journal.lost, undefined);
  await journal.close();
});

// store 6.6
Deno.test("what makes or releases a segment and fails ends the journal with an error that names the file", async () => {
  const spare = "journal/spare-3.journal", old = "journal/00000000000000000001.journal";
  for (
    const [kind, name, message] of [
      ["create", "spare", `Cannot open ${spare}: create fails`],
      ["write", "spare", `Cannot write ${spare}: write fails`],
      ["sync", "spare", `Cannot write ${spare}: sync fails`],
      ["rename", "spare", `Cannot rename ${spare}: rename fails`],
      ["rename", "0", `Cannot rename ${old}: rename fails`],
    ] as const
  ) {
    const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
    await append(journal, ...Array(12).fill("x".repeat(100)));
    await settle();
    folder.onOperation = (operation) => {
      if (operation.kind !== kind || !operation.name.startsWith(name)) return;
      throw Object.assign(new Error(`${kind} fails`), { code: "EROFS" });
    };
    while (journal.room > 400 && journal.lost === undefined) {
      await append(journal, "x".repeat(100));
      await settle();
      if (name === "0") journal.release(journal.last);
    }
    await settle();
    assertEquals(journal.lost?.message, message);
    await journal.close().catch(() => {});
    assertEquals(folder.openFiles, 0);
  }
});

Deno.test("while the disk is full it is tried again and again to make the next segment", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  using timers = new CalledTimers();
  failAt(folder, "create", "ENOSPC");
  while (journal.room > 400) await append(journal, "x".repeat(100));
  for (let i = 0; i < 3; i++) {
    await settle();
    assertLess(journal.room, 400);
    timers.next();
  }
  await settle();
  folder.onOperation = () => {};
  timers.next();
  await settle();
  assertEquals(journal.room, SEGMENT_BYTES - 64);
  await journal.close();
  assertEquals(folder.openFiles, 0);
});

Deno.test("after a failed sync or write nothing is accepted any more, and the error names the file", async () => {
  for (const kind of ["sync", "write"] as const) {
    const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
    await append(journal, "a");
    failAt(folder, kind, "EIO");
    journal.append(record("b"));
    const first = journal.sync();
    const message = `Cannot write journal/00000000000000000001.journal: ${kind} fails`;
    await assertRejects(() => first, JournalLost, message);
    folder.onOperation = () => {};
    await assertRejects(() => journal.sync(), JournalLost, message);
    assertThrows(() => journal.append(record("c")), JournalLost, message);
    assertEquals([journal.durable, texts(journal.read(1))], [1, ["1 a"]]);
    await assertRejects(() => journal.close(), JournalLost, message);
    assertEquals(folder.openFiles, 0);
  }
});

Deno.test("those who wait for a sync after the one that fails are refused too", async () => {
  const folder = new SimulatedFolder(), journal = await open(folder, BEGINNING, true);
  journal.append(record("a"));
  failAt(folder, "sync", "EIO");
  const first = journal.sync();
  journal.append(record("b"));
  const second = journal.sync();
  await assertRejects(() => first, JournalLost, "sync fails");
  await assertRejects(() => second, JournalLost, "sync fails");
  await assertRejects(() => journal.close(), JournalLost, "sync fails");
});

// store 1.2
Deno.test("a journal on a real disk is there after it was closed, readable by its user alone", async () => {
  const path = await Deno.makeTempDir();
  try {
    const journal = await DiskJournal.open({
      folder: path,
      id: JOURNAL_ID,
      position: BEGINNING,
      isNew: true,
      segmentBytes: 64 * 1024,
    });
    const position = await append(journal, ...Array.from({ length: 300 }, (_, i) => `text ${i}`.padEnd(300)));
    journal.release(200);
    await journal.close();
    for (const { name } of Deno.readDirSync(path)) {
      const { mode } = Deno.statSync(`${path}/${name}`);
      if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o600, name);
    }
    const second = await open(path, position);
    assertEquals([second.last, texts(second.read(300))], [300, [`300 ${"text 299".padEnd(300)}`]]);
    await second.close();
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});
