/**
 * Lines out of a stream of bytes.
 *
 * @module
 */

/** A line, without its end (LF or CR LF). Of one that can not be read, only why. */
export type Line = { text: string } | { error: "too long" | "not UTF-8" };

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LF = 0x0a, CR = 0x0d;

/**
 * Puts lines together across reads and takes them apart within one, in bounded memory: a line that is too long is
 * discarded up to its end, and what follows is read as if it had not been there.
 */
export class LineDecoder {
  readonly #max: number;
  readonly #begun: Uint8Array;
  #length = 0;
  #tooLong = false;

  /** @param max Longest line, in bytes without its end. */
  constructor(max: number) {
    this.#max = max;
    // and one for the CR before LF
    this.#begun = new Uint8Array(max + 1);
  }

  /** The lines that end in these bytes. */
  *decode(bytes: Uint8Array): Generator<Line> {
    let from = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      this.#add(bytes.subarray(from, end));
      yield this.#take();
      from = end + 1;
    }
    this.#add(bytes.subarray(from));
  }

  /** The last line, where the stream ended without a line end. */
  *end(): Generator<Line> {
    if (this.#length > 0 || this.#tooLong) yield this.#take();
  }

  #add(bytes: Uint8Array) {
    if (this.#length + bytes.length > this.#begun.length) this.#tooLong = true;
    if (this.#tooLong) return;
    this.#begun.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #take(): Line {
    const cr = this.#length > 0 && this.#begun[this.#length - 1] === CR;
    const line = this.#begun.subarray(0, this.#length - (cr ? 1 : 0));
    const tooLong = this.#tooLong || line.length > this.#max;
    this.#length = 0;
    this.#tooLong = false;
    if (tooLong) return { error: "too long" };
    try {
      return { text: decoder.decode(line) };
    } catch {
      return { error: "not UTF-8" };
    }
  }
}
