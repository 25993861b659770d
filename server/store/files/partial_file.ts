import { createHash, type Hash } from "node:crypto";
import { ContentDisk } from "./content_disk.ts";

/** Bytes after which what was written is synced while more arrives, so that little is left for the end. */
const SYNC_BYTES = 32 * 1024 * 1024;

/** Bytes that are hashed in one go: it takes less than a millisecond, so that other services are served in between. */
const HASH_BYTES = 1024 * 1024;

/**
 * The first part of a file, and its hash. It is opened for each attempt at the rest; between two attempts it needs no
 * descriptor. If a call rejects, there was no room, and only {@linkcode remove} may follow.
 */
export class PartialFile {
  readonly path: string;
  readonly #disk: ContentDisk;
  #file: Deno.FsFile | undefined;
  /** A second handle, because a handle can't be written to while it is synced. */
  #synced: Deno.FsFile | undefined;
  /** Of the first `length` bytes; undefined if they are of an earlier run and not read yet. */
  #hash: Hash | undefined;
  #length: number;
  #unsynced: number;
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;

  /** @param length Bytes that an earlier run left. */
  constructor(path: string, length: number, disk = new ContentDisk()) {
    this.path = path;
    this.#disk = disk;
    this.#length = length;
    // it may have been killed before it synced them
    this.#unsynced = length;
    if (length === 0) this.#hash = createHash("sha256");
  }

  /** Bytes that are there and hashed; after {@linkcode close} they are on disk. */
  get length(): number {
    return this.#length;
  }

  /** Opens it, to append behind what is there. */
  async open() {
    await this.#disk.attempt(`open ${this.path}`, async () => {
      this.#file = await Deno.open(this.path, { read: true, write: true, create: true, mode: 0o600 });
      this.#synced = await Deno.open(this.path, { write: true });
      this.#hash ??= await this.#rehash(this.#file);
    });
    await this.#cut(this.#length);
  }

  /** Appends the bytes, which must not change until this resolves, and may be at most 1 MiB. */
  append(bytes: Uint8Array): Promise<void> {
    const written = this.#write(bytes);
    // while the disk is busy
    this.#hash!.update(bytes);
    return written;
  }

  /** Syncs and closes it. */
  async close() {
    try {
      await this.#syncing;
      if (this.#unsynced > 0) await this.#sync(this.#file);
      this.#unsynced = 0;
    } finally {
      this.#release();
    }
  }

  /** SHA-256 of what is there, 64 lower-case hexadecimal digits. It has been opened. */
  get hash(): string {
    return this.#hash!.copy().digest("hex");
  }

  /** Begins anew. It is open. */
  async clear() {
    this.#hash = createHash("sha256");
    this.#length = 0;
    await this.#cut(0);
  }

  /** Closes and removes it. Never rejects. */
  async remove() {
    await this.#syncing.catch(() => {});
    this.#release();
    await Deno.remove(this.path).catch(() => {});
  }

  async #cut(length: number) {
    await this.#disk.attempt(`write ${this.path}`, async () => {
      await this.#file!.truncate(length);
      await this.#file!.seek(length, Deno.SeekMode.Start);
    });
  }

  async #sync(file: Deno.FsFile | undefined) {
    await this.#disk.attempt(`sync ${this.path}`, async () => await file?.syncData());
  }

  #release() {
    this.#file?.close();
    this.#synced?.close();
    this.#file = this.#synced = undefined;
  }

  async #write(bytes: Uint8Array) {
    await this.#disk.attempt(`write ${this.path}`, async () => {
      for (let at = 0; at < bytes.length;) at += await this.#file!.write(bytes.subarray(at));
    });
    this.#length += bytes.length;
    this.#unsynced += bytes.length;
    if (this.#unsynced >= SYNC_BYTES && !this.#isSyncing) this.#syncLater();
  }

  #syncLater() {
    this.#unsynced = 0;
    this.#isSyncing = true;
    this.#syncing = this.#sync(this.#synced).finally(() => this.#isSyncing = false);
    // close() awaits it: until then a rejection must not count as unhandled
    this.#syncing.catch(() => {});
  }

  /**
   * Hashes what an earlier run left; after a power cut that may be less than the file's size. What cannot be read is sent
   * again.
   */
  async #rehash(file: Deno.FsFile): Promise<Hash> {
    try {
      return await this.#hashOf(file);
    } catch {
      this.#length = 0;
      return createHash("sha256");
    }
  }

  async #hashOf(file: Deno.FsFile): Promise<Hash> {
    const hash = createHash("sha256"), buffer = new Uint8Array(HASH_BYTES);
    let length = 0;
    while (length < this.#length) {
      const read = await file.read(buffer.subarray(0, Math.min(buffer.length, this.#length - length)));
      if (read === null) break;
      hash.update(buffer.subarray(0, read));
      length += read;
    }
    this.#length = length;
    return hash;
  }
}
