import type { PartialFile } from "./partial_file.ts";

/** What an {@linkcode IncomingFile} asks of the files. */
export interface IncomingFileHooks {
  /** All bytes are there, and proven: nobody displaces it any more. */
  whole(): void;
  /** Gives the whole file a name, which it returns. */
  store(file: PartialFile): Promise<string>;
  /** A row has the content of this name and this hash. */
  stored(content: string, hash: string): void;
  end(outcome: "kept" | "dropped" | "stored"): Promise<void>;
}

/** One attempt at an upload. It ends with the first of `keep`, `drop` and `settle`; further ones do nothing. */
export class IncomingFile {
  readonly #file: PartialFile;
  readonly #hooks: IncomingFileHooks;
  #content: string | undefined;
  #isEnded = false;

  constructor(file: PartialFile, hooks: IncomingFileHooks) {
    this.#file = file;
    this.#hooks = hooks;
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#file.length;
  }

  /** SHA-256 of them, 64 small hexadecimal digits. */
  get hash(): string {
    return this.#file.hash;
  }

  /**
   * Drops the bytes that are there, and begins anew.
   *
   * @throws What the disk says.
   */
  clear(): Promise<void> {
    return this.#file.clear();
  }

  /**
   * Appends the bytes, which must not change until this resolves; at most 1 MiB. One call at a time.
   *
   * @throws What the disk says.
   */
  append(bytes: Uint8Array): Promise<void> {
    return this.#file.append(bytes);
  }

  /**
   * Syncs what has arrived, all of it, and gives it its name. {@linkcode settle} has to follow.
   *
   * @returns The name of the content.
   * @throws What the disk says.
   */
  async finish(): Promise<string> {
    this.#hooks.whole();
    await this.#file.close();
    return this.#content = await this.#hooks.store(this.#file);
  }

  /** The content with its name has been taken over, by its row or by who removes it. */
  async settle(stored: boolean) {
    if (stored) this.#hooks.stored(this.#content!, this.#file.hash);
    await this.#end(stored ? "stored" : "dropped");
  }

  /** Keeps what has arrived for a later attempt, or removes it where the disk doesn't take it. */
  async keep() {
    if (this.#isEnded) return;
    try {
      await this.#file.close();
    } catch {
      return await this.#end("dropped");
    }
    await this.#end("kept");
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
