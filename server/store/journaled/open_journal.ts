import type { JournalPosition } from "../journal/journal.ts";
import { DiskJournal, type DiskJournalOptions, SEGMENT_BYTES } from "../journal/disk_journal.ts";
import { JournalDamaged } from "../journal/recovery.ts";
import { isNoSpace } from "../errors.ts";
import { syncDirectory } from "../files/durable_file.ts";
import { freeBytes } from "../room/file_system.ts";
import { Reserve } from "../room/reserve.ts";

/** The journal's folder in the data directory. */
export const JOURNAL_FOLDER = "journal";

/** Names of segments, without spares. */
const SEGMENT = /^\d+\.journal$/;

/** On a small disk a segment has no more than this part of what is free, but always room for the longest record. */
const SEGMENT_SHARE = 1 / 16, SEGMENT_BYTES_MIN = 1024 * 1024;

/** Bytes of a segment in this directory. */
export function segmentBytesIn(directory: string): number {
  const share = Math.floor(freeBytes(directory) * SEGMENT_SHARE / SEGMENT_BYTES_MIN) * SEGMENT_BYTES_MIN;
  return Math.min(SEGMENT_BYTES, Math.max(SEGMENT_BYTES_MIN, share));
}

/** How many segments a data directory has; 0 if there is no journal. */
export function segmentCount(directory: string): number {
  try {
    return [...Deno.readDirSync(`${directory}/${JOURNAL_FOLDER}`)].filter(({ name }) => SEGMENT.test(name))
      .length;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

function isThere(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Opens the journal of a data directory that is locked.
 *
 * @param makeDurable Makes the database's ID durable: no record may be there before it.
 * @throws {JournalDamaged} It cannot be used as it is; nothing was changed.
 */
export async function openJournal(
  directory: string,
  { id, position, segmentBytes, makeDurable, beforeReplay }: {
    id: Uint8Array;
    position: JournalPosition;
    segmentBytes: number;
    makeDurable(): Promise<unknown>;
    beforeReplay: DiskJournalOptions["beforeReplay"];
  },
): Promise<DiskJournal> {
  // a directory of the version before, or one in which no start came to its first checkpoint
  const isNew = position.number === 0 && segmentCount(directory) === 0;
  const folder = `${directory}/${JOURNAL_FOLDER}`;
  if (isNew) {
    await makeDurable();
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await syncDirectory(directory);
  } else if (!isThere(folder)) {
    throw new JournalDamaged(folder, undefined, "it is not there");
  }
  const open = () => DiskJournal.open({ folder, id, position, isNew, segmentBytes, beforeReplay });
  try {
    return await open();
  } catch (error) {
    if (!isNoSpace(error)) throw error;
    // a quota may be used up where the disk has room
    Reserve.release(directory);
    return await open();
  }
}
