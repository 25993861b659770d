import type { Duplex } from "node:stream";

/** Reads from a stream of node:stream as much as is asked for, and leaves the rest where it is. */
export class DuplexReader {
  readonly #stream: Duplex;
  /** What did not fit into the last buffer. */
  #rest: Uint8Array | undefined;
  #hasEnded = false;
  #error: Error | undefined;
  #wake = () => {};

  /** @param closed Why reads fail once the stream is closed without another error. */
  constructor(stream: Duplex, closed: string) {
    this.#stream = stream;
    const fail = (error: Error) => {
      this.#error ??= error;
      this.#wake();
    };
    stream.on("error", fail);
    stream.on("close", () => fail(new Error(closed)));
    stream.on("end", () => {
      this.#hasEnded = true;
      this.#wake();
    });
    stream.on("readable", () => this.#wake());
  }

  /** Resolves to the number of bytes in the buffer; null at the end of the stream. One call at a time. */
  async read(buffer: Uint8Array): Promise<number | null> {
    for (;;) {
      const bytes = this.#rest ?? this.#stream.read() as Uint8Array | null;
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
