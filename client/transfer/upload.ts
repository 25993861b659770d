import { isUploadProof, uploadProof } from "../../protocol/transfer.ts";
import { SentFile } from "./sent_file.ts";
import { type AttemptOptions, Attempts, ConnectionLostError, type FileContent } from "./transfer.ts";
import { MALFORMED, type Ticket, TransferConnection } from "./transfer_connection.ts";

export interface UploadOptions extends AttemptOptions {
  /** The file. */
  path: string;
  /**
   * Asks the server, over the session, for a ticket for one attempt. What it throws ends the upload.
   *
   * @param content The hash is known once all of the file has been read. From then on the result may be `"stored"`: an
   * earlier attempt succeeded, and only its answer was lost.
   * @param attempt Counts from 0.
   * @returns The ticket, and the key that proves the content: 32 bytes in base64url.
   */
  ticket(
    content: { size: number; hash: string | undefined },
    attempt: number,
  ): Promise<Ticket & { key: string } | "stored">;
}

/**
 * Sends a file, which is read once. After a lost connection it goes on with what the server has.
 *
 * @returns What was sent, once it is in its thread and on the server's disk.
 * @throws {TransferError} The file can't be read, changed while it was sent, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export async function upload(options: UploadOptions): Promise<FileContent> {
  options.signal?.throwIfAborted();
  using file = await SentFile.open(options.path);
  await new Upload(file, options).run();
  return { size: file.size, hash: file.hash! };
}

class Upload {
  readonly #file: SentFile;
  readonly #options: UploadOptions;
  readonly #attempts: Attempts;
  #tickets = 0;
  /** Whether the server has dropped other content once already. */
  #isFresh = false;

  constructor(file: SentFile, options: UploadOptions) {
    this.#file = file;
    this.#options = options;
    this.#attempts = new Attempts(options, `send '${options.path}'`);
  }

  async run() {
    // the server had other content, and has dropped it
    while (!await this.#attempts.run(() => this.#attempt())) this.#isFresh = true;
  }

  /** Returns whether it is done; false if it is to be sent again from the beginning. */
  async #attempt(): Promise<boolean> {
    const { size, hash } = this.#file;
    const issued = await this.#options.ticket({ size, hash }, this.#tickets++);
    if (issued === "stored") return this.#expect(hash !== undefined);
    const { ticket, key, keys } = issued;
    using connection = await TransferConnection.open(this.#attempts, { kind: "upload", ticket }, keys);
    const first = await connection.answer();
    if (first.kind === "stored") return this.#expect(this.#proves(first.mac, key));
    if (first.kind === "no") throw this.#attempts.refused(first);
    const offset = await this.#isOurs(first) ? first.offset : 0;
    this.#attempts.moved(offset);
    await connection.send({ kind: "from", offset });

    const answer = await this.#send(connection, offset, key);
    if (answer.kind === "stored") return this.#expect(this.#proves(answer.mac, key));
    if (answer.kind !== "no") throw new ConnectionLostError(MALFORMED);
    if (answer.code !== "hash") throw this.#attempts.refused(answer);
    if (offset > 0 && !this.#isFresh) return false;
    await this.#file.check();
    throw this.#attempts.failure("what arrived is not what was sent", "hash");
  }

  /** Whether the server proves that it has all of the file. */
  #proves(mac: string, key: string): boolean {
    const { hash } = this.#file;
    return hash !== undefined && isUploadProof(mac, "stored", key, hash);
  }

  /** An answer that the server can't give is like a lost connection. */
  #expect(isRight: boolean): true {
    if (!isRight) throw new ConnectionLostError(MALFORMED);
    return true;
  }

  /** Whether what the server has is the beginning of the file, if that is still known. */
  async #isOurs({ offset, hash }: { offset: number; hash?: string }): Promise<boolean> {
    if (offset > this.#file.size) return false;
    const own = await this.#file.hashOf(offset, this.#hashing);
    return own === undefined || own === hash;
  }

  /** Sends the content, and returns the answer. If that comes before all is sent, the rest is not needed. */
  async #send(connection: TransferConnection, offset: number, key: string) {
    const answered = connection.answer(), sending = this.#sendContent(connection, offset, key);
    const close = () => connection[Symbol.dispose]();
    answered.then(close, close);
    sending.catch(close);
    const [sent, answer] = await Promise.allSettled([sending, answered]);
    if (answer.status === "fulfilled") return answer.value;
    // if the file can't be read, that is why there is no answer
    const isLost = sent.status === "fulfilled" || sent.reason instanceof ConnectionLostError;
    throw isLost ? answer.reason : sent.reason;
  }

  async #sendContent(connection: TransferConnection, offset: number, key: string) {
    const { onProgress } = this.#options, { size } = this.#file;
    let done = offset;
    await this.#file.send(offset, async (piece) => {
      await connection.write(piece);
      done += piece.length;
      this.#attempts.moved(done);
      onProgress?.({ step: "transfer", done, size });
    });
    const hash = await this.#file.finish(this.#hashing);
    await connection.send({ kind: "sum", mac: uploadProof("sum", key, hash) }, true);
  }

  #hashing = (done: number) => {
    const { onProgress, signal } = this.#options;
    signal?.throwIfAborted();
    this.#attempts.worked();
    onProgress?.({ step: "hash", done, size: this.#file.size });
  };
}
