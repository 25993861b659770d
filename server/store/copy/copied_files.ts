/**
 * Copies files so that nobody waits for the disk meanwhile: a piece at a time, synced often, for its user alone.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** Bytes that are read and written at a time, and after how many of them the copy is synced. */
const PIECE_BYTES = 256 * 1024, SYNC_BYTES = 1024 * 1024;

/** A file as a list of them names it. */
export interface ListedFile {
  bytes: number;
  sha256: string;
}

/** Copies a file. @throws {Error} It can't be read or written, there is a file already, or the signal was aborted. */
export async function copyFile(from: string, to: string, signal?: AbortSignal) {
  using source = await Deno.open(from);
  await writeFile(to, pieces(source), signal);
}

/** Writes a file that is not there yet. */
export async function writeFile(
  path: string,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal?: AbortSignal,
) {
  using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  let unsynced = 0;
  for await (const piece of content) {
    signal?.throwIfAborted();
    for (let done = 0; done < piece.length;) done += await file.write(piece.subarray(done));
    unsynced += piece.length;
    if (unsynced < SYNC_BYTES) continue;
    // what waits to be written would keep the server's own syncs waiting
    await file.syncData();
    unsynced = 0;
  }
  await file.sync();
}

/** Bytes in pieces. */
export function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
}

async function* pieces(file: Deno.FsFile): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let count; (count = await file.read(buffer)) !== null;) yield buffer.subarray(0, count);
}

/** Reads a file: its length, and its hash. */
export async function listFile(path: string): Promise<ListedFile> {
  using file = await Deno.open(path);
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const piece of pieces(file)) {
    hash.update(piece);
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}
