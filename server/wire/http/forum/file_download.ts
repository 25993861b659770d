/**
 * Sends a file, or a part of it. http.md 10.4, 10.5.
 *
 * Invariant (transfer.md 4.4): the last bytes of a content leave the server only if all of it has the SHA-256 with which
 * it was stored.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ByteRange } from "../../../../protocol/http/range.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import type { DownloadGrant } from "../../../service/tickets.ts";
import type { Handled, HttpExchange } from "../exchange.ts";
import type { FileTransfer } from "./file_transfer.ts";

/** Bytes that are read, hashed and sent in one go. */
const BUFFER_BYTES = 256 * 1024;

/** Sends the part, with this status and these headers. */
export async function sendPart(
  exchange: HttpExchange,
  grant: DownloadGrant,
  { start, end }: ByteRange,
  head: { status: number; headers: Record<string, string> },
  transfer: FileTransfer,
): Promise<Handled> {
  using file = await grant.open();
  if (file === undefined) throw new Refusal("no file", "the file was removed");
  const isToEnd = end === grant.size - 1 || grant.size === 0;
  const { transfers, metrics } = transfer.context;
  if (grant.isDamaged() && !await isWhole(file, grant, transfer)) throw damaged(grant, transfer);
  // a part that does not end the file can't be taken for all of it
  const hash = isToEnd ? await hashOf(file, start, transfer) : undefined;
  if (grant.size === 0 && hash!.digest("hex") !== grant.hash) throw damaged(grant, transfer);
  await file.seek(start, Deno.SeekMode.Start);
  const response = exchange.open(head.status, head.headers);
  try {
    for (let at = start; at <= end;) {
      const buffer = new Uint8Array(Math.min(BUFFER_BYTES, end + 1 - at));
      await transfers.turns.next();
      const read = await file.read(buffer), piece = buffer.subarray(0, read ?? 0);
      at += piece.length;
      hash?.update(piece);
      if (read === null || isToEnd && at > end && hash!.digest("hex") !== grant.hash) {
        transfers.damaged(grant);
        exchange.connection.close();
        return "opened";
      }
      await written(response, piece, exchange);
      transfer.moved(piece.length);
      metrics.add("files bytes sent", piece.length);
    }
  } catch (error) {
    if (!exchange.isOver) transfers.failed(error as Error);
    exchange.connection.close();
    return "opened";
  }
  response.end();
  if (start === 0 && isToEnd) {
    metrics.add("files downloaded");
    grant.onEnd();
  }
  return "opened";
}

/** Resolves when the system has taken it; rejects when the client is gone. */
async function written(response: ServerResponse, piece: Uint8Array, { connection }: HttpExchange) {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  response.write(piece, (error) => error ? reject(error) : resolve());
  await Promise.race([promise, connection.gone]);
  if (connection.destroyed) throw new Error("the client is gone");
}

function damaged(grant: DownloadGrant, { context }: FileTransfer): Refusal {
  context.transfers.damaged(grant);
  return new Refusal("storage", "the file is damaged on the server's disk");
}

async function isWhole(file: Deno.FsFile, { size, hash }: DownloadGrant, transfer: FileTransfer) {
  return (await hashOf(file, size, transfer)).digest("hex") === hash;
}

/** Of the first `length` bytes. */
async function hashOf(file: Deno.FsFile, length: number, { context }: FileTransfer): Promise<Hash> {
  const hash = createHash("sha256"), buffer = new Uint8Array(BUFFER_BYTES);
  await file.seek(0, Deno.SeekMode.Start);
  for (let left = length; left > 0;) {
    await context.transfers.turns.next();
    const read = await file.read(buffer.subarray(0, Math.min(BUFFER_BYTES, left)));
    // it is shorter than it was, which shows in the hash
    if (read === null) break;
    hash.update(buffer.subarray(0, read));
    left -= read;
  }
  return hash;
}
