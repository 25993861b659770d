import type { TransferAnswer } from "../../../protocol/transfer.ts";
import type { DownloadGrant } from "../../service/tickets.ts";
import {
  refusal,
  TransferAborted,
  type TransferConnection,
  type TransferContext,
} from "./transfer_connection.ts";

/** Bytes that are read in one go. A download has two such buffers. */
const BUFFER_BYTES = 512 * 1024;

/**
 * Sends a content without its first `offset` bytes.
 *
 * @returns The refusal, or undefined if all was sent.
 * @throws {TransferAborted} The connection ended.
 * @throws {Error} The disk failed before the content began.
 */
export async function sendDownload(
  connection: TransferConnection,
  { size, open, onEnd }: DownloadGrant,
  offset: number,
  context: TransferContext,
): Promise<TransferAnswer | undefined> {
  using file = await open();
  if (file === undefined) return refusal("gone", "the file was removed");
  if (offset > size) return refusal("gone", `the file has ${size} bytes`);
  await file.seek(offset, Deno.SeekMode.Start);
  await connection.answer({ kind: "from", offset });
  try {
    await sendContent(connection, file, size - offset, context);
  } catch (error) {
    // an answer would look like content: the client notices that bytes are missing
    if (!(error instanceof TransferAborted)) context.failed(error as Error);
    connection.close();
    throw new TransferAborted(undefined);
  }
  context.metrics.add("files downloaded");
  onEnd();
}

/** Reads the next piece while one is written. */
async function sendContent(
  connection: TransferConnection,
  file: Deno.FsFile,
  left: number,
  { turns, metrics }: TransferContext,
) {
  let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
  const next = (into: Uint8Array) =>
    left > 0 ? file.read(into.subarray(0, Math.min(into.length, left))) : null;
  for (let read = await next(buffer); read !== null;) {
    left -= read;
    await turns.next();
    const reading = next(other), writing = connection.write(buffer.subarray(0, read));
    metrics.add("files bytes sent", read);
    // both buffers and the file are in use until both are done
    const [written, more] = await Promise.allSettled([writing, reading]);
    if (written.status === "rejected") throw written.reason;
    if (more.status === "rejected") throw more.reason;
    read = more.value;
    [buffer, other] = [other, buffer];
  }
  if (left > 0) throw new Error(`${left} bytes of a content are missing`);
}
