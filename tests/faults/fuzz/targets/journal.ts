/** The journal: requests in records, and what a start makes of segments with any bytes. */

import { ByteReader, FormatError } from "../../../../server/store/journal/codec/byte_reader.ts";
import { ByteWriter } from "../../../../server/store/journal/codec/byte_writer.ts";
import {
  alignRecord,
  findRecord,
  readRecord,
  sealRecord,
} from "../../../../server/store/journal/codec/record.ts";
import { encodeRequests } from "../../../../server/store/journal/codec/request_codec.ts";
import { decodeRequests } from "../../../../server/store/journal/codec/request_decoder.ts";
import { DiskJournal } from "../../../../server/store/journal/disk_journal.ts";
import { JournalDamaged } from "../../../../server/store/journal/recovery.ts";
import {
  decodeSegmentHead,
  encodeSegmentHead,
  seedOf,
  SEGMENT_HEAD_BYTES,
} from "../../../../server/store/journal/segment.ts";
import { crc32c } from "../../../../server/store/journal/codec/crc32c.ts";
import type { StoreRequest } from "../../../../server/store/store.ts";
import { BEGINNING, JOURNAL_ID, put, record } from "../../../server/store/journal/records.ts";
import { SimulatedFolder } from "../../../server/store/journal/simulated_folder.ts";
import { allowing, type Bytes, holds, isSame, type Target, textOf } from "../engine/target.ts";

const REQUESTS: readonly StoreRequest[] = [
  put("hello", { delay: 1500, expires: 1_700_000_001_000.5, owner: "network 10.1.2.0" }),
  put("hello again"),
  { kind: "take", mailbox: "bob" },
  {
    ...{
      kind: "session",
      session: "A".repeat(22),
      account: "alice",
      fresh: false,
      network: "10.1.2.0",
      first: 7,
      low: 3,
    },
    changes: [put("in a session"), { kind: "ack", token: "0123456789abcdef", ids: [1, 2] }, { kind: "skip" }],
  } as unknown as StoreRequest,
  { kind: "confirm", session: "A".repeat(22), tag: 5 },
  { kind: "release", session: "A".repeat(22), tag: 5 },
  { kind: "tick", rows: 256 },
];

function encode(requests: readonly StoreRequest[]): Bytes {
  const writer = new ByteWriter(8);
  encodeRequests(writer, requests);
  return writer.bytes.slice(0, writer.length) as Bytes;
}

/** The first byte says how many requests there are. */
export const JOURNAL_REQUESTS: Target = {
  name: "journal_requests",
  covers: ["server/store/journal/codec/"],
  words: [
    "\x00",
    "\x01",
    "\x02",
    "\x03",
    "\x80\x01",
    "alice",
    "bob",
    '{"kind":"tick"}',
    '{"kind":"',
    "}",
    "\x7f",
  ],
  seeds: [
    ...REQUESTS.map((request) => new Uint8Array([1, ...encode([request])])),
    new Uint8Array([REQUESTS.length, ...encode(REQUESTS)]),
  ],
  maxBytes: 65_536,
  shortInputs: 3000,
  maxMs: 250,
  isLinear: true,
  run(input) {
    const [count = 0] = input, reader = new ByteReader(input, 1, Math.max(1, input.length));
    const requests = allowing([FormatError], () => decodeRequests(reader, count));
    if (requests === undefined) return;
    // what was read is the same after it was written again (store 2.3)
    const again = encode(requests);
    isSame(decodeRequests(new ByteReader(again, 0, again.length), count), requests, "requests");
  },
};

const SEGMENT_BYTES = 4096;

/** Segments with these records, and their bytes one behind the other. */
async function segments(...texts: string[]): Promise<Bytes> {
  const folder = new SimulatedFolder(), journal = await openJournal(folder, true);
  for (const text of texts) {
    journal.append(record(text));
    if (text.endsWith(".")) await journal.sync();
  }
  await journal.sync();
  await journal.close();
  return new Uint8Array(
    folder.list().filter((name) => name.endsWith(".journal") && !name.startsWith("spare"))
      .sort().flatMap((name) => [...folder.read(name)]),
  );
}

