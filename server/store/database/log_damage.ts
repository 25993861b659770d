/**
 * Damage of SQLite's log. SQLite takes a log for shorter where a frame is not whole, as after a power cut. That is right
 * for frames that were not written back yet: the journal has their records. Where later frames had been written back, the
 * rest of the log would put older pages over newer ones.
 *
 * @module
 */

import { firstRow } from "./statements.ts";
import { LOG_SUFFIX } from "./database.ts";
import { openReadOnly } from "./read_only.ts";

/** SQLite, "WAL-mode File Format": the head of a log. */
const HEAD_BYTES = 32, SALTS_AT = 16, CHECKSUM_AT = 24;

/** What a log begins with if its checksums are over words with the lowest byte first; one more: with the highest. */
const MAGIC = 0x377f0682;

/** Why the log of the database at `path` cannot be used; undefined if it can, or if there is none. */
export function logDamage(path: string): string | undefined {
  const head = readHead(`${path}${LOG_SUFFIX}`);
  if (head === undefined) return undefined;
  if (!isWholeHead(head)) return "the checksum of its head is wrong";
  const file = positionIn(path, false), withLog = positionIn(path, true);
  if (file === undefined || withLog === undefined || withLog >= file) return undefined;
  return `it goes to record ${withLog} only, and what was written back from it to record ${file}: a part of it is damaged`;
}

/** What a log begins with; undefined if there is none, or nothing in it. */
function readHead(path: string): Uint8Array | undefined {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const head = new Uint8Array(HEAD_BYTES);
  try {
    file.readSync(head);
  } finally {
    file.close();
  }
  return head.some((byte) => byte !== 0) ? head : undefined;
}

function isWholeHead(head: Uint8Array): boolean {
  const view = new DataView(head.buffer), magic = view.getUint32(0);
  if (magic !== MAGIC && magic !== MAGIC + 1) return false;
  let a = 0, b = 0;
  for (let at = 0; at < SALTS_AT + 8; at += 8) {
    a = a + view.getUint32(at, magic === MAGIC) + b >>> 0;
    b = b + view.getUint32(at + 4, magic === MAGIC) + a >>> 0;
  }
  return a === view.getUint32(CHECKSUM_AT) && b === view.getUint32(CHECKSUM_AT + 4);
}

/** Of which record the state is; undefined if that cannot be read, as in the middle of a write-back. */
function positionIn(path: string, withLog: boolean): number | undefined {
  const db = openReadOnly(path, withLog);
  try {
    return firstRow<{ number: number }>(db.prepare("SELECT number FROM position"))?.number;
  } catch {
    return undefined;
  } finally {
    db.close();
  }
}
