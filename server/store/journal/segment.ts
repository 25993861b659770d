/**
 * The names and the heads of segments (store 3.2).
 *
 * @module
 */

import { crc32c } from "./codec/crc32c.ts";
import { getNumber, setNumber } from "./codec/record.ts";

/** Where the first record begins. */
export const SEGMENT_HEAD_BYTES = 64;

/** `WPJL`. */
const MAGIC = 0x4c4a5057;

/** Version of this layout. */
const FORMAT = 1;

/** Where the fields stand. */
const FORMAT_AT = 4, SIZE = 8, SEQUENCE = 16, ID = 24, FIRST = 40, SYNCED = 48, BACK = 56, CHECKSUM = 60;

/** There is room for so many segments behind one that is read: numbers up to 2 ** 53 are exact. */
const MAX_BEHIND = 2 ** 52;

/** Bytes of the ID of a journal. */
export const JOURNAL_ID_BYTES = 16;

export interface SegmentHead {
  /** Its place among the segments. No number is used twice. */
  sequence: number;
  /** Bytes of the file. It may be shorter, if a sync failed while it was made and then the power was cut. */
  size: number;
  /** The ID of its journal. */
  id: Uint8Array;
  /**
   * The number of its first record, if the journal begins here, or begins anew: what segments before it have from this
   * number on does not count. 0: it goes on where the segment before it ends.
   */
  first: number;
  /** The highest number that was durable when it got its name. */
  synced: number;
  /** The segment before it is so many before: those between do not count. 0: there is none. */
  back: number;
}

/** What begins the checksums of a segment's records, so that those of an earlier use or of another segment are not good. */
export function seedOf(head: Uint8Array): number {
  return crc32c(head, 0, CHECKSUM);
}

export function encodeSegmentHead({ sequence, size, id, first, synced, back }: SegmentHead): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEAD_BYTES), view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(FORMAT_AT, FORMAT, true);
  setNumber(view, SIZE, size);
  setNumber(view, SEQUENCE, sequence);
  bytes.set(id, ID);
  setNumber(view, FIRST, first);
  setNumber(view, SYNCED, synced);
  view.setUint32(BACK, back, true);
  view.setUint32(CHECKSUM, seedOf(bytes), true);
  return bytes;
}

/** The head of the segment that these bytes are, or why it is not one. */
export function decodeSegmentHead(bytes: Uint8Array): SegmentHead | string {
  if (bytes.length < SEGMENT_HEAD_BYTES) return `it has ${bytes.length} bytes only`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return "it does not begin with WPJL";
  if (view.getUint32(CHECKSUM, true) !== seedOf(bytes)) return "the checksum of its head is wrong";
  const format = view.getUint32(FORMAT_AT, true);
  if (format !== FORMAT) return `its format is ${format}, and only ${FORMAT} is known`;
  const [sequence, size, first, synced] = [SEQUENCE, SIZE, FIRST, SYNCED].map((at) =>
    getNumber(view, at)
  ) as [number, number, number, number];
  // the one after the last has to have a name of its own
  if (!Number.isSafeInteger(sequence + MAX_BEHIND)) return `its sequence number ${sequence} is too high`;
  return {
    sequence,
    size,
    id: bytes.slice(ID, ID + JOURNAL_ID_BYTES),
    first,
    synced,
    back: view.getUint32(BACK, true),
  };
}

export function segmentName(sequence: number): string {
  return `${String(sequence).padStart(20, "0")}.journal`;
}

/** The number in the name of a segment; undefined if it is another name. */
export function sequenceOf(name: string): number | undefined {
  const [, sequence] = /^(\d{20})\.journal$/.exec(name) ?? [];
  return sequence === undefined ? undefined : Number(sequence);
}

export function spareName(number: number): string {
  return `spare-${number}.journal`;
}

/** The number in the name of a spare; undefined if it is another name. */
export function spareNumberOf(name: string): number | undefined {
  const [, number] = /^spare-(\d+)\.journal$/.exec(name) ?? [];
  return number === undefined ? undefined : Number(number);
}

/** Whether the name is that of a segment or of a spare. */
export function isSegmentName(name: string): boolean {
  return (sequenceOf(name) ?? spareNumberOf(name)) !== undefined;
}