function openJournal(folder: SimulatedFolder, isNew: boolean): Promise<DiskJournal> {
  return DiskJournal.open({
    folder,
    id: JOURNAL_ID,
    position: BEGINNING,
    isNew,
    segmentBytes: SEGMENT_BYTES,
  });
}

/**
 * The input is cut into segments. Checksums are made right where the first byte of the last sector says so: otherwise hardly
 * anything behind them would be reached.
 */
async function recover(input: Bytes) {
  const folder = new SimulatedFolder();
  const names: string[] = [];
  for (let at = 0; at < input.length && names.length < 3; at += SEGMENT_BYTES) {
    const bytes = new Uint8Array(SEGMENT_BYTES);
    bytes.set(input.subarray(at, at + SEGMENT_BYTES));
    repair(bytes);
    const head = decodeSegmentHead(bytes);
    const sequence = typeof head === "string" ? names.length + 1 : head.sequence;
    const name = `${String(sequence).padStart(20, "0")}.journal`;
    names.push(name);
    const file = await folder.open(name);
    file.writeSync(bytes, 0);
    file.syncNow();
    file.close();
  }
  await folder.sync();
  const before = names.length;
  let journal: DiskJournal;
  try {
    journal = await openJournal(folder, false);
  } catch (error) {
    if (error instanceof JournalDamaged) return;
    throw error;
  }
  holds(before > 0, () => "a journal that is not there was opened");
  const read = () => [...journal.read(1)].map(({ number }) => number);
  let numbers: number[];
  try {
    numbers = read();
  } catch (error) {
    await journal.close();
    // a record whose checksum is right, and that another version has made
    if (error instanceof FormatError || error instanceof JournalDamaged) return;
    throw error;
  }
  isSame(numbers, numbers.map((_, i) => i + 1), "numbers");
  const last = journal.last;
  journal.append(record("more"));
  await journal.sync();
  await journal.close();
  // what was taken is taken again, with what was added
  journal = await openJournal(folder, false);
  isSame(journal.last, last + 1, "last");
  await journal.close();
  isSame(folder.openFiles, 0, "open files");
}

/** Makes the checksums of a segment right: of its head, and of the records that follow one another. */
function repair(bytes: Bytes) {
  const view = new DataView(bytes.buffer);
  if (textOf(bytes.subarray(0, 4)) === "WPJL") view.setUint32(60, crc32c(bytes, 0, 60), true);
  const seed = seedOf(bytes);
  for (let at = SEGMENT_HEAD_BYTES; at + 128 <= bytes.length;) {
    const length = view.getUint32(at, true), end = at + length;
    if (length < 128 || end > bytes.length) return;
    sealRecord(bytes, at, end, seed);
    const info = findRecord(bytes, view, at, seed);
    if (info !== undefined) allowing([FormatError], () => readRecord(bytes, info));
    at = alignRecord(end);
  }
}

const HEAD = encodeSegmentHead({
  sequence: 1,
  size: SEGMENT_BYTES,
  id: JOURNAL_ID,
  first: 1,
  synced: 0,
  back: 0,
});

const SEEDS = await Promise.all([
  segments("one.", "two.", "three."),
  segments("one", "two", "three."),
  segments(...Array.from({ length: 20 }, (_, i) => `a longer text ${i}.`.padStart(100))),
]);

export const JOURNAL_RECOVERY: Target = {
  name: "journal_recovery",
  covers: ["server/store/journal/"],
  words: [
    "WPJL",
    "\x00\x00\x00\x00\x00\x00\x00\x00",
    "\x01\x00\x00\x00\x00\x00\x00\x00",
    "\x02",
    "\x07".repeat(16),
    textOf(HEAD.subarray(0, 8)),
  ],
  seeds: [...SEEDS, HEAD as Bytes, new Uint8Array()],
  maxBytes: 3 * SEGMENT_BYTES,
  shortInputs: 400,
  maxMs: 2000,
  run: (input) => recover(input),
};
