import { encodeTransferAnswer, type TransferAnswer } from "../../../protocol/transfer.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { ContentFiles } from "../../store/files/files.ts";
import type { DownloadGrant } from "../../service/tickets.ts";
import { refusal, TransferAborted, type TransferConnection } from "./transfer_connection.ts";
import type { TurnQueue } from "../../net/fairness.ts";

export interface DownloadOptions {
  files: ContentFiles;
  metrics: Metrics;
  /** Those of all transfers. */
  turns: TurnQueue;
  /** Takes what the disk said in the middle of the content, of which the client sees only that something is missing. */
  failed(error: Error): void;
}

/** Bytes that are read in one go. A download has two such buffers. */
const BUFFER_BYTES = 512 * 1024;

/** One attempt at a download, from its ticket to its last byte. */
export class DownloadSender {
  readonly #connection: TransferConnection;
  readonly #download: DownloadGrant;
  readonly #options: DownloadOptions;

  constructor(connection: TransferConnection, download: DownloadGrant, options: DownloadOptions) {
    this.#connection = connection;
    this.#download = download;
    this.#options = options;
  }

  /**
   * Sends the content without its first `offset` bytes.
   *
   * @returns Why there is none; undefined where all was sent.
   * @throws {TransferAborted} The connection ended, or was cut.
   * @throws What the disk says before the content begins.
   */
  async send(offset: number): Promise<TransferAnswer | undefined> {
    const { files, metrics, failed } = this.#options, { content, size, onEnd } = this.#download;
    let file: Deno.FsFile;
    try {
      file = await files.read(content);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return refusal("gone", "the file was removed");
      throw error;
    }
    try {
      if (offset > size) return refusal("gone", `the file has ${size} bytes`);
      await file.seek(offset, Deno.SeekMode.Start);
      await this.#connection.write(encodeTransferAnswer({ kind: "from", offset }));
      try {
        await this.#sendContent(file, size - offset);
      } catch (error) {
        // an answer would be taken for content: the client sees that something is missing
        if (!(error instanceof TransferAborted)) failed(error as Error);
        this.#connection.close();
        throw new TransferAborted(undefined);
      }
      metrics.add("files downloaded");
      onEnd?.();
    } finally {
      file.close();
    }
  }

  /** Reads the next piece while one is written. */
  async #sendContent(file: Deno.FsFile, left: number) {
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    const next = (into: Uint8Array) =>
      left > 0 ? file.read(into.subarray(0, Math.min(into.length, left))) : null;
    for (let read = await next(buffer); read !== null;) {
      left -= read;
      await this.#options.turns.next();
      const reading = next(other), writing = this.#connection.write(buffer.subarray(0, read));
      this.#options.metrics.add("files bytes sent", read);
      // a buffer and the file are in use until both are done
      const [written, more] = await Promise.allSettled([writing, reading]);
      if (written.status === "rejected") throw written.reason;
      if (more.status === "rejected") throw more.reason;
      read = more.value;
      [buffer, other] = [other, buffer];
    }
    if (left > 0) throw new Error(`${left} bytes of a content are missing`);
  }
}
