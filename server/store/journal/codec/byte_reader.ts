/** Texts up to so many bytes are read one by one: a call of `decode` would cost more. */
const SHORT_TEXT = 32;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What was to be read is not there, or has not the form that it should have. */
export class FormatError extends Error {
  override name = "FormatError";
}

/** Reads what a `ByteWriter` has written, and checks everything. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;
  readonly #end: number;
  /** Bytes of the last text that was read. */
  textBytes = 0;

  /** Reads the bytes from `start` to `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#end = end;
  }

  /** Bytes that were not read. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** @throws {FormatError} */
  byte(): number {
    if (this.#at >= this.#end) throw new FormatError("Cannot read a byte: nothing is left");
    return this.#bytes[this.#at++]!;
  }

  /** A whole number from 0 to 2 ** 53 - 1. @throws {FormatError} */
  varint(): number {
    let value = 0, scale = 1;
    for (;;) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
      if (scale > 2 ** 49) throw new FormatError("Cannot read a number: it has more than 8 bytes");
    }
    if (!Number.isSafeInteger(value)) throw new FormatError("Cannot read a number: it is above 2 ** 53");
    return value;
  }

  /** How many things follow, which have at least one byte each. @throws {FormatError} */
  count(): number {
    const count = this.varint();
    if (count > this.left) throw new FormatError(`Cannot read ${count} values: ${this.left} bytes are left`);
    return count;
  }

  /** @throws {FormatError} */
  number(): number {
    const value = this.varint();
    if (value % 2 === 0) return value / 2;
    if (value !== 1) throw new FormatError(`Cannot read a number: its form ${value} is not known`);
    if (this.left < 8) throw new FormatError(`Cannot read a number: ${this.left} of 8 bytes are left`);
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  /** @throws {FormatError} */
  text(): string {
    const length = this.textBytes = this.count();
    const start = this.#at;
    this.#at += length;
    if (length <= SHORT_TEXT) {
      const text = this.#ascii(start, length);
      if (text !== undefined) return text;
    }
    try {
      return DECODER.decode(this.#bytes.subarray(start, start + length));
    } catch {
      throw new FormatError(`Cannot read a text of ${length} bytes: it is not UTF-8`);
    }
  }

  #ascii(start: number, length: number): string | undefined {
    let text = "";
    for (let at = start; at < start + length; at++) {
      const code = this.#bytes[at]!;
      if (code > 127) return undefined;
      text += String.fromCharCode(code);
    }
    return text;
  }
}
