/**
 * Copies what a backup needs of a journal: the segments with the records after the database's number, up to one record
 * (store 10.4). Others may be appended meanwhile.
 *
 * @module
 */

import { alignRecord, findRecord } from "../journal/codec/record.ts";
import { DiskFolder } from "../journal/folder.ts";
import {
  decodeSegmentHead,
  seedOf,
  SEGMENT_HEAD_BYTES,
  type SegmentHead,
  sequenceOf,
} from "../journal/segment.ts";
import { cut, writeFile } from "./copied_files.ts";

interface Segment {
  name: string;
  head: SegmentHead;
}

/**
 * Copies the records after number `after` up to number `last`, which has to be durable; or all segments from there on,
 * which nobody writes to.
 *
 * @throws {Error} They are not all there; or the signal was aborted.
 */
export async function copyJournal(
  from: string,
  to: string,
  { after, last = Infinity }: { after: number; last: number | undefined },
  signal?: AbortSignal,
) {
  const folder = new DiskFolder(from), segments = linked(folder);
  const first = segments.findLastIndex((segment) => firstOf(folder, segment) <= after + 1);
  if (first < 0) throw new Error(`Cannot copy ${from}: record ${after + 1} is not there`);
  let next = firstOf(folder, segments[first]!);
  for (let i = first; i < segments.length; i++) {
    const { name } = segments[i]!, bytes = folder.read(name);
    const copied = walk(bytes, next, last);
    next = copied.next;
    // what comes behind the last record is not part of the copy, and may be written just now
    if (next > last) bytes.fill(0, copied.end);
    await writeFile(`${to}/${name}`, cut(bytes), signal);
    if (next > last) return;
  }
  if (last < Infinity) throw new Error(`Cannot copy ${from}: record ${next} is not there`);
}

/** The segments that count, in the order of their records (store 5.5). */
function linked(folder: DiskFolder): Segment[] {
  const bySequence = new Map<number, Segment>();
  for (const name of folder.list()) {
    const sequence = sequenceOf(name);
    if (sequence === undefined) continue;
    const head = decodeSegmentHead(folder.read(name, SEGMENT_HEAD_BYTES));
    if (typeof head === "string") throw new Error(`Cannot copy ${folder.path}/${name}: ${head}`);
    bySequence.set(sequence, { name, head });
  }
  const segments: Segment[] = [];
  for (let at = Math.max(...bySequence.keys());;) {
    const segment = bySequence.get(at);
    if (segment === undefined) return segments;
    segments.unshift(segment);
    if (segment.head.back === 0) return segments;
    at -= segment.head.back;
  }
}

/** Number of the first record of a segment; of one without records it is not known. */
function firstOf(folder: DiskFolder, { name, head }: Segment): number {
  if (head.first > 0) return head.first;
  const bytes = folder.read(name);
  return recordAt(bytes, SEGMENT_HEAD_BYTES)?.number ?? Infinity;
}

function recordAt(bytes: Uint8Array, at: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return findRecord(bytes, view, at, seedOf(bytes));
}

/** Goes from record to record, from number `next` to `last`. Returns the number that comes then, and where that stands. */
function walk(bytes: Uint8Array, next: number, last: number): { next: number; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), seed = seedOf(bytes);
  let end = SEGMENT_HEAD_BYTES;
  for (; next <= last; next++) {
    const info = findRecord(bytes, view, end, seed);
    if (info?.number !== next) break;
    end = alignRecord(info.end);
  }
  return { next, end };
}
