import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import { directoryOf } from "../file/durable_file.ts";
import { freeSpace } from "../file/free_space.ts";
import { TemporaryFile } from "./temporary_file.ts";
import { type AttemptOptions, Attempts, cannot, type FileContent, TransferError } from "./transfer.ts";
import { MALFORMED, type Ticket, TransferConnection } from "./transfer_connection.ts";
import { hasCode } from "../file/system.ts";
import { system } from "../file/this_system.ts";

interface DownloadOptions extends AttemptOptions {
  /** Where the file is saved: a name that does not exist yet. */
  path: string;
  /** Whether an existing file is replaced. */
  force?: boolean;
  /** Most bytes that the file may have; by default 4 GiB, the most that a server may hold. */
  maxSize?: number | undefined;
  /**
   * Asks the server, over the session, for a ticket for one attempt. What it throws ends the download.
   *
   * @param attempt Counts from 0.
   */
  ticket(attempt: number): Promise<FileContent & Ticket>;
}

/**
 * Fetches a file and checks it; it appears under its name when it is whole and on disk. After a lost connection it goes on
 * with what is there; so does a later download of the same content to the same directory.
 *
 * @throws {TransferError} The file can't be written, exists already or is too large, or the server refuses it.
 * @throws The reason of `signal`, and what `ticket` throws.
 */
export async function download(options: DownloadOptions): Promise<FileContent> {
  const { path, force = false, maxSize = MAX_FILE_BYTES, signal } = options, save = `save '${path}'`;
  signal?.throwIfAborted();
  // asked first: that the thread has no such file matters more than what is here
  const { size, hash, ...ticket } = await options.ticket(0);
  if (!force && await exists(path)) throw cannot(save, "it exists already");
  if (size > maxSize) throw cannot(save, `it has ${size} bytes, more than the limit of ${maxSize}`);
  const content = { size, hash };
  const file = await TemporaryFile.open(path, content);
  let isKept = true;
  try {
    const free = await freeSpace(directoryOf(path)), needed = size - file.length;
    // what an earlier download left is kept until there is room
    if (needed > free) {
      throw cannot(save, `it needs ${needed} bytes, and the disk has ${free} left`, { canResume: true });
    }
    await new Download(file, content, options, ticket).run();
    isKept = false;
    if (!await file.save(force)) throw cannot(save, "it exists already");
    return content;
  } catch (error) {
    // a lost connection can be resumed later; a failed disk or a refusal can't
    if (error instanceof TransferError && !error.canResume) isKept = false;
    throw error;
  } finally {
    await file.close(isKept);
  }
}

class Download {
  readonly #file: TemporaryFile;
  readonly #content: FileContent;
  readonly #options: DownloadOptions;
  readonly #attempts: Attempts;
  /** The first one, until it is used. */
  #ticket: Ticket | undefined;
  #tickets = 1;

  constructor(file: TemporaryFile, content: FileContent, options: DownloadOptions, ticket: Ticket) {
    this.#file = file;
    this.#content = content;
    this.#options = options;
    this.#ticket = ticket;
    this.#attempts = new Attempts(options, `fetch '${options.path}'`);
  }

  async run() {
    const { size, hash } = this.#content, { onProgress, signal } = this.#options;
    const before = this.#file.length;
    await this.#file.hashExisting((done) => {
      signal?.throwIfAborted();
      onProgress?.({ step: "hash", done, size });
    });
    await this.#attempts.run(() => this.#attempt());
    if (this.#file.digest() === hash) return;
    if (before > 0) {
      // an earlier download left another content
      await this.#file.clear();
      await this.#attempts.run(() => this.#attempt());
      if (this.#file.digest() === hash) return;
    }
    throw this.#attempts.failure("what came is not what was announced", "hash");
  }

  async #attempt() {
    const { ticket, keys } = this.#ticket ?? await this.#nextTicket();
    this.#ticket = undefined;
    const offset = this.#file.length, request = { kind: "download", ticket, offset } as const;
    using connection = await TransferConnection.open(this.#attempts, request, keys);
    const first = await connection.answer();
    if (first.kind === "no") throw this.#attempts.refused(first);
    if (first.kind !== "from" || first.offset !== offset) {
      throw this.#attempts.failure(MALFORMED);
    }
    await this.#receive(connection);
  }

  async #nextTicket(): Promise<Ticket> {
    const { size, hash, ...ticket } = await this.#options.ticket(this.#tickets++);
    if (size === this.#content.size && hash === this.#content.hash) return ticket;
    throw this.#attempts.failure("it was replaced by another file", "gone");
  }

  /** Reads, hashes and writes at the same time. */
  async #receive(connection: TransferConnection) {
    const { size } = this.#content;
    let writing = Promise.resolve();
    try {
      for (let left = size - this.#file.length; left > 0;) {
        const piece = await connection.piece(left);
        left -= piece.length;
        await writing;
        writing = this.#file.append(piece);
        // awaited below: until then a rejection must not count as unhandled
        writing.catch(() => {});
        this.#attempts.moved(size - left);
        this.#options.onProgress?.({ step: "transfer", done: size - left, size });
      }
    } finally {
      // the disk uses a buffer until then
      await writing;
    }
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await system.lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return false;
    throw cannot(`save '${path}'`, error);
  }
}
