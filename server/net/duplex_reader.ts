/**
 * Reads a stream of Node into the caller's buffer, and only as fast as the caller reads.
 *
 * @module
 */

import type { Duplex } from "node:stream";

export class DuplexReader {
  readonly #duplex: Duplex;
  #hasEnded = false;
  #error: Error | undefined;
  /** What has come, and was not read yet. */
  #rest: Uint8Array | undefined;
  #wake = () => {};

  constructor(duplex: Duplex) {
    this.#duplex = duplex;
    duplex.on("error", (error) => this.fail(error));
    duplex.on("close", () => this.fail(new Error("the client is gone")));
    duplex.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    duplex.on("readable", () => this.#wake());
  }

  /** Why nothing more can be read or written. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** From now on reading throws; the first error counts. */
  fail(error: Error) {
    this.#error ??= error;
    this.#wake();
  }

  /** As `Stream.read`. One call at a time. */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const bytes = this.#rest ?? this.#duplex.read() as Uint8Array | null;
      if (bytes !== null) {
        const length = Math.min(bytes.length, buffer.length);
        buffer.set(bytes.subarray(0, length));
        this.#rest = length < bytes.length ? bytes.subarray(length) : undefined;
        return length;
      }
      if (this.#hasEnded) return null;
      if (this.#error !== undefined) throw this.#error;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
