import { createHash, type Hash } from "node:crypto";
import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import { cannot, TransferError } from "./transfer.ts";
import type { FileInfo, OpenFile } from "../file/system.ts";
import { system } from "../file/this_system.ts";

/** Bytes that are read, hashed or sent in one go. */
const BUFFER_BYTES = 512 * 1024;

/**
 * Milliseconds within which a second change may leave a file's times as they are: FAT has steps of 2 s, others of a clock
 * tick. So a file that was changed so shortly before it was opened is read once more.
 */
const TIME_STEP_MS = 2000;

/** What changes with a file's content. */
type Stamp = Record<"size" | "modified" | "changed", number>;

/**
 * A file that is hashed while it is sent, so that it is read once. The hash is that of one state of the file: if it
 * changes meanwhile, there is none.
 */
export class SentFile implements Disposable {
  readonly #path: string;
  readonly #file: OpenFile;
  readonly #stamp: Stamp;
  /** Whether a change since then may leave its times as they are. */
  readonly #isFresh: boolean;
  /** Of the first `#hashed` bytes. */
  readonly #state: Hash = createHash("sha256");
  #hashed = 0;
  /** SHA-256 of the whole; undefined until {@linkcode finish}. */
  hash: string | undefined;

  private constructor(path: string, file: OpenFile, stamp: Stamp) {
    this.#path = path;
    this.#file = file;
    this.#stamp = stamp;
    this.#isFresh = stamp.modified > Date.now() - TIME_STEP_MS;
  }

  /** @throws {TransferError} It can't be read, or has more than 4 GiB. */
  static async open(path: string): Promise<SentFile> {
    const send = `send '${path}'`;
    let file: OpenFile;
    try {
      // opening a pipe would wait for another program
      if (!(await system.stat(path)).isFile) throw cannot(send, "it is not a file");
      file = await system.open(path);
    } catch (error) {
      throw error instanceof TransferError ? error : cannot(send, error);
    }
    try {
      const info = await file.stat();
      if (!info.isFile) throw cannot(send, "it is not a file");
      if (info.size > MAX_FILE_BYTES) throw cannot(send, "it has more than 4 GiB");
      return new SentFile(path, file, stampOf(info));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** In bytes. */
  get size(): number {
    return this.#stamp.size;
  }

  /**
   * SHA-256 of the first bytes. Those that were not read before are hashed now.
   *
   * @param progress Called with the number of bytes that have been hashed.
   * @returns Undefined if more than these have been hashed already.
   */
  async hashOf(length: number, progress: (done: number) => void): Promise<string | undefined> {
    for await (const piece of this.#pieces(this.#hashed, length)) {
      this.#add(piece, this.#hashed);
      progress(this.#hashed);
    }
    return this.#hashed === length ? this.#state.copy().digest("hex") : undefined;
  }

  /**
   * Sends what is behind `offset`, and hashes what was not read before. What is before it has been hashed.
   *
   * @param write Sends a piece, whose bytes are valid until it resolves.
   */
  async send(offset: number, write: (piece: Uint8Array) => Promise<void>) {
    let done = offset;
    for await (const piece of this.#pieces(offset, this.size)) {
      const writing = write(piece);
      // awaited below: until then a rejection must not count as unhandled
      writing.catch(() => {});
      // while the network is busy
      this.#add(piece, done);
      done += piece.length;
      await writing;
    }
  }

  /**
   * Checks that the file's size and times are what they were when it was opened.
   *
   * @throws {TransferError} They are not.
   */
  async check() {
    const now = stampOf(await this.#file.stat()), { size, modified, changed } = this.#stamp;
    if (now.size !== size || now.modified !== modified || now.changed !== changed) throw this.#changed();
  }

  /**
   * Checks that the file is what it was when it was opened. All of it has been sent.
   *
   * @param progress Called with the number of bytes that have been hashed again.
   * @returns The hash of the whole.
   * @throws {TransferError} It has changed.
   */
  async finish(progress: (done: number) => void): Promise<string> {
    await this.check();
    if (this.hash !== undefined) return this.hash;
    const hash = this.#state.copy().digest("hex");
    if (this.#isFresh && await this.#hashAgain(progress) !== hash) throw this.#changed();
    return this.hash = hash;
  }

  [Symbol.dispose]() {
    this.#file.close();
  }

  /** If the same is read twice, it was one state of the file in between. */
  async #hashAgain(progress: (done: number) => void): Promise<string> {
    const hash = createHash("sha256");
    let done = 0;
    for await (const piece of this.#pieces(0, this.size)) {
      hash.update(piece);
      progress(done += piece.length);
    }
    return hash.digest("hex");
  }

  /** Hashes the part of the piece that was not hashed before. */
  #add(piece: Uint8Array, offset: number) {
    const known = this.#hashed - offset;
    if (known >= piece.length) return;
    this.#state.update(piece.subarray(known));
    this.#hashed = offset + piece.length;
  }

  /** The bytes between two offsets. A piece is valid until the next is asked for, which is read meanwhile. */
  async *#pieces(from: number, to: number): AsyncGenerator<Uint8Array> {
    if (from >= to) return;
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    let left = to - from;
    const read = async (into: Uint8Array) => {
      if (left === 0) return 0;
      try {
        return await this.#file.read(into.subarray(0, Math.min(into.length, left))) ?? 0;
      } catch (error) {
        throw cannot(`send '${this.#path}'`, error);
      }
    };
    await this.#file.seek(from, 0);
    let reading = read(buffer);
    try {
      for (let bytes; (bytes = await reading) > 0;) {
        left -= bytes;
        const piece = buffer.subarray(0, bytes);
        [buffer, other] = [other, buffer];
        reading = read(buffer);
        // awaited for the next piece: until then a rejection must not count as unhandled
        reading.catch(() => {});
        yield piece;
      }
      if (left > 0) throw this.#changed();
    } finally {
      // after that the file may be used again
      await reading.catch(() => {});
    }
  }

  #changed(): TransferError {
    return cannot(`send '${this.#path}'`, "it changed while it was sent", { code: "hash" });
  }
}

function stampOf({ size, mtime, ctime }: FileInfo): Stamp {
  return { size, modified: mtime?.getTime() ?? 0, changed: ctime?.getTime() ?? 0 };
}
