import { createHash } from "node:crypto";
import { MAX_FILE_BYTES } from "../protocol/transfer.ts";
import { fileError } from "./file_error.ts";
import { Attempts, type FileContent, TransferError, type TransferOptions } from "./transfer.ts";
import { CutError, TransferConnection } from "./transfer_connection.ts";

export interface UploadOptions extends TransferOptions {
  /** The file. */
  path: string;
  /**
   * Asks the server, over the session, for a ticket for one attempt. `attempt` counts from 0; from 1 the answer may be
   * `"stored"`: an earlier attempt did it, and only the word of it was lost. What it throws ends the upload.
   */
  ticket(content: FileContent, attempt: number): Promise<string | "stored">;
}

/** Bytes that are read, hashed or sent in one go. */
const BUFFER_BYTES = 1024 * 1024;

/**
 * Hashes a file and sends it; a connection that is cut is made again, and goes on with what the server has.
 *
 * @returns What was sent, when it is in its thread and on the server's disk.
 * @throws {TransferError} The file can't be read, changed while it was sent, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export async function upload(options: UploadOptions): Promise<FileContent> {
  const { path, signal } = options;
  signal?.throwIfAborted();
  let file: Deno.FsFile;
  try {
    // to open a pipe is to wait for somebody who writes to it
    if (!(await Deno.stat(path)).isFile) throw cannot(path, "it is no file");
    file = await Deno.open(path);
  } catch (error) {
    throw error instanceof TransferError ? error : cannot(path, fileError(error));
  }
  try {
    const { isFile, size } = await file.stat();
    if (!isFile) throw cannot(path, "it is no file");
    if (size > MAX_FILE_BYTES) throw cannot(path, "it has more than 4 GiB");
    const content = { size, hash: await hashFile(file, size, options) };
    await new Uploading(file, content, options).run();
    return content;
  } finally {
    file.close();
  }
}

class Uploading {
  readonly #file: Deno.FsFile;
  readonly #content: FileContent;
  readonly #options: UploadOptions;
  readonly #attempts: Attempts;
  #tickets = 0;
  /** Whether what the server had of the file was dropped once already. */
  #isFresh = false;

  constructor(file: Deno.FsFile, content: FileContent, options: UploadOptions) {
    this.#file = file;
    this.#content = content;
    this.#options = options;
    this.#attempts = new Attempts(options, `send '${options.path}'`);
  }

  async run() {
    await this.#attempts.run(async () => {
      // what the server had was not of this file: it has nothing now
      while (!await this.#attempt()) this.#isFresh = true;
    });
  }

  /** Returns whether it is done; false where it is to be sent again from the beginning. */
  async #attempt(): Promise<boolean> {
    const ticket = await this.#options.ticket(this.#content, this.#tickets++);
    if (ticket === "stored") return true;
    using connection = await TransferConnection.open(this.#attempts.target, { kind: "upload", ticket });
    const first = await connection.answer();
    if (first.kind === "stored") return true;
    if (first.kind === "no") throw this.#attempts.refused(first);
    this.#attempts.reached(first.offset);

    const { size } = this.#content;
    if (first.offset > size) throw this.#changed();
    const answer = await this.#send(connection, first.offset);
    if (answer.kind === "stored") return true;
    if (answer.kind !== "no") throw new CutError("the server's answer is none");
    if (answer.code !== "hash") throw this.#attempts.refused(answer);
    if (first.offset > 0 && !this.#isFresh) return false;
    throw this.#changed();
  }

  /** Sends the content, and gives the answer, which may come before all is sent: then the rest is of no use. */
  async #send(connection: TransferConnection, offset: number) {
    const answered = connection.answer(), sending = this.#sendContent(connection, offset);
    const close = () => connection[Symbol.dispose]();
    answered.then(close, close);
    sending.catch(close);
    const [sent, answer] = await Promise.allSettled([sending, answered]);
    if (answer.status === "fulfilled") return answer.value;
    // that the file can't be read explains why there is no answer
    const isCut = sent.status === "fulfilled" || sent.reason instanceof CutError;
    throw isCut ? answer.reason : sent.reason;
  }

  async #sendContent(connection: TransferConnection, offset: number) {
    const { size } = this.#content;
    let done = offset;
    await this.#file.seek(offset, Deno.SeekMode.Start);
    for await (const bytes of pieces(this.#file, size - offset, this.#options)) {
      await connection.write(bytes);
      done += bytes.length;
      this.#options.onProgress?.({ step: "transfer", done, size });
    }
  }

  #changed(): TransferError {
    return new TransferError(`Cannot send '${this.#options.path}': it changed while it was sent`, {
      code: "hash",
    });
  }
}

async function hashFile(file: Deno.FsFile, size: number, options: UploadOptions): Promise<string> {
  const hash = createHash("sha256");
  let done = 0;
  for await (const bytes of pieces(file, size, options)) {
    hash.update(bytes);
    done += bytes.length;
    options.onProgress?.({ step: "hash", done, size });
  }
  return hash.digest("hex");
}

/** The next `length` bytes of a file, each piece good until the next is asked for, which is read meanwhile. */
async function* pieces(
  file: Deno.FsFile,
  length: number,
  { path, signal }: UploadOptions,
): AsyncGenerator<Uint8Array> {
  let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
  let left = length;
  const read = async (into: Uint8Array) => {
    if (left === 0) return 0;
    try {
      return await file.read(into.subarray(0, Math.min(into.length, left))) ?? 0;
    } catch (error) {
      throw cannot(path, fileError(error));
    }
  };
  let reading = read(buffer);
  try {
    for (let bytes; (bytes = await reading) > 0;) {
      signal?.throwIfAborted();
      left -= bytes;
      const piece = buffer.subarray(0, bytes);
      [buffer, other] = [other, buffer];
      reading = read(buffer);
      // whoever asks for the next piece hears of it
      reading.catch(() => {});
      yield piece;
    }
    if (left > 0) throw cannot(path, "it became shorter while it was read");
  } finally {
    // the file's place is another's then
    await reading.catch(() => {});
  }
}

function cannot(path: string, why: string): TransferError {
  return new TransferError(`Cannot send '${path}': ${why}`);
}
