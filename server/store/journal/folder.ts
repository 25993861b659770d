/**
 * What the journal does to its files, and nothing else: so that a test can record it, and stop, tear or refuse it.
 *
 * @module
 */

import { hasNoDescriptor } from "../errors.ts";

export interface JournalFile {
  /** Writes all of it at this place. What is behind the end of the file becomes part of it. */
  writeSync(bytes: Uint8Array, at: number): void;
  /** The same, off the thread. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Makes what was written durable, off the thread. Nothing else may be done with the file until it has ended. */
  sync(): Promise<void>;
  /** The same, in this thread. */
  syncNow(): void;
  close(): void;
}

export interface JournalFolder {
  /** What its names stand behind in messages. */
  readonly path: string;
  /** The names of all its files, in any order. */
  list(): string[];
  /** Bytes of a file. */
  size(name: string): number;
  /** What is in a file: all of it, or what it begins with. */
  read(name: string, bytesMax?: number): Uint8Array;
  /** Opens a file to write to it; creates it if it is not there. */
  open(name: string): Promise<JournalFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Makes durable which files there are, and their names. */
  sync(): Promise<void>;
}

/** Milliseconds after which it is tried again to open the folder, when the process has no descriptor left. */
const RETRY_MS = 100;

/** Only the user of the server may read and write its files (store 1.2). */
const FILE_MODE = 0o600;

/** A folder of the file system. */
export class DiskFolder implements JournalFolder {
  /** The folder must be there. */
  constructor(readonly path: string) {}

  list(): string[] {
    return [...Deno.readDirSync(this.path)].filter(({ isFile }) => isFile).map(({ name }) => name);
  }

  size(name: string): number {
    return Deno.statSync(`${this.path}/${name}`).size;
  }

  read(name: string, bytesMax = Infinity): Uint8Array {
    const path = `${this.path}/${name}`;
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(Math.min(file.statSync().size, bytesMax));
    let done = 0;
    while (done < bytes.length) {
      const count = file.readSync(bytes.subarray(done));
      if (count === null) break;
      done += count;
    }
    return bytes.subarray(0, done);
  }

  async open(name: string): Promise<JournalFile> {
    const path = `${this.path}/${name}`;
    return new DiskFile(await Deno.open(path, { write: true, create: true, mode: FILE_MODE }));
  }

  async rename(from: string, to: string) {
    await Deno.rename(`${this.path}/${from}`, `${this.path}/${to}`);
  }

  async remove(name: string) {
    await Deno.remove(`${this.path}/${name}`);
  }

  async sync() {
    // Windows does not open folders, and has renames in its own journal
    if (Deno.build.os === "windows") return;
    using folder = await this.#openFolder();
    // off the thread it would need one more descriptor
    await folder.sync().catch((error) => hasNoDescriptor(error) ? folder.syncSync() : Promise.reject(error));
  }

  /** Waits for a descriptor: what was renamed has to get its name in any case. */
  async #openFolder(): Promise<Deno.FsFile> {
    for (;;) {
      try {
        return await Deno.open(this.path);
      } catch (error) {
        if (!hasNoDescriptor(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }
}

class DiskFile implements JournalFile {
  readonly #file: Deno.FsFile;
  /** Where the next write goes by itself. */
  #at = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  writeSync(bytes: Uint8Array, at: number) {
    if (at !== this.#at) this.#file.seekSync(at, Deno.SeekMode.Start);
    this.#at = -1;
    for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    this.#at = at + bytes.length;
  }

  async write(bytes: Uint8Array, at: number) {
    try {
      if (at !== this.#at) await this.#file.seek(at, Deno.SeekMode.Start);
      this.#at = -1;
      for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
      this.#at = at + bytes.length;
    } catch (error) {
      if (!hasNoDescriptor(error)) throw error;
      this.#at = -1;
      this.writeSync(bytes, at);
    }
  }

  /** What Deno does off the thread needs one more descriptor: without one, nothing was synced yet, and it is done here. */
  async sync(): Promise<void> {
    try {
      await this.#file.syncData();
    } catch (error) {
      if (!hasNoDescriptor(error)) throw error;
      this.syncNow();
    }
  }

  syncNow() {
    this.#file.syncDataSync();
  }

  close() {
    this.#file.close();
  }
}
