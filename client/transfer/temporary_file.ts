import { createHash, type Hash } from "node:crypto";
import { directoryOf, syncDirectory } from "../file/durable_file.ts";
import { cannot, type FileContent } from "./transfer.ts";
import { hasCode, type OpenFile } from "../file/system.ts";
import { system } from "../file/this_system.ts";

/** Bytes that are hashed in one go. */
const BUFFER_BYTES = 1024 * 1024;

/** Bytes after which what was written is synced while more arrives. */
const SYNC_BYTES = 32 * 1024 * 1024;

/**
 * Where there are no locks, a file that was changed so shortly before may be in use, in milliseconds: a download writes to
 * it more often than that, or ends.
 */
const IN_USE_MS = 120_000;

/** Paths of those that are open in this program, where there are no locks. */
const open = new Set<string>();

/**
 * A file that is being downloaded. Until it is whole it has a name in the target's directory that is made from its hash:
 * a later download of the same content goes on with it. One that runs at the same time gets a file of its own.
 */
export class TemporaryFile {
  /** Where the whole file is to be. */
  readonly #target: string;
  readonly #path: string;
  readonly #file: OpenFile;
  /** A second handle, because a handle can't be written to while it is synced. */
  readonly #synced: OpenFile;
  #hash: Hash = createHash("sha256");
  /** Bytes that are there. */
  length: number;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(target: string, path: string, file: OpenFile, synced: OpenFile, length: number) {
    this.#target = target;
    this.#path = path;
    this.#file = file;
    this.#synced = synced;
    this.length = length;
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
      throw cannot(`save '${target}'`, error);
    }
  }

  /** Undefined if another program uses it, or it is something else. */
  static async #open(target: string, path: string, size: number): Promise<TemporaryFile | undefined> {
    let file = await create(path, true);
    const isNew = file !== undefined;
    if (file === undefined) {
      // a link may lead to a file that must not be written to
      if (!(await system.lstat(path)).isFile) return undefined;
      file = await system.open(path, { read: true, write: true });
    }
    let synced: OpenFile | undefined;
    try {
      const opened = await file.stat(), named = await system.lstat(path);
      const isSame = named.isFile && named.ino === opened.ino && named.dev === opened.dev;
      if (isSame && await claim(file, path, isNew ? null : opened.mtime)) {
        if (opened.size > size) await file.truncate(0);
        synced = await system.open(path, { write: true });
        return new TemporaryFile(target, path, file, synced, opened.size > size ? 0 : opened.size);
      }
    } finally {
      if (synced === undefined) file.close();
    }
  }

  /** Hashes what is there at first, and reports how many bytes are done. */
  async hashExisting(progress: (done: number) => void) {
    const buffer = new Uint8Array(BUFFER_BYTES);
    let done = 0;
    while (done < this.length) {
      const read = await this.#do(this.#file.read(buffer.subarray(0, this.length - done)));
      if (read === null) break;
      this.#hash.update(buffer.subarray(0, read));
      progress(done += read);
    }
    // what is there is kept: if another program writes to it after all, it writes the same
    if (done < this.length) await this.#truncate(done);
    else await this.#do(this.#file.seek(done, 0));
  }

  /** Appends the bytes, which must not change until this resolves. */
  append(bytes: Uint8Array): Promise<void> {
    const written = this.#do(this.#write(bytes));
    // while the disk is busy
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
    await this.#truncate(0);
  }

  /**
   * Syncs the whole file and gives it its name.
   *
   * @returns False if another file has the name.
   */
  async save(force: boolean): Promise<boolean> {
    const save = async () => {
      await this.#syncing;
      await this.#file.sync();
      this.#release();
      if (force) await system.rename(this.#path, this.#target);
      else if (!await this.#rename()) return false;
      await syncDirectory(directoryOf(this.#target));
      return true;
    };
    return await this.#do(save());
  }

  /** Closes it; keeps it for a later download, if there is something to keep, or removes it. Never rejects. */
  async close(isKept: boolean) {
    await this.#syncing?.catch(() => {});
    this.#release();
    if (!isKept || this.length === 0) await system.remove(this.#path).catch(() => {});
    else if (this.#file.tryLock === undefined) await setTime(this.#path, 0).catch(() => {});
    open.delete(this.#path);
  }

  async #write(bytes: Uint8Array) {
    for (let at = 0; at < bytes.length;) at += await this.#file.write(bytes.subarray(at));
    this.length += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced < SYNC_BYTES || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    // a failure shows again in the sync at the end
    this.#syncing = this.#synced.syncData().catch(() => {}).finally(() => this.#syncing = undefined);
  }

  async #truncate(length: number) {
    this.length = length;
    await this.#do(this.#file.truncate(length));
    await this.#do(this.#file.seek(length, 0));
  }

  /** Gives the file its name, unless another file has it. Only a link never replaces a file. */
  async #rename(): Promise<boolean> {
    try {
      await system.link(this.#path, this.#target);
      return true;
    } catch (error) {
      if (hasCode(error, "EEXIST")) return false;
    }
    // the file system has no links: an empty file takes the name, and is replaced
    const empty = await create(this.#target);
    if (empty === undefined) return false;
    empty.close();
    await system.rename(this.#path, this.#target);
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
      throw cannot(`save '${this.#target}'`, error);
    }
  }
}

/** Creates a file; undefined if the name is taken. */
async function create(path: string, read = false): Promise<OpenFile | undefined> {
  try {
    return await system.open(path, { read, write: true, createNew: true });
  } catch (error) {
    if (hasCode(error, "EEXIST")) return undefined;
    throw error;
  }
}

/** Whether no other program writes to it: from now on this one does. */
async function claim(file: OpenFile, path: string, changed: Date | null): Promise<boolean> {
  if (file.tryLock !== undefined) return await file.tryLock(true);
  if (open.has(path) || changed !== null && Date.now() - changed.getTime() < IN_USE_MS) return false;
  open.add(path);
  await setTime(path, Date.now());
  return true;
}

async function setTime(path: string, ms: number) {
  await system.utime(path, new Date(ms), new Date(ms));
}
