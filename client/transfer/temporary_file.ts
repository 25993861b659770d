import { createHash, type Hash } from "node:crypto";
import { directoryOf, syncDirectory } from "../file/durable_file.ts";
import { fileError } from "../file/file_error.ts";
import { type FileContent, TransferError } from "./transfer.ts";

/** Bytes that are hashed in one go. */
const BUFFER_BYTES = 1024 * 1024;

/** Bytes after which what was written is synced while more is on its way. */
const SYNC_BYTES = 32 * 1024 * 1024;

/**
 * A file that is on its way: it lies beside its place, under a name that its hash gives, until it is whole. So a later
 * download of the same content goes on with it; one that runs at the same time gets a file of its own.
 */
export class TemporaryFile {
  /** Where the whole file is to be. */
  readonly #target: string;
  readonly #path: string;
  readonly #file: Deno.FsFile;
  /** A second handle, because what syncs one holds up what is written to it. */
  readonly #synced: Deno.FsFile;
  #hash: Hash = createHash("sha256");
  #length: number;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(target: string, path: string, file: Deno.FsFile, synced: Deno.FsFile, length: number) {
    this.#target = target;
    this.#path = path;
    this.#file = file;
    this.#synced = synced;
    this.#length = length;
  }

  /**
   * Opens it with what an earlier download left.
   *
   * @throws {TransferError} There can be no file.
   */
  static async open(target: string, { size, hash }: FileContent): Promise<TemporaryFile> {
    const directory = directoryOf(target);
    const path = `${directory}.wirepost-${hash.slice(0, 16)}.part`;
    try {
      return await TemporaryFile.#open(target, path, size) ??
        (await TemporaryFile.#open(target, `${directory}.wirepost-${crypto.randomUUID()}.part`, size))!;
    } catch (error) {
      throw cannot(target, error);
    }
  }

  /** Undefined where somebody else has it, or it is no file of ours. */
  static async #open(target: string, path: string, size: number): Promise<TemporaryFile | undefined> {
    let file: Deno.FsFile;
    try {
      file = await Deno.open(path, { read: true, write: true, createNew: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      // what a link leads to is not ours to write to
      if (!(await Deno.lstat(path)).isFile) return undefined;
      file = await Deno.open(path, { read: true, write: true });
    }
    let synced: Deno.FsFile | undefined;
    try {
      const opened = await file.stat(), named = await Deno.lstat(path);
      const isSame = named.isFile && named.ino === opened.ino && named.dev === opened.dev;
      if (isSame && await isOurs(file)) {
        synced = await Deno.open(path, { write: true });
        return new TemporaryFile(target, path, file, synced, opened.size > size ? 0 : opened.size);
      }
    } finally {
      if (synced === undefined) file.close();
    }
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length;
  }

  /** Hashes what is there at first, and tells how far that is. */
  async hashBefore(progress: (done: number) => void) {
    const buffer = new Uint8Array(BUFFER_BYTES);
    let done = 0;
    while (done < this.#length) {
      const read = await this.#do(this.#file.read(buffer.subarray(0, this.#length - done)));
      if (read === null) break;
      this.#hash.update(buffer.subarray(0, read));
      progress(done += read);
    }
    this.#length = done;
    await this.#do(this.#file.truncate(done));
    await this.#do(this.#file.seek(done, Deno.SeekMode.Start));
  }

  /** Appends the bytes, which must not change until this resolves. */
  append(bytes: Uint8Array): Promise<void> {
    const written = this.#do(this.#write(bytes));
    // while the disk has its turn
    this.#hash.update(bytes);
    return written;
  }

  /** SHA-256 of what is there; nothing can be appended any more. */
  digest(): string {
    return this.#hash.digest("hex");
  }

  /** Begins anew. */
  async clear() {
    this.#hash = createHash("sha256");
    this.#length = 0;
    await this.#do(this.#file.truncate(0));
    await this.#do(this.#file.seek(0, Deno.SeekMode.Start));
  }

  /**
   * Puts the whole file on disk and in its place.
   *
   * @returns Whether it is there; false where another file is.
   */
  async give(force: boolean): Promise<boolean> {
    await this.#do(this.#sync());
    this.#release();
    const isGiven = await this.#do(force ? this.#replace() : this.#link());
    if (isGiven) await syncDirectory(directoryOf(this.#target));
    return isGiven;
  }

  /** Closes it; keeps it for a later download where that is of use, else removes it. Never rejects. */
  async close(isKept: boolean) {
    await this.#syncing?.catch(() => {});
    this.#release();
    if (!isKept || this.#length === 0) await Deno.remove(this.#path).catch(() => {});
  }

  async #write(bytes: Uint8Array) {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    this.#length += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced < SYNC_BYTES || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    // the sync at the end says what there is to say
    this.#syncing = this.#synced.syncData().catch(() => {}).finally(() => this.#syncing = undefined);
  }

  async #sync() {
    await this.#syncing;
    await this.#file.sync();
  }

  async #replace(): Promise<boolean> {
    await Deno.rename(this.#path, this.#target);
    return true;
  }

  /** A link is the one way to a name that never replaces what has it. */
  async #link(): Promise<boolean> {
    try {
      await Deno.link(this.#path, this.#target);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      return await this.#giveWithoutLink();
    }
  }

  /** For file systems without links: takes the name with an empty file, which the whole one replaces. */
  async #giveWithoutLink(): Promise<boolean> {
    try {
      (await Deno.open(this.#target, { write: true, createNew: true })).close();
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    }
    await Deno.rename(this.#path, this.#target);
    return true;
  }

  #release() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#file.close();
    this.#synced.close();
  }

  async #do<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw cannot(this.#target, error);
    }
  }
}

function cannot(path: string, error: unknown): TransferError {
  return new TransferError(`Cannot save '${path}': ${fileError(error)}`);
}

/** Whether no other program is writing to it. A Deno that can't tell without waiting takes it to be so. */
async function isOurs(file: object): Promise<boolean> {
  const { tryLock } = file as { tryLock?: (exclusive: boolean) => Promise<boolean> };
  return await tryLock?.call(file, true) ?? true;
}
