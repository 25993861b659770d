import type { FileHandle } from "node:fs/promises";
import type { FileInfo, OpenFile, OpenOptions } from "../system.ts";
import { infoOf } from "./file_info.ts";
import { withSystemError } from "./system_error.ts";

/** Permissions of a new file, before the user's mask (umask) is applied. */
const MODE = 0o666;

/** An open file of node:fs, with a position of its own. */
export class NodeFile implements OpenFile {
  readonly #file: FileHandle;
  #position = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static open(path: string, options: OpenOptions): Promise<NodeFile> {
    return withSystemError(async () => {
      const { constants, promises } = process.getBuiltinModule("node:fs");
      const { read = false, write = false, create = false, createNew = false, truncate = false } = options;
      const flags = (write ? read ? constants.O_RDWR : constants.O_WRONLY : constants.O_RDONLY) |
        (create || createNew ? constants.O_CREAT : 0) | (createNew ? constants.O_EXCL : 0) |
        (truncate ? constants.O_TRUNC : 0);
      return new NodeFile(await promises.open(path, flags, options.mode ?? MODE));
    });
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (buffer.length === 0) return 0;
    const { bytesRead } = await withSystemError(() =>
      this.#file.read(buffer, 0, buffer.length, this.#position)
    );
    this.#position += bytesRead;
    return bytesRead === 0 ? null : bytesRead;
  }

  async write(bytes: Uint8Array): Promise<number> {
    const { bytesWritten } = await withSystemError(() =>
      this.#file.write(bytes, 0, bytes.length, this.#position)
    );
    this.#position += bytesWritten;
    return bytesWritten;
  }

  seek(position: number): Promise<number> {
    return Promise.resolve(this.#position = position);
  }

  truncate(length: number): Promise<void> {
    return withSystemError(() => this.#file.truncate(length));
  }

  syncData(): Promise<void> {
    return withSystemError(() => this.#file.datasync());
  }

  sync(): Promise<void> {
    return withSystemError(() => this.#file.sync());
  }

  stat(): Promise<FileInfo> {
    return withSystemError(async () => infoOf(await this.#file.stat()));
  }

  close() {
    // nothing is lost by it that a sync has not reported
    this.#file.close().catch(() => {});
  }

  [Symbol.dispose]() {
    this.close();
  }
}
