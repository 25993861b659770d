/**
 * Receives a file, or a part of it, and adds it to its thread once it is whole. http.md 10.6 to 10.8.
 *
 * Invariant: what has arrived when a client goes away is kept, and the next part begins behind it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { ByteRange } from "../../../../protocol/http/range.ts";
import { Refusal } from "../../../../protocol/http/problem.ts";
import type { IncomingFile, UploadGrant } from "../../../service/tickets.ts";
import { ClientGone, type HttpAnswer, type HttpExchange, json } from "../exchange.ts";
import type { FileTransfer } from "./file_transfer.ts";
import { forumRefusal } from "./thread_routes.ts";

/** What a request brings of a file. */
export interface UploadedPart {
  /** Which part the body is; undefined: there is none, and it is asked how much has arrived. */
  range: ByteRange | "whole" | undefined;
  /** SHA-256 of the body, if the client says it. */
  bodyHash: string | undefined;
}

/** The answer when all of a file is stored. */
export function storedAnswer(status: 200 | 201, size: number, hash: string): HttpAnswer {
  const answer = json({ received: size, size, hash }, status);
  return { ...answer, headers: { ...answer.headers, etag: `"${hash}"` } };
}

/** Receives a part, and answers how far the upload is then. */
export async function receivePart(
  exchange: HttpExchange,
  grant: UploadGrant,
  { range, bodyHash }: UploadedPart,
  transfer: FileTransfer,
): Promise<HttpAnswer> {
  const { size, hash: expected } = grant;
  const incoming = await orStorage(grant.begin(() => transfer.abort()));
  if ("error" in incoming) throw new Refusal("forum full", incoming.error);
  if ("stored" in incoming) {
    if (expected === undefined || incoming.stored === expected) {
      return storedAnswer(200, size, incoming.stored);
    }
    throw new Refusal("file exists");
  }
  const { file } = incoming;
  try {
    if (range !== undefined) {
      await seek(incoming, range === "whole" ? 0 : range.start);
      await append(exchange, incoming, bodyHash, transfer);
    }
    if (file.length < size) return progress(file.length, size);
    if (expected !== undefined && file.hash !== expected) throw new Refusal("wrong digest");
    const hash = file.hash, outcome = await orStorage(grant.attach(incoming));
    if (outcome !== "stored") throw outcome === "file exists" ? new Refusal(outcome) : forumRefusal(outcome);
    transfer.context.metrics.add("files uploaded");
    return storedAnswer(201, size, hash);
  } catch (error) {
    const isKept = error instanceof ClientGone || error instanceof Refusal && error.code === "wrong offset";
    if (!isKept) await incoming.end("dropped");
    throw error;
  } finally {
    await incoming.end("kept");
  }
}

function progress(received: number, size: number): HttpAnswer {
  const answer = json({ received, size }, 202), range = received === 0 ? {} : rangeOf(received);
  return { ...answer, headers: { ...answer.headers, ...range } };
}

function rangeOf(received: number) {
  return { range: `bytes=0-${received - 1}` };
}

/** Begins a part where the one before ended, or anew. */
async function seek({ file }: IncomingFile, start: number) {
  if (start === file.length) return;
  if (start === 0) return await orStorage(file.clear());
  const detail = `the part begins with byte ${start}, and ${file.length} bytes have arrived`;
  throw new Refusal("wrong offset", detail, { headers: file.length === 0 ? {} : rangeOf(file.length) });
}

/** Reads, hashes and writes at the same time. */
async function append(
  { incoming: body }: HttpExchange,
  { file }: IncomingFile,
  bodyHash: string | undefined,
  transfer: FileTransfer,
) {
  const { metrics, transfers } = transfer.context, hash = createHash("sha256");
  let writing = Promise.resolve();
  try {
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      await orStorage(writing);
      await transfers.turns.next();
      writing = file.append(piece);
      // awaited below: until then a rejection must not count as unhandled
      writing.catch(() => {});
      if (bodyHash !== undefined) hash.update(piece);
      transfer.moved(piece.length);
      metrics.add("files bytes received", piece.length);
    }
  } catch (error) {
    throw error instanceof Refusal ? error : new ClientGone();
  } finally {
    // the disk uses the piece until then
    await orStorage(writing);
  }
  if (!body.complete) throw new ClientGone();
  if (bodyHash !== undefined && hash.digest("hex") !== bodyHash) throw new Refusal("wrong digest");
}

/** @throws {Refusal} `storage`: the disk failed. */
async function orStorage<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new Refusal("storage", `the disk takes nothing: ${(error as Error).message}`);
  }
}
