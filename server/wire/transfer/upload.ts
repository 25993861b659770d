import {
  decodeTransferRequest,
  encodeTransferAnswer,
  isUploadProof,
  type TransferAnswer,
  type TransferRequest,
  uploadProof,
} from "../../../protocol/transfer.ts";
import type { Metrics } from "../../report/metrics.ts";
import type { IncomingFile } from "../../store/files/incoming_file.ts";
import type { ContentFiles } from "../../store/files/files.ts";
import type { UploadGrant } from "../../service/tickets.ts";
import { refusal, TransferAborted, type TransferConnection } from "./transfer_connection.ts";
import type { TurnQueue } from "../../net/fairness.ts";

/** A file that arrived whole. */
export interface Upload extends Omit<UploadGrant, "kind" | "key" | "onEnd"> {
  /** SHA-256 of the content, 64 small hexadecimal digits. */
  hash: string;
  /** Name of the content among the content files: what the row has to hold. */
  content: string;
}

export interface UploadOptions {
  files: ContentFiles;
  /**
   * Makes the file and its line in the thread durable and visible, both at once. Resolves to `"stored"`, or to the
   * text that the user is told where nothing was changed: the thread is gone, `File {1} exists in Thread {0}`. Then
   * the content is removed. Where it rejects, nothing was changed either, and the content is removed already.
   */
  commit(upload: Upload): Promise<"stored" | string>;
  metrics: Metrics;
  /** Those of all transfers. */
  turns: TurnQueue;
}

/** Bytes that are read and hashed in one go. An upload has two such buffers. */
const BUFFER_BYTES = 512 * 1024;

/** One attempt at an upload, from its ticket to its last answer. */
export class UploadReceiver {
  readonly #connection: TransferConnection;
  readonly #upload: UploadGrant;
  readonly #options: UploadOptions;

  constructor(connection: TransferConnection, upload: UploadGrant, options: UploadOptions) {
    this.#connection = connection;
    this.#upload = upload;
    this.#options = options;
  }

  /**
   * Receives it.
   *
   * @returns The last answer.
   * @throws {TransferAborted} The connection ended, or was cut; what has arrived is kept.
   * @throws What the disk or the commit says; what has arrived is dropped.
   */
  async receive(): Promise<TransferAnswer> {
    const { files, metrics } = this.#options, { size } = this.#upload;
    const arrival = await this.#connection.work(
      files.begin(this.#upload, () => this.#connection.abort("elsewhere")),
    );
    if ("error" in arrival) return refusal("full", arrival.error);
    if ("stored" in arrival) return await this.#compare(arrival.stored);
    let before = arrival.length;
    try {
      await this.#offer(before, arrival.hash);
      const choice = await this.#next();
      if (choice === null) return refusal("short", "no content came");
      if (choice?.kind !== "from" || choice.offset !== 0 && choice.offset !== before) {
        return refusal("malformed");
      }
      if (choice.offset < before) await this.#connection.work(arrival.clear());
      before = choice.offset;
      const isAll = await this.#receiveContent(arrival);
      const proof = isAll ? await this.#next() : null;
      if (proof === null) return refusal("short", `${arrival.length} of ${size} bytes came, and no proof`);
      if (proof?.kind !== "sum") return refusal("malformed");
      return await this.#connection.work(this.#store(arrival, proof.mac));
    } catch (error) {
      if (!(error instanceof TransferAborted)) await arrival.drop();
      throw error;
    } finally {
      await arrival.keep();
      metrics.add("files bytes received", arrival.length - before);
    }
  }

  async #offer(offset: number, hash: string) {
    const from: TransferAnswer = offset === 0 ? { kind: "from", offset } : { kind: "from", offset, hash };
    await this.#connection.write(encodeTransferAnswer(from));
  }

  /** The client's next line; null where it ended its side, undefined where the line is none. */
  async #next(): Promise<TransferRequest | null | undefined> {
    const line = await this.#connection.line();
    return line === null || line === undefined ? line : decodeTransferRequest(line);
  }

  /** The name was stored after the ticket was given: whether with this content, the ticket's hash or the proof tells. */
  async #compare(hash: string): Promise<TransferAnswer> {
    const { size, key, hash: expected } = this.#upload;
    const answer = (isSame: boolean) => isSame ? this.#stored(hash) : refusal("thread", "file exists");
    if (expected !== undefined) return answer(hash === expected);
    await this.#offer(size, hash);
    const choice = await this.#next();
    if (choice === null) return refusal("short", "no proof came");
    if (choice?.kind !== "from") return refusal("malformed");
    if (choice.offset !== size) return answer(false);
    const proof = await this.#next();
    if (proof === null) return refusal("short", "no proof came");
    return proof?.kind === "sum" ? answer(isUploadProof(proof.mac, "sum", key, hash)) : refusal("malformed");
  }

  /** Reads, hashes and writes at the same time. Returns whether all came. */
  async #receiveContent(arrival: IncomingFile): Promise<boolean> {
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    let writing = Promise.resolve();
    try {
      for (let left = this.#upload.size - arrival.length; left > 0;) {
        const read = await this.#connection.read(buffer.subarray(0, Math.min(buffer.length, left)));
        if (read === null) return false;
        left -= read;
        await this.#connection.work(writing);
        await this.#connection.work(this.#options.turns.next());
        writing = arrival.append(buffer.subarray(0, read));
        // whoever waits for it hears of it; here it could be too early
        writing.catch(() => {});
        [buffer, other] = [other, buffer];
      }
      return true;
    } finally {
      // a buffer is the disk's until then
      await this.#connection.work(writing);
    }
  }

  async #store(arrival: IncomingFile, mac: string): Promise<TransferAnswer> {
    const { files, commit, metrics } = this.#options;
    const { user, thread, name, size, key, hash: expected, onEnd } = this.#upload;
    const { hash } = arrival;
    if (!isUploadProof(mac, "sum", key, hash) || expected !== undefined && expected !== hash) {
      await arrival.drop();
      return refusal("hash", "what arrived is not what was sent");
    }
    const content = await arrival.finish();
    let result: string | undefined;
    try {
      result = await commit({ user, thread, name, size, hash, content });
    } finally {
      if (result !== undefined && result !== "stored") await files.remove(content);
      await arrival.settle(result === "stored");
    }
    onEnd?.(result === "stored" ? undefined : result);
    if (result !== "stored") return refusal("thread", result);
    metrics.add("files uploaded");
    return this.#stored(hash);
  }

  #stored(hash: string): TransferAnswer {
    return { kind: "stored", mac: uploadProof("stored", this.#upload.key, hash) };
  }
}
