import { alignRecord, sealRecord } from "./codec/record.ts";
import type { Recovery } from "./recovery.ts";
import { SEGMENT_HEAD_BYTES, type SegmentHead } from "./segment.ts";
import type { OpenSegment, SegmentPool } from "./segment_pool.ts";

/** Bytes of the segment with which a server starts: one that has little to do needs no more. */
export const START_SEGMENT_BYTES = 4 * 1024 * 1024;

/**
 * Makes the segment with which a start begins (store 5.4): it has the records after the database's, as they are, and room
 * for more.
 *
 * @param first The number after the database's.
 * @returns The segment, and where the next record begins in it.
 */
export async function makeStartSegment(
  pool: SegmentPool,
  id: Uint8Array,
  first: number,
  { end, kept, replay, sequence: highest }: Recovery,
  sizeMin: number,
): Promise<OpenSegment & { end: number }> {
  const sequence = highest + 1, bytes = replay.reduce((sum, { bytes }) => sum + alignRecord(bytes.length), 0);
  const head: SegmentHead = {
    sequence,
    size: Math.max(
      sizeMin,
      alignRecord(SEGMENT_HEAD_BYTES + bytes + sizeMin / 2),
    ),
    id,
    first,
    synced: end.number,
    back: kept.length === 0 ? 0 : sequence - kept.at(-1)!.head.sequence,
  };
  const seal = (seed: number) => {
    const records = new Uint8Array(bytes);
    let at = 0;
    for (const { bytes } of replay) {
      records.set(bytes, at);
      sealRecord(records, at, at + bytes.length, seed);
      at = alignRecord(at + bytes.length);
    }
    return records;
  };
  return { ...await pool.make(head, seal), end: SEGMENT_HEAD_BYTES + bytes };
}
