import { isUploadProof, uploadProof } from "../../protocol/transfer.ts";
import { SentFile } from "./sent_file.ts";
import { Attempts, type FileContent, TransferError, type TransferOptions } from "./transfer.ts";
import { ConnectionLostError, TransferConnection } from "./transfer_connection.ts";

/** Allows one attempt at an upload. */
export interface UploadTicket {
  ticket: string;
  /** What the content is proven with: 32 bytes in base64url. */
  key: string;
}

export interface UploadOptions extends TransferOptions {
  /** The file. */
  path: string;
  /**
   * Asks the server, over the session, for a ticket for one attempt. `attempt` counts from 0; `hash` is known when all of
   * the file has been read. From then on the answer may be `"stored"`: an earlier attempt did it, and only the word of it
   * was lost. What it throws ends the upload.
   */
  ticket(
    content: { size: number; hash: string | undefined },
    attempt: number,
  ): Promise<UploadTicket | "stored">;
}

/**
 * Sends a file, which is read once; a connection that is cut is made again, and goes on with what the server has.
 *
 * @returns What was sent, when it is in its thread and on the server's disk.
 * @throws {TransferError} The file can't be read, changed while it was sent, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export async function upload(options: UploadOptions): Promise<FileContent> {
  options.signal?.throwIfAborted();
  using file = await SentFile.open(options.path);
  await new Uploading(file, options).run();
  return { size: file.size, hash: file.hash! };
}

class Uploading {
  readonly #file: SentFile;
  readonly #options: UploadOptions;
  readonly #attempts: Attempts;
  #tickets = 0;
  /** Whether what the server had of the file was dropped once already. */
  #isFresh = false;

  constructor(file: SentFile, options: UploadOptions) {
    this.#file = file;
    this.#options = options;
    this.#attempts = new Attempts(options, `send '${options.path}'`);
  }

  async run() {
    // what the server had was not of this file: it has nothing now
    while (!await this.#attempts.run(() => this.#attempt())) this.#isFresh = true;
  }

  /** Returns whether it is done; false where it is to be sent again from the beginning. */
  async #attempt(): Promise<boolean> {
    const { size, hash } = this.#file;
    const allowed = await this.#options.ticket({ size, hash }, this.#tickets++);
    if (allowed === "stored") return this.#isStored(hash !== undefined);
    const { ticket, key } = allowed;
    using connection = await TransferConnection.open(this.#attempts.target, { kind: "upload", ticket });
    const first = await connection.answer();
    if (first.kind === "stored") return this.#isStored(this.#proves(first.mac, key));
    if (first.kind === "no") throw this.#attempts.refused(first);
    const offset = await this.#isOurs(first) ? first.offset : 0;
    this.#attempts.reached(offset);
    await connection.ask({ kind: "from", offset });

    const answer = await this.#send(connection, offset, key);
    if (answer.kind === "stored") return this.#isStored(this.#proves(answer.mac, key));
    if (answer.kind !== "no") throw new ConnectionLostError("the server's answer is none");
    if (answer.code !== "hash") throw this.#attempts.refused(answer);
    return await this.#mismatched(offset);
  }

  /** Whether the server has all of the file, and says it itself. */
  #proves(mac: string, key: string): boolean {
    const { hash } = this.#file;
    return hash !== undefined && isUploadProof(mac, "stored", key, hash);
  }

  /** True; where it is said by somebody who can't know it, that is as good as a cut. */
  #isStored(isProven: boolean): true {
    if (!isProven) throw new ConnectionLostError("the server's answer is none");
    return true;
  }

  /** Whether what the server has is the beginning of the file, as far as that can be told. */
  async #isOurs({ offset, hash }: { offset: number; hash?: string }): Promise<boolean> {
    if (offset > this.#file.size) return false;
    const own = await this.#file.hashOf(offset, this.#hashing);
    return own === undefined || own === hash;
  }

  /** Sends the content, and gives the answer, which may come before all is sent: then the rest is of no use. */
  async #send(connection: TransferConnection, offset: number, key: string) {
    const answered = connection.answer(), sending = this.#sendContent(connection, offset, key);
    const close = () => connection[Symbol.dispose]();
    answered.then(close, close);
    sending.catch(close);
    const [sent, answer] = await Promise.allSettled([sending, answered]);
    if (answer.status === "fulfilled") return answer.value;
    // that the file can't be read explains why there is no answer
    const isCut = sent.status === "fulfilled" || sent.reason instanceof ConnectionLostError;
    throw isCut ? answer.reason : sent.reason;
  }

  async #sendContent(connection: TransferConnection, offset: number, key: string) {
    const { onProgress } = this.#options, { size } = this.#file;
    let done = offset;
    await this.#file.send(offset, async (piece) => {
      await connection.write(piece);
      done += piece.length;
      this.#attempts.reached(done);
      onProgress?.({ step: "transfer", done, size });
    });
    await connection.ask({
      kind: "sum",
      mac: uploadProof("sum", key, await this.#file.finish(this.#hashing)),
    });
  }

  /** The server has other content than was proven: false where it is to be sent again. */
  async #mismatched(offset: number): Promise<boolean> {
    if (offset > 0 && !this.#isFresh) return false;
    await this.#file.check();
    throw new TransferError(
      `Cannot send '${this.#options.path}': what arrived is not what was sent`,
      { code: "hash" },
    );
  }

  #hashing = (done: number) => {
    const { onProgress, signal } = this.#options;
    signal?.throwIfAborted();
    this.#attempts.worked();
    onProgress?.({ step: "hash", done, size: this.#file.size });
  };
}
