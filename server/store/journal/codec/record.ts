/**
 * The form of a record (store 2.1).
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { JournalRecord, NewRecord } from "../journal.ts";
import { ByteReader, FormatError } from "./byte_reader.ts";
import type { ByteWriter } from "./byte_writer.ts";
import { crc32c } from "./crc32c.ts";
import { encodeRequests } from "./request_codec.ts";
import { decodeRequests } from "./request_decoder.ts";

/** Version of this layout. */
const FORMAT = 1;

/** Bytes before the requests. */
export const HEAD_BYTES = 128;

/** A record begins at a multiple of this. */
export const ALIGNMENT = 8;

/** Bytes of a hash of a record. */
export const CHAIN_BYTES = 16;

const LEADER_BYTES = 16, RANDOM_BYTES = 32;

/** Where the fields stand. */
const LENGTH = 0, CHECKSUM = 4, FORMAT_AT = 8, ENGINE = 10, FLAGS = 12, SHARD = 16, TERM = 20, LEADER = 28;
const NUMBER = 44,
  CHAIN = 52,
  SYNCED = 68,
  WALL_CLOCK = 76,
  MONOTONIC_CLOCK = 84,
  RANDOM = 92,
  REQUESTS = 124;

/** The flag that says that what needs space may be stored. */
const CAN_STORE = 1;

/** Numbers of 64 bits are below this. */
const NUMBER_MAX = Number.MAX_SAFE_INTEGER;

/** What the journal adds to a record. */
export interface RecordPlace {
  number: number;
  /** The hash of the record before. */
  chain: Uint8Array;
  /** The highest number that is known to be durable. */
  synced: number;
}

/** What is to be known of a record before it is read. */
export interface RecordInfo extends RecordPlace {
  /** Version of the engine that it is for. */
  engine: number;
  /** Where its bytes begin and end. */
  start: number;
  end: number;
}

/** Where the record after the one that ends here begins. */
export function alignRecord(end: number): number {
  return Math.ceil(end / ALIGNMENT) * ALIGNMENT;
}

/** Appends a record, all but its checksum. Returns where it begins; it ends at the writer's length. */
export function writeRecord(to: ByteWriter, record: NewRecord, place: RecordPlace): number {
  const start = to.length;
  to.reserve(HEAD_BYTES);
  to.length += HEAD_BYTES;
  encodeRequests(to, record.requests);
  const { bytes, view } = to;
  if (record.leader.length !== LEADER_BYTES || record.random.length !== RANDOM_BYTES) {
    throw new RangeError("Cannot write a record: its leader has 16 bytes, and its randomness 32");
  }
  view.setUint32(start + LENGTH, to.length - start, true);
  view.setUint16(start + FORMAT_AT, FORMAT, true);
  view.setUint16(start + ENGINE, record.engine, true);
  view.setUint32(start + FLAGS, record.canStore ? CAN_STORE : 0, true);
  view.setUint32(start + SHARD, record.shard, true);
  view.setBigUint64(start + TERM, record.term, true);
  bytes.set(record.leader, start + LEADER);
  setNumber(view, start + NUMBER, place.number);
  bytes.set(place.chain, start + CHAIN);
  setNumber(view, start + SYNCED, place.synced);
  view.setFloat64(start + WALL_CLOCK, record.wallClock, true);
  view.setFloat64(start + MONOTONIC_CLOCK, record.monotonicClock, true);
  bytes.set(record.random, start + RANDOM);
  view.setUint32(start + REQUESTS, record.requests.length, true);
  return start;
}

/** Sets the checksum of the record from `start` to `end`. `seed` is that of the segment where it is going to be. */
export function sealRecord(bytes: Uint8Array, start: number, end: number, seed: number) {
  const sum = checksum(bytes, start, end, seed);
  for (let i = 0; i < 4; i++) bytes[start + CHECKSUM + i] = sum >>> 8 * i & 255;
}

