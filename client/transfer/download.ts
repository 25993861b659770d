import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import { fileError } from "../file/file_error.ts";
import { freeSpace } from "../file/free_space.ts";
import { Attempts, type FileContent, TransferError, type TransferOptions } from "./transfer.ts";
import { TransferConnection } from "./transfer_connection.ts";
import { directoryOf } from "../file/durable_file.ts";
import { TemporaryFile } from "./temporary_file.ts";

export interface DownloadOptions extends TransferOptions {
  /** Where the file is to be: a name that is not there yet. */
  path: string;
  /** Whether a file that is there is replaced. */
  force?: boolean;
  /** Most bytes that the file may have; 4 GiB, the most that a server may hold, by default. */
  maxSize?: number | undefined;
  /**
   * Asks the server, over the session, for a ticket for one attempt. `attempt` counts from 0. What it throws ends the
   * download.
   */
  ticket(attempt: number): Promise<FileContent & { ticket: string }>;
}

/** Bytes that are read, hashed and written in one go. */
const BUFFER_BYTES = 512 * 1024;

/**
 * Fetches a file and checks it; it appears under its name when it is whole and on disk. A connection that is cut is
 * made again, and goes on with what is there; so does a later download of the same content to the same directory.
 *
 * @throws {TransferError} The file can't be written, is there already or too large, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export async function download(options: DownloadOptions): Promise<FileContent> {
  const { path, force = false, maxSize = MAX_FILE_BYTES, signal } = options;
  signal?.throwIfAborted();
  // that there is no such file in the thread says more than what is there under its name here
  const { ticket, size, hash } = await options.ticket(0);
  if (!force && await exists(path)) throw cannot(path, "it is there already");
  if (size > maxSize) throw cannot(path, `it has ${size} bytes, and may have ${maxSize}`);
  const content = { size, hash };
  const file = await TemporaryFile.open(path, content);
  let isKept = true;
  try {
    const free = await freeSpace(directoryOf(path)), needed = size - file.length;
    // what an earlier download left is kept until there is room
    if (needed > free) throw cannot(path, `it needs ${needed} bytes, and the disk has ${free} left`, true);
    await new Downloading(file, content, options, ticket).run();
    isKept = false;
    if (!await file.give(force)) throw cannot(path, "it is there already");
    return content;
  } catch (error) {
    // what the network interrupts can go on later; what the disk or the server refuses can't
    if (error instanceof TransferError && !error.canResume) isKept = false;
    throw error;
  } finally {
    await file.close(isKept);
  }
}

class Downloading {
  readonly #file: TemporaryFile;
  readonly #content: FileContent;
  readonly #options: DownloadOptions;
  readonly #attempts: Attempts;
  /** The first one, until it is used. */
  #ticket: string | undefined;
  #tickets = 1;

  constructor(file: TemporaryFile, content: FileContent, options: DownloadOptions, ticket: string) {
    this.#file = file;
    this.#content = content;
    this.#options = options;
    this.#ticket = ticket;
    this.#attempts = new Attempts(options, `fetch '${options.path}'`);
  }

  async run() {
    const { size, hash } = this.#content, { onProgress, signal } = this.#options;
    const before = this.#file.length;
    await this.#file.hashBefore((done) => {
      signal?.throwIfAborted();
      onProgress?.({ step: "hash", done, size });
    });
    await this.#attempts.run(() => this.#attempt());
    if (this.#file.digest() === hash) return;
    if (before > 0) {
      // what an earlier download left was not of this file
      await this.#file.clear();
      await this.#attempts.run(() => this.#attempt());
      if (this.#file.digest() === hash) return;
    }
    throw new TransferError(
      `Cannot fetch '${this.#options.path}': what came is not what was announced`,
      { code: "hash" },
    );
  }

  async #attempt() {
    const ticket = this.#ticket ?? await this.#nextTicket();
    this.#ticket = undefined;
    const { size } = this.#content, offset = this.#file.length;
    using connection = await TransferConnection.open(this.#attempts.target, {
      kind: "download",
      ticket,
      offset,
    });
    const first = await connection.answer();
    if (first.kind === "no") throw this.#attempts.refused(first);
    if (first.kind !== "from" || first.offset !== offset) {
      throw new TransferError(`Cannot fetch '${this.#options.path}': the server's answer is none`);
    }
    await this.#receive(connection, size);
  }

  async #nextTicket(): Promise<string> {
    const { ticket, size, hash } = await this.#options.ticket(this.#tickets++);
    if (size === this.#content.size && hash === this.#content.hash) return ticket;
    throw new TransferError(`Cannot fetch '${this.#options.path}': it was replaced by another file`, {
      code: "gone",
    });
  }

  /** Reads, hashes and writes at the same time. */
  async #receive(connection: TransferConnection, size: number) {
    const { onProgress } = this.#options;
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    let writing = Promise.resolve();
    try {
      for (let left = size - this.#file.length; left > 0;) {
        const read = await connection.read(buffer.subarray(0, Math.min(buffer.length, left)));
        left -= read;
        await writing;
        writing = this.#file.append(buffer.subarray(0, read));
        // whoever waits for it hears of it; here it could be too early
        writing.catch(() => {});
        [buffer, other] = [other, buffer];
        this.#attempts.reached(size - left);
        onProgress?.({ step: "transfer", done: size - left, size });
      }
    } finally {
      // a buffer is the disk's until then
      await writing;
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw cannot(path, fileError(error));
  }
}

function cannot(path: string, why: string, canResume = false): TransferError {
  return new TransferError(`Cannot save '${path}': ${why}`, { canResume });
}
