import { createHash, type Hash } from "node:crypto";
import { doToFile } from "../../store/errors.ts";
import type { TransferAnswer } from "../../../protocol/transfer.ts";
import type { DownloadGrant } from "../../service/tickets.ts";
import {
  refusal,
  TransferAborted,
  type TransferConnection,
  type TransferContext,
} from "./transfer_connection.ts";

/** Bytes that are read and hashed in one go. A download has two such buffers. */
const BUFFER_BYTES = 512 * 1024;

/**
 * One attempt at a download. Invariant (transfer.md 4.4): the last bytes of a content leave the server only if all of it,
 * with what is not sent because the client has it, has the SHA-256 with which it was stored.
 */
export class DownloadSender {
  readonly #connection: TransferConnection;
  readonly #grant: DownloadGrant;
  readonly #context: TransferContext;
  #buffer = new Uint8Array(BUFFER_BYTES);
  #other = new Uint8Array(BUFFER_BYTES);

  constructor(connection: TransferConnection, grant: DownloadGrant, context: TransferContext) {
    this.#connection = connection;
    this.#grant = grant;
    this.#context = context;
  }

  /**
   * Sends the content without its first `offset` bytes.
   *
   * @returns The refusal, or undefined if all was sent.
   * @throws {TransferAborted} The connection ended, or was ended so that a damaged content does not look whole.
   * @throws {Error} The disk failed before the content began.
   */
  async send(offset: number): Promise<TransferAnswer | undefined> {
    const { size, open, isDamaged, onEnd } = this.#grant;
    using file = await open();
    if (file === undefined) return refusal("gone", "the file was removed");
    if (offset > size) return refusal("gone", `the file has ${size} bytes`);
    // with all bytes on the other side there is nothing to hold back
    if ((isDamaged() || offset === size) && !await this.#isWhole(file)) {
      this.#context.damaged(this.#grant);
      return refusal("storage", "the file is damaged on the server's disk");
    }
    const left = size - offset, hash = await this.#hashOf(file, left > 0 ? offset : 0);
    await this.#connection.answer({ kind: "from", offset }, left === 0);
    try {
      if (left > 0 && !await this.#sendContent(file, left, hash)) {
        this.#context.damaged(this.#grant);
        throw new TransferAborted(undefined);
      }
    } catch (error) {
      // an answer would look like content: the client notices that bytes are missing
      if (!(error instanceof TransferAborted)) this.#context.failed(error as Error);
      this.#connection.close();
      throw new TransferAborted(undefined);
    }
    this.#context.metrics.add("files downloaded");
    onEnd();
  }

  async #read(file: Deno.FsFile, into: Uint8Array): Promise<number | null> {
    return await doToFile(`read ${this.#grant.path}`, () => file.read(into));
  }

  async #isWhole(file: Deno.FsFile): Promise<boolean> {
    const { size, hash } = this.#grant;
    return (await this.#hashOf(file, size)).digest("hex") === hash;
  }

  /** Reads so many bytes from the beginning on, while the client waits. */
  #hashOf(file: Deno.FsFile, length: number): Promise<Hash> {
    const hash = createHash("sha256");
    const work = async () => {
      await file.seek(0, Deno.SeekMode.Start);
      for (let left = length; left > 0;) {
        await this.#context.turns.next();
        this.#connection.throwIfAborted();
        const read = await this.#read(file, this.#buffer.subarray(0, Math.min(BUFFER_BYTES, left)));
        // it is shorter than it was: what is missing shows in the hash, or when it is to be sent
        if (read === null) break;
        hash.update(this.#buffer.subarray(0, read));
        left -= read;
      }
      return hash;
    };
    return this.#connection.work(work());
  }

  /**
   * Reads the next piece while one is written, and hashes it meanwhile.
   *
   * @param hash Of what is before it.
   * @returns False if the content is damaged; its last piece was not sent.
   */
  async #sendContent(file: Deno.FsFile, left: number, hash: Hash): Promise<boolean> {
    const { turns, metrics } = this.#context;
    const next = (into: Uint8Array) =>
      left > 0 ? this.#read(file, into.subarray(0, Math.min(into.length, left))) : null;
    let buffer = this.#buffer, other = this.#other;
    for (let read = await next(buffer); read !== null;) {
      left -= read;
      await turns.next();
      const piece = buffer.subarray(0, read), isLast = left === 0;
      if (isLast && hash.update(piece).digest("hex") !== this.#grant.hash) return false;
      const reading = next(other), writing = this.#connection.write(piece, isLast);
      if (!isLast) hash.update(piece);
      metrics.add("files bytes sent", read);
      // both buffers and the file are in use until both are done
      const [written, more] = await Promise.allSettled([writing, reading]);
      if (written.status === "rejected") throw written.reason;
      if (more.status === "rejected") throw more.reason;
      read = more.value;
      [buffer, other] = [other, buffer];
    }
    return left === 0;
  }
}
