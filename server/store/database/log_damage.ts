/**
 * Damage of SQLite's log. SQLite takes a log for shorter where a frame is not whole, as after a power cut. That is right
 * for frames that were not written back yet: the journal has their records. Where later frames had been written back, the
 * rest of the log would put older pages over newer ones.
 *
 * @module
 */

import { CHECKED_COLUMNS, isWhole } from "./checksum.ts";
import { firstRow } from "./statements.ts";
import { LOG_SUFFIX } from "./database.ts";
import { ReadOnlyDatabase } from "./read_only.ts";
import { PAGE_BYTES } from "./transaction.ts";

/** SQLite, "WAL-mode File Format": the head of a log. */
const HEAD_BYTES = 32, SALTS_AT = 16, CHECKSUM_AT = 24;

/** What a log begins with if its checksums are over words with the lowest byte first; one more: with the highest. */
const MAGIC = 0x377f0682;

/** "B-tree Pages": the kind of a page without pages below it, and where its cells are. */
const TABLE_LEAF = 0x0d, CELLS_AT = 3, CELL_POINTERS_AT = 8;

/** "Record Format": bytes of a whole number by its type; the type of a double; and the first type of bytes. */
const INTEGER_BYTES: Readonly<Record<number, number>> = { 1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8, 8: 0, 9: 0 };
const DOUBLE = 7, DOUBLE_BYTES = 8, FIRST_BYTES = 12;

/** Why the log of the database at `path` cannot be used; undefined if it can, or if there is none. */
export function logDamage(path: string): string | undefined {
  const head = readHead(`${path}${LOG_SUFFIX}`);
  if (head === undefined) return undefined;
  if (!isWholeHead(head)) return "the checksum of its head is wrong";
  const { withLog, page } = positionWithLog(path) ?? {};
  const file = page === undefined ? undefined : positionInFile(path, page);
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

/** Of which record the state is, and on which page that stands; undefined if that cannot be read. */
function positionWithLog(path: string): { withLog: number; page: number } | undefined {
  try {
    using open = new ReadOnlyDatabase(path);
    const query =
      "SELECT number AS withLog, rootpage AS page FROM position, sqlite_schema WHERE name = 'position'";
    return firstRow(open.db.prepare(query));
  } catch {
    return undefined;
  }
}

/**
 * What the database's file says of which record its state is; undefined if that cannot be read: a power cut may have torn
 * the page while it was written back, and then the log is whole.
 */
function positionInFile(path: string, page: number): number | undefined {
  const bytes = new Uint8Array(PAGE_BYTES);
  using file = Deno.openSync(path);
  file.seekSync((page - 1) * PAGE_BYTES, Deno.SeekMode.Start);
  if (file.readSync(bytes) !== PAGE_BYTES) return undefined;
  const view = new DataView(bytes.buffer);
  if (bytes[0] !== TABLE_LEAF || view.getUint16(CELLS_AT) !== 1) return undefined;
  const values = valuesOfRow(view, view.getUint16(CELL_POINTERS_AT)), columns = CHECKED_COLUMNS.position;
  if (values?.length !== columns.length + 1) return undefined;
  const names = [...columns, "checksum"],
    row = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
  return typeof row.number === "number" && isWhole("position", row) ? row.number : undefined;
}

/** SQLite, "Record Format": what is in the cell at `at`; undefined if it is no short row of numbers and bytes. */
function valuesOfRow(view: DataView, at: number): (number | Uint8Array | null)[] | undefined {
  // the length of the row, its number, and the length and the types of its values take one byte each: the row is short
  const head = at + 2, values: (number | Uint8Array | null)[] = [];
  if (head >= view.byteLength) return undefined;
  let body = head + view.getUint8(head);
  for (let column = head + 1, end = body; column < end; column++) {
    if (end > view.byteLength) return undefined;
    const type = view.getUint8(column), length = lengthOf(type);
    if (length === undefined || body + length > view.byteLength) return undefined;
    values.push(valueOf(view, type, body, length));
    body += length;
  }
  return values;
}

/** Bytes of a value of this type, if it is one of those that the row may have. */
function lengthOf(type: number): number | undefined {
  if (type === 0) return 0;
  if (type === DOUBLE) return DOUBLE_BYTES;
  if (type >= FIRST_BYTES && type % 2 === 0) return (type - FIRST_BYTES) / 2;
  return INTEGER_BYTES[type];
}

function valueOf(view: DataView, type: number, at: number, length: number): number | Uint8Array | null {
  if (type === 0) return null;
  if (type === DOUBLE) return view.getFloat64(at);
  if (type >= FIRST_BYTES) return new Uint8Array(view.buffer, view.byteOffset + at, length);
  let value = type === 9 ? 1 : 0;
  for (let i = 0; i < length; i++) value = value * 256 + view.getUint8(at + i);
  return value;
}
