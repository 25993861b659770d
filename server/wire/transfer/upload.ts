import {
  decodeTransferRequest,
  isUploadProof,
  type TransferAnswer,
  type TransferRequest,
  uploadProof,
} from "../../../protocol/transfer.ts";
import type { IncomingFile, UploadGrant } from "../../service/tickets.ts";
import {
  refusal,
  TransferAborted,
  type TransferConnection,
  type TransferContext,
} from "./transfer_connection.ts";

/** One attempt at an upload, from its ticket to its last answer. */
export class UploadReceiver {
  readonly #connection: TransferConnection;
  readonly #grant: UploadGrant;
  readonly #context: TransferContext;

  constructor(connection: TransferConnection, grant: UploadGrant, context: TransferContext) {
    this.#connection = connection;
    this.#grant = grant;
    this.#context = context;
  }

  /**
   * Receives it.
   *
   * @returns The last answer.
   * @throws {TransferAborted} The connection ended; what has arrived is kept.
   * @throws {Error} The disk failed; what has arrived is dropped.
   */
  async receive(): Promise<TransferAnswer> {
    const { begin, size } = this.#grant;
    const incoming = await this.#connection.work(begin(() => this.#connection.abort("elsewhere")));
    if ("error" in incoming) return refusal("full", incoming.error);
    if ("stored" in incoming) return await this.#compare(incoming.stored);
    const { file } = incoming;
    let before = file.length;
    try {
      await this.#offer(before, file.hash);
      const start = await this.#next();
      if (start === null) return refusal("short", "no content came");
      if (start?.kind !== "from" || start.offset !== 0 && start.offset !== before) {
        return refusal("malformed");
      }
      if (start.offset < before) await this.#connection.work(file.clear());
      before = start.offset;
      const isWhole = await this.#receiveContent(incoming);
      const proof = isWhole ? await this.#next() : null;
      if (proof === null) return refusal("short", `${file.length} of ${size} bytes came, and no proof`);
      if (proof?.kind !== "sum") return refusal("malformed");
      return await this.#connection.work(this.#store(incoming, proof.mac));
    } catch (error) {
      if (!(error instanceof TransferAborted)) await incoming.end("dropped");
      throw error;
    } finally {
      await incoming.end("kept");
      this.#context.metrics.add("files bytes received", file.length - before);
    }
  }

  async #offer(offset: number, hash: string) {
    const from: TransferAnswer = offset === 0 ? { kind: "from", offset } : { kind: "from", offset, hash };
    await this.#connection.answer(from);
  }

  /** The client's next request; null if it ended its side, undefined if the line is malformed. */
  async #next(): Promise<TransferRequest | null | undefined> {
    const line = await this.#connection.line();
    return line === null || line === undefined ? line : decodeTransferRequest(line);
  }

  /**
   * The file was stored after the ticket was issued: compares by the ticket's hash, or by the proof (transfer.md 3.13).
   */
  async #compare(hash: string): Promise<TransferAnswer> {
    const { size, key, hash: expected } = this.#grant;
    const answer = (isSame: boolean) => isSame ? this.#stored(hash) : refusal("thread", "file exists");
    if (expected !== undefined) return answer(hash === expected);
    await this.#offer(size, hash);
    const start = await this.#next();
    if (start === null) return refusal("short", "no proof came");
    if (start?.kind !== "from") return refusal("malformed");
    if (start.offset !== size) return answer(false);
    const proof = await this.#next();
    if (proof === null) return refusal("short", "no proof came");
    return proof?.kind === "sum" ? answer(isUploadProof(proof.mac, "sum", key, hash)) : refusal("malformed");
  }

  /** Reads, hashes and writes at the same time. Returns whether all came. */
  async #receiveContent({ file }: IncomingFile): Promise<boolean> {
    let writing = Promise.resolve();
    try {
      for (let left = this.#grant.size - file.length; left > 0;) {
        const piece = await this.#connection.piece(left);
        if (piece === null) return false;
        left -= piece.length;
        await this.#connection.work(writing);
        await this.#connection.work(this.#context.turns.next());
        writing = file.append(piece);
        // awaited below: until then a rejection must not count as unhandled
        writing.catch(() => {});
      }
      return true;
    } finally {
      // the disk uses a buffer until then
      await this.#connection.work(writing);
    }
  }

  async #store(incoming: IncomingFile, mac: string): Promise<TransferAnswer> {
    const { key, hash: expected, attach } = this.#grant, { hash } = incoming.file;
    if (!isUploadProof(mac, "sum", key, hash) || expected !== undefined && expected !== hash) {
      await incoming.end("dropped");
      return refusal("hash", "what arrived is not what was sent");
    }
    const outcome = await attach(incoming);
    if (outcome !== "stored") return refusal("thread", outcome);
    this.#context.metrics.add("files uploaded");
    return this.#stored(hash);
  }

  #stored(hash: string): TransferAnswer {
    return { kind: "stored", mac: uploadProof("stored", this.#grant.key, hash) };
  }
}
