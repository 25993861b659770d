import { assert, assertEquals, assertThrows } from "@std/assert";
import { FormatError } from "../../../../../server/store/journal/codec/byte_reader.ts";
import { ByteWriter } from "../../../../../server/store/journal/codec/byte_writer.ts";
import {
  findRecord,
  hashRecord,
  readRecord,
  sealRecord,
  writeRecord,
} from "../../../../../server/store/journal/codec/record.ts";
import type { JournalRecord } from "../../../../../server/store/journal/journal.ts";
import { put } from "../records.ts";

const SEED = 0x1234567;

const RECORD: JournalRecord = {
  engine: 65_535,
  canStore: true,
  shard: 2 ** 32 - 1,
  term: 2n ** 64n - 1n,
  leader: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
  number: 2 ** 40 + 5,
  wallClock: 1_700_000_000_000.125,
  monotonicClock: -0.5,
  random: Uint8Array.from({ length: 32 }, (_, i) => 200 + i),
  requests: [put("hi"), { kind: "take", mailbox: "bob" }],
};

/** The bytes of a record that begins at byte 8. */
function bytesOf(record: JournalRecord, chain = new Uint8Array(16), synced = 7): Uint8Array {
  const to = new ByteWriter(4);
  to.reserve(8);
  to.length = 8;
  const start = writeRecord(to, record, { number: record.number, chain, synced });
  sealRecord(to.bytes, start, to.length, SEED);
  return to.bytes.slice(0, to.length);
}

function find(bytes: Uint8Array, seed = SEED) {
  return findRecord(bytes, new DataView(bytes.buffer), 8, seed);
}

Deno.test("a record comes back with every field as it was", () => {
  const chain = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
  const bytes = bytesOf(RECORD, chain, 2 ** 40 + 4), info = find(bytes);
  assertEquals(info, {
    number: RECORD.number,
    engine: RECORD.engine,
    synced: 2 ** 40 + 4,
    start: 8,
    end: bytes.length,
    chain,
  });
  assertEquals(readRecord(bytes, info!), RECORD);
  const other = { ...RECORD, canStore: false }, otherBytes = bytesOf(other);
  assertEquals(readRecord(otherBytes, find(otherBytes)!), other);
});

// store 2.1
Deno.test("the head of a record stands byte for byte as the specification says", () => {
  const bytes = bytesOf({ ...RECORD, number: 0x0102030405, requests: [] }, new Uint8Array(16).fill(0xcc), 9);
  const hex = (from: number, to: number) =>
    [...bytes.subarray(8 + from, 8 + to)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals(bytes.length, 8 + 128);
  assertEquals([hex(0, 4), hex(8, 10), hex(10, 12), hex(12, 16)], ["80000000", "0100", "ffff", "01000000"]);
  assertEquals([hex(16, 20), hex(20, 28)], ["ffffffff", "ffffffffffffffff"]);
  assertEquals([hex(28, 44), hex(44, 52)], ["0102030405060708090a0b0c0d0e0f10", "0504030201000000"]);
  assertEquals([hex(52, 68), hex(68, 76)], ["cc".repeat(16), "0900000000000000"]);
  assertEquals([hex(84, 92), hex(92, 94), hex(124, 128)], ["000000000000e0bf", "c8c9", "00000000"]);
});

Deno.test("one flipped bit, another segment or a cut end, and a record is not good", () => {
  const bytes = bytesOf(RECORD);
  for (let at = 8; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const flipped = bytes.slice();
      flipped[at]! ^= 1 << bit;
      assertEquals(find(flipped), undefined, `bit ${bit} of byte ${at}`);
    }
  }
  assertEquals(find(bytes, SEED + 1), undefined);
  for (let end = 0; end < bytes.length; end++) assertEquals(find(bytes.slice(0, end)), undefined);
});

Deno.test("the hash of a record does not depend on its segment, and on everything else", () => {
  const bytes = bytesOf(RECORD), hash = hashRecord(bytes, 8, bytes.length);
  assertEquals(hash.length, 16);
  sealRecord(bytes, 8, bytes.length, 99);
  assertEquals(hashRecord(bytes, 8, bytes.length), hash);
  for (let at = 16; at < bytes.length; at++) {
    bytes[at]! ^= 1;
    assert(hashRecord(bytes, 8, bytes.length).some((byte, i) => byte !== hash[i]), `byte ${at}`);
    bytes[at]! ^= 1;
  }
});

Deno.test("a record whose requests are not what its head says is not read", () => {
  const bytes = bytesOf(RECORD);
  bytes[8 + 124] = 3;
  sealRecord(bytes, 8, bytes.length, SEED);
  assertThrows(() => readRecord(bytes, find(bytes)!), FormatError, `Cannot read record ${RECORD.number}`);
  assertThrows(() => bytesOf({ ...RECORD, random: new Uint8Array(31) }), RangeError, "its randomness 32");
});
