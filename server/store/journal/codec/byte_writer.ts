/** Texts up to so many characters are written one by one: a call of `encodeInto` would cost more. */
const SHORT_TEXT = 48;

const ENCODER = new TextEncoder();

/** Numbers from here on have the long form of {@linkcode ByteWriter.number}. */
const NUMBER_MAX = 2 ** 52;

/** Most bytes of {@linkcode ByteWriter.number}. */
export const NUMBER_BYTES_MAX = 9;

/** For so many bytes there is room after a text: for what a request has between two texts. */
const ROOM_AFTER_TEXT = 64;

/** Most bytes of a text with so many UTF-16 code units. */
export function textBytesMax(length: number): number {
  return 5 + 3 * length;
}

/** Bytes of the varint of a length. */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = rest >>> 7) bytes++;
  return bytes;
}

/** Appends values to bytes that grow as needed. `byte_reader.ts` reads them. */
export class ByteWriter {
  /** What was written is before `length`. */
  bytes: Uint8Array;
  view: DataView;
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number) {
    if (this.length + count <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(2 * this.bytes.length, this.length + count));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
  }

  /** A byte for which there is room. */
  byte(value: number) {
    this.bytes[this.length++] = value;
  }

  /** A whole number from 0 to 2 ** 53 - 1 as LEB128; there is room for {@linkcode NUMBER_BYTES_MAX}. */
  varint(value: number) {
    while (value > 0x7fffffff) {
      this.bytes[this.length++] = value % 128 | 128;
      value = Math.floor(value / 128);
    }
    while (value > 127) {
      this.bytes[this.length++] = value & 127 | 128;
      value >>>= 7;
    }
    this.bytes[this.length++] = value;
  }

  /**
   * Any number; there is room for it. A whole one from 0 to 2 ** 52 - 1 is the varint of its double; any other is a byte 1
   * and an IEEE 754 double.
   */
  number(value: number) {
    if (value >= 0 && value < NUMBER_MAX && Math.floor(value) === value && !Object.is(value, -0)) {
      this.varint(2 * value);
    } else {
      this.byte(1);
      this.view.setFloat64(this.length, value, true);
      this.length += 8;
    }
  }

  /**
   * A text: its bytes in UTF-8 as a varint, and these. A surrogate that stands alone becomes U+FFFD. Returns how many bytes
   * they are. There is room for a few bytes and numbers after it.
   */
  text(text: string): number {
    const { length } = text;
    this.reserve(textBytesMax(length) + ROOM_AFTER_TEXT);
    return length <= SHORT_TEXT && this.#ascii(text) ? length : this.#utf8(text);
  }

  /** Writes a text shorter than 128, if it is ASCII. */
  #ascii(text: string): boolean {
    const { bytes } = this, { length } = text;
    let at = this.length;
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      bytes[at++] = code;
    }
    this.length = at;
    return true;
  }

  #utf8(text: string): number {
    const start = this.length;
    // leaves as many bytes for the length as it has if the text is ASCII
    this.varint(text.length);
    const from = this.length;
    const { written } = ENCODER.encodeInto(text, this.bytes.subarray(from));
    const to = start + varintBytes(written);
    if (to !== from) this.bytes.copyWithin(to, from, from + written);
    this.length = start;
    this.varint(written);
    this.length += written;
    return written;
  }
}
