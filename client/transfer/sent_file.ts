import { createHash, type Hash } from "node:crypto";
import { MAX_FILE_BYTES } from "../../protocol/transfer.ts";
import { fileError } from "../file/file_error.ts";
import { TransferError } from "./transfer.ts";

/** Bytes that are read, hashed or sent in one go. */
const BUFFER_BYTES = 512 * 1024;

/**
 * Milliseconds within which a change can leave a file's times as they were: they go in steps, on FAT of 2 s, elsewhere of
 * a clock's tick. So a file that was changed so shortly before it was opened is read once more.
 */
const TIME_STEP = 2000;

/** What of a file's state a change of its content changes too. */
type Stamp = Record<"size" | "modified" | "changed", number>;

/**
 * A file that is sent, and hashed on its way, so that it is read once. Its hash is that of one state of it: of a file
 * that changes while it is hashed there is none.
 */
export class SentFile implements Disposable {
  readonly path: string;
  readonly #file: Deno.FsFile;
  readonly #stamp: Stamp;
  /** Whether a change since then could leave no trace in its times. */
  readonly #isFresh: boolean;
  /** Of the first `#hashed` bytes. */
  readonly #state: Hash = createHash("sha256");
  #hashed = 0;
  #hash: string | undefined;

  private constructor(path: string, file: Deno.FsFile, stamp: Stamp) {
    this.path = path;
    this.#file = file;
    this.#stamp = stamp;
    this.#isFresh = stamp.modified > Date.now() - TIME_STEP;
  }

  /** @throws {TransferError} It can't be read, or has more than 4 GiB. */
  static async open(path: string): Promise<SentFile> {
    let file: Deno.FsFile;
    try {
      // to open a pipe is to wait for somebody who writes to it
      if (!(await Deno.stat(path)).isFile) throw cannot(path, "it is no file");
      file = await Deno.open(path);
    } catch (error) {
      throw error instanceof TransferError ? error : cannot(path, fileError(error));
    }
    try {
      const info = await file.stat();
      if (!info.isFile) throw cannot(path, "it is no file");
      if (info.size > MAX_FILE_BYTES) throw cannot(path, "it has more than 4 GiB");
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

  /** SHA-256 of the whole; undefined until {@linkcode finish}. */
  get hash(): string | undefined {
    return this.#hash;
  }

  /**
   * SHA-256 of the first bytes, which it hashes as far as they were not read before.
   *
   * @param progress Takes how many have been hashed.
   * @returns Undefined where more than these have been hashed already, which can't be taken back.
   */
  async hashOf(length: number, progress: (done: number) => void): Promise<string | undefined> {
    for await (const piece of this.#pieces(this.#hashed, length)) {
      this.#add(piece, this.#hashed);
      progress(this.#hashed);
    }
    return this.#hashed === length ? this.#state.copy().digest("hex") : undefined;
  }

  /**
   * Sends what is behind `offset`, and hashes what of it was not read before. What is before it has been hashed.
   *
   * @param write Sends a piece, which is good until it resolves.
   */
  async send(offset: number, write: (piece: Uint8Array) => Promise<void>) {
    let done = offset;
    for await (const piece of this.#pieces(offset, this.size)) {
      const writing = write(piece);
      // whoever waits for it hears of it; here it could be too early
      writing.catch(() => {});
      // while the network has its turn
      this.#add(piece, done);
      done += piece.length;
      await writing;
    }
  }

  /**
   * Looks whether the file's size and times are what they were when it was opened.
   *
   * @throws {TransferError} They are not.
   */
  async check() {
    const now = stampOf(await this.#file.stat()), { size, modified, changed } = this.#stamp;
    if (now.size !== size || now.modified !== modified || now.changed !== changed) throw this.#changed();
  }

  /**
   * Looks whether the file is what it was when it was opened. All of it has been sent.
   *
   * @param progress Takes how many bytes have been hashed again.
   * @returns The hash of the whole.
   * @throws {TransferError} It has changed.
   */
  async finish(progress: (done: number) => void): Promise<string> {
    await this.check();
    if (this.#hash !== undefined) return this.#hash;
    const hash = this.#state.copy().digest("hex");
    if (this.#isFresh && await this.#hashAgain(progress) !== hash) throw this.#changed();
    return this.#hash = hash;
  }

  [Symbol.dispose]() {
    this.#file.close();
  }

  /** What was read once and is the same now was there in between: one state of the file. */
  async #hashAgain(progress: (done: number) => void): Promise<string> {
    const hash = createHash("sha256");
    let done = 0;
    for await (const piece of this.#pieces(0, this.size)) {
      hash.update(piece);
      progress(done += piece.length);
    }
    return hash.digest("hex");
  }

  /** Hashes what of the piece was not hashed before. */
  #add(piece: Uint8Array, offset: number) {
    const known = this.#hashed - offset;
    if (known >= piece.length) return;
    this.#state.update(piece.subarray(known));
    this.#hashed = offset + piece.length;
  }

  /** The bytes between two places, each piece good until the next is asked for, which is read meanwhile. */
  async *#pieces(from: number, to: number): AsyncGenerator<Uint8Array> {
    if (from >= to) return;
    let buffer = new Uint8Array(BUFFER_BYTES), other = new Uint8Array(BUFFER_BYTES);
    let left = to - from;
    const read = async (into: Uint8Array) => {
      if (left === 0) return 0;
      try {
        return await this.#file.read(into.subarray(0, Math.min(into.length, left))) ?? 0;
      } catch (error) {
        throw cannot(this.path, fileError(error));
      }
    };
    await this.#file.seek(from, Deno.SeekMode.Start);
    let reading = read(buffer);
    try {
      for (let bytes; (bytes = await reading) > 0;) {
        left -= bytes;
        const piece = buffer.subarray(0, bytes);
        [buffer, other] = [other, buffer];
        reading = read(buffer);
        // whoever asks for the next piece hears of it
        reading.catch(() => {});
        yield piece;
      }
      if (left > 0) throw this.#changed();
    } finally {
      // the file's place is another's then
      await reading.catch(() => {});
    }
  }

  #changed(): TransferError {
    return cannot(this.path, "it changed while it was sent", "hash");
  }
}

function stampOf({ size, mtime, ctime }: Deno.FileInfo): Stamp {
  return { size, modified: mtime?.getTime() ?? 0, changed: ctime?.getTime() ?? 0 };
}

function cannot(path: string, why: string, code?: "hash"): TransferError {
  return new TransferError(`Cannot send '${path}': ${why}`, code === undefined ? {} : { code });
}
