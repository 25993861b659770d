import type { PartialFile } from "./partial_file.ts";

/** The part of {@linkcode IncomingFile} that the directory of files does. */
export interface IncomingFileHooks {
  /** Syncs the whole file and gives it its name, which it returns. From now on no later attempt displaces this one. */
  store(): Promise<string>;
  end(outcome: "kept" | "dropped" | "stored"): Promise<void>;
}

/** One attempt at an upload. It ends with the first of `keep`, `drop` and `settle`; further ones do nothing. */
export class IncomingFile {
  readonly #file: PartialFile;
  readonly #hooks: IncomingFileHooks;
  #isEnded = false;

  constructor(file: PartialFile, hooks: IncomingFileHooks) {
    this.#file = file;
    this.#hooks = hooks;
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#file.length;
  }

  /** SHA-256 of them, 64 lower-case hexadecimal digits. */
  get hash(): string {
    return this.#file.hash;
  }

  /**
   * Drops the bytes that are there, and begins anew.
   *
   * @throws {Error} The disk failed.
   */
  clear(): Promise<void> {
    return this.#file.clear();
  }

  /**
   * Appends the bytes, which must not change until this resolves; at most 1 MiB. One call at a time.
   *
   * @throws {Error} The disk failed.
   */
  append(bytes: Uint8Array): Promise<void> {
    return this.#file.append(bytes);
  }

  /**
   * Syncs the whole file and gives it its name. {@linkcode settle} has to follow.
   *
   * @returns The name of the content.
   * @throws {Error} The disk failed.
   */
  finish(): Promise<string> {
    return this.#hooks.store();
  }

  /** Ends it after {@linkcode finish}: the content has its row, or was removed. */
  async settle(isStored: boolean) {
    await this.#end(isStored ? "stored" : "dropped");
  }

  /** Keeps what has arrived for a later attempt, or removes it if it can't be synced. */
  async keep() {
    if (this.#isEnded) return;
    await this.#end(await this.#file.close().then(() => "kept", () => "dropped"));
  }

  /** Removes what has arrived. */
  async drop() {
    await this.#end("dropped");
  }

  async #end(outcome: "kept" | "dropped" | "stored") {
    if (this.#isEnded) return;
    this.#isEnded = true;
    await this.#hooks.end(outcome);
  }
}