function checksum(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const length = crc32c(bytes, start + LENGTH, start + CHECKSUM, seed);
  return crc32c(bytes, start + FORMAT_AT, end, length);
}

/** The hash of a record, which the next one carries as its `chain`. It does not depend on the segment. */
export function hashRecord(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const hash = createHash("sha256").update(bytes.subarray(start + FORMAT_AT, end)).digest();
  return new Uint8Array(hash.buffer, hash.byteOffset, CHAIN_BYTES);
}

/**
 * Looks for a good record at `start`: its length fits, its checksum is right, its format is known, and what must be 0 is 0.
 * Undefined if there is none.
 */
export function findRecord(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  seed: number,
): RecordInfo | undefined {
  if (start + HEAD_BYTES > bytes.length) return undefined;
  if (view.getUint16(start + FORMAT_AT, true) !== FORMAT) return undefined;
  const length = view.getUint32(start + LENGTH, true), end = start + length;
  if (length < HEAD_BYTES || end > bytes.length) return undefined;
  if ((view.getUint32(start + FLAGS, true) & ~CAN_STORE) !== 0) return undefined;
  if (view.getUint32(start + CHECKSUM, true) !== checksum(bytes, start, end, seed)) return undefined;
  const number = getNumber(view, start + NUMBER), synced = getNumber(view, start + SYNCED);
  if (number < 1 || number > NUMBER_MAX || synced >= number) return undefined;
  const engine = view.getUint16(start + ENGINE, true);
  return {
    number,
    engine,
    synced,
    start,
    end,
    chain: bytes.slice(start + CHAIN, start + CHAIN + CHAIN_BYTES),
  };
}

/**
 * Whether a record with a number from `min` to `max` may stand at `start`, which says that `min` or more was durable. That
 * costs next to nothing: what clients send can look like the heads of many long records, whose checksums would cost hours.
 */
export function mayBeRecord(view: DataView, start: number, min: number, max: number): boolean {
  if (start + HEAD_BYTES > view.byteLength || view.getUint16(start + FORMAT_AT, true) !== FORMAT) {
    return false;
  }
  const number = getNumber(view, start + NUMBER), synced = getNumber(view, start + SYNCED);
  return min <= synced && synced < number && number <= max;
}

/**
 * Whether what stands at `start`, which is no good record, was to be the one with this number, behind one with this hash:
 * one of both is as it has to be. Records of an earlier use of the segment have neither.
 */
export function isRecordBegun(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  number: number,
  chain: Uint8Array | undefined,
): boolean {
  if (start + HEAD_BYTES > bytes.length) return false;
  const isExpected = getNumber(view, start + NUMBER) === number;
  return isExpected || chain !== undefined && chain.every((byte, i) => byte === bytes[start + CHAIN + i]);
}

/**
 * Reads a good record.
 *
 * @throws {FormatError} Its requests do not have the form that its head says.
 */
export function readRecord(bytes: Uint8Array, { start, end, number }: RecordInfo): JournalRecord {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(start + REQUESTS, true);
  try {
    return {
      engine: view.getUint16(start + ENGINE, true),
      canStore: (view.getUint32(start + FLAGS, true) & CAN_STORE) !== 0,
      shard: view.getUint32(start + SHARD, true),
      term: view.getBigUint64(start + TERM, true),
      leader: bytes.slice(start + LEADER, start + LEADER + LEADER_BYTES),
      number,
      wallClock: view.getFloat64(start + WALL_CLOCK, true),
      monotonicClock: view.getFloat64(start + MONOTONIC_CLOCK, true),
      random: bytes.slice(start + RANDOM, start + RANDOM + RANDOM_BYTES),
      requests: decodeRequests(new ByteReader(bytes, start + HEAD_BYTES, end), count),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(`Cannot read record ${number}: ${error.message}`);
  }
}

/** Writes a whole number below 2 ** 53 in 64 bits. */
export function setNumber(view: DataView, at: number, value: number) {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Reads a whole number of 64 bits; one that is not exact is above 2 ** 53. */
export function getNumber(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
