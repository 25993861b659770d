/**
 * The checksums of rows (store 7.1): so that what has changed on the disk by itself is not handed out.
 *
 * @module
 */

import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { crc32c } from "../journal/codec/crc32c.ts";
import { firstRow } from "./statements.ts";

/** The columns that the checksum of a row covers, in their order, by table. */
export const CHECKED_COLUMNS = {
  session: ["id", "done", "lacking", "used_at", "use", "account", "network", "start_time", "ended"],
  outcome: ["session", "number", "text"],
  account: ["name", "verifier", "last", "role", "tokens", "network"],
  thread: ["id", "title", "creator", "last", "entries", "bytes"],
  entry: ["thread", "id", "file", "version", "time", "bytes", "user", "text"],
  content: ["thread", "name", "user", "size", "hash", "content"],
  channel: ["name", "owner", "place", "history", "first"],
  said: ["channel", "seq", "time", "sender", "text"],
  position: ["number", "chain", "wall_clock", "monotonic_clock", "journal"],
  configuration: ["text"],
  epoch: ["id"],
  engine: ["version"],
  covering: ["mailbox", "last", "requests", "apart"],
  request_key: ["number", "key", "digest", "owner", "used_at", "message", "time", "place"],
} as const;

export type CheckedTable = keyof typeof CHECKED_COLUMNS;

type Value = string | number | Uint8Array | null;

/** Marks the kind of a value. */
const NULL = 0, NUMBER = 1, TEXT = 2, BYTES = 3;

/** Texts up to this length are encoded here: to call the encoder costs more than that. */
const SHORT_TEXT = 48;

const encoder = new TextEncoder();
let bytes = new Uint8Array(4096), view = new DataView(bytes.buffer);

/**
 * The CRC32C over values: each with its kind, numbers as doubles, texts in UTF-8 and bytes with their length before them.
 */
export function checksumOf(...values: readonly Value[]): number {
  let at = 0;
  for (const value of values) {
    if (at + 16 > bytes.length) grow(at, 16);
    if (value === null) bytes[at++] = NULL;
    else if (typeof value === "number") {
      bytes[at++] = NUMBER;
      view.setFloat64(at, value, true);
      at += 8;
    } else if (typeof value === "string") at = writeText(value, at);
    else at = writeBytes(value, at);
  }
  return crc32c(bytes, 0, at);
}

/** Returns where it ends. */
function writeText(text: string, from: number): number {
  const start = from + 5;
  if (start + 3 * text.length > bytes.length) grow(start, 3 * text.length);
  bytes[from] = TEXT;
  let length = 0;
  if (text.length <= SHORT_TEXT) {
    for (; length < text.length; length++) {
      const code = text.charCodeAt(length);
      if (code >= 0x80) break;
      bytes[start + length] = code;
    }
  }
  if (length < text.length) length = encoder.encodeInto(text, bytes.subarray(start)).written;
  view.setUint32(from + 1, length, true);
  return start + length;
}

/** Returns where they end. */
function writeBytes(value: Uint8Array, from: number): number {
  const start = from + 5, end = start + value.length;
  if (end > bytes.length) grow(from, 5 + value.length);
  bytes[from] = BYTES;
  view.setUint32(from + 1, value.length, true);
  bytes.set(value, start);
  return end;
}

function grow(used: number, more: number) {
  const before = bytes;
  bytes = new Uint8Array(2 * (used + more));
  bytes.set(before.subarray(0, used));
  view = new DataView(bytes.buffer);
}

/** The columns of a table that its checksums cover, and the checksum, for a query. */
export function checkedColumns(table: CheckedTable): string {
  return [...CHECKED_COLUMNS[table], "checksum"].map((column) => `${table}.${column}`).join(", ");
}

/** Whether a row that a query of {@linkcode checkedColumns} gave is as it was written. One without checksum is older. */
export function isWhole(table: CheckedTable, row: Readonly<Record<string, SQLOutputValue>>): boolean {
  return row.checksum === null || row.checksum === checksumOfRow(table, row);
}

/** The checksum that a row with these columns has to have. */
export function checksumOfRow(table: CheckedTable, row: Readonly<Record<string, SQLOutputValue>>): number {
  return checksumOf(...CHECKED_COLUMNS[table].map((column) => row[column] as Value));
}

/** A row without which there is no state is damaged. */
export class DamagedRow extends Error {
  override name = "DamagedRow";
}

/**
 * The row of a table that has only one, if it has one.
 *
 * @throws {DamagedRow} Without it nothing can be done.
 */
export function singleRow(db: DatabaseSync, table: CheckedTable): Record<string, SQLOutputValue> | undefined {
  const statement = db.prepare(`SELECT ${checkedColumns(table)} FROM ${table}`);
  const row = firstRow<Record<string, SQLOutputValue>>(statement);
  if (row !== undefined && !isWhole(table, row)) throw new DamagedRow(`row of ${table} is damaged`);
  return row;
}
