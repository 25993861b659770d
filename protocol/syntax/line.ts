/**
 * Lines out of a stream of bytes, and text that cannot look like another client's line.
 *
 * @module
 */

/** A line, without its end (LF or CR LF); or why it can't be read. */
export type Line = { text: string } | { error: "too long" | "not UTF-8" };

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const NUL = 0x00, TAB = 0x09, LF = 0x0a, CR = 0x0d, SP = 0x20;

/** Unicode's control characters (C0, DEL, C1) except TAB, and its line and paragraph separators. */
const CONTROL = /[^\P{Cc}\t]|[\u2028\u2029]/u;
const CONTROLS = new RegExp(CONTROL, "gu");
const LINE_BREAK = /\r\n|\r|\n/;

/** Whether a byte is white space: TAB, LF, VT, FF, CR or SP. */
export function isWhiteSpace(byte: number): boolean {
  return byte === SP || byte >= TAB && byte <= CR;
}

/** The start of the padding at the end of a frame: white space, and NULs, which programs in C pad with. */
export function paddingStart(bytes: Uint8Array): number {
  let end = bytes.length;
  // most of a frame is spaces: eight at a time
  while (end >= 8 && isSpaces(bytes, end - 8)) end -= 8;
  while (end > 0 && (isWhiteSpace(bytes[end - 1]!) || bytes[end - 1] === NUL)) end--;
  return end;
}

/** Whether the eight bytes from `at` on are all spaces. */
function isSpaces(bytes: Uint8Array, at: number): boolean {
  return bytes[at + 7] === SP && bytes[at + 6] === SP && bytes[at + 5] === SP && bytes[at + 4] === SP &&
    bytes[at + 3] === SP && bytes[at + 2] === SP && bytes[at + 1] === SP && bytes[at] === SP;
}

/** The lines of a text, which CR LF, LF and CR separate. A text without a line break is one line (channels.md 4.2). */
export function linesOf(text: string): string[] {
  return LINE_BREAK.test(text) ? text.split(LINE_BREAK) : [text];
}

/**
 * The text as others may see it within a line: U+FFFD replaces control characters except TAB, and line separators
 * (channels.md 4.3).
 */
export function printable(text: string): string {
  return CONTROL.test(text) ? text.replace(CONTROLS, "\ufffd") : text;
}

/**
 * Decodes lines that may be spread over several reads, in bounded memory: a line that is too long is discarded up to its
 * end. NULs at either end of a line are padding: the final NUL of a string that a program in C sends arrives after the
 * line end.
 */
export class LineDecoder {
  readonly #maxBytes: number;
  readonly #decoder: TextDecoder;
  /** The beginning of a line. It grows with what comes, so that an idle connection costs nothing. */
  #partial = new Uint8Array(0);
  #length = 0;
  #tooLong = false;

  /**
   * @param maxBytes Longest line, without its end.
   * @param invalid How bytes that are not UTF-8 are read: the line is an error, or U+FFFD replaces them.
   */
  constructor(maxBytes: number, invalid: "refuse" | "replace" = "refuse") {
    this.#maxBytes = maxBytes;
    this.#decoder = invalid === "refuse" ? strict : lenient;
  }

  /** The lines that end in these bytes. */
  *decode(bytes: Uint8Array): Generator<Line> {
    let from = 0;
    for (let end = bytes.indexOf(LF); end >= 0; end = bytes.indexOf(LF, from)) {
      if (this.#length === 0 && !this.#tooLong) {
        yield this.#read(bytes.subarray(from, end));
      } else {
        this.#add(bytes.subarray(from, end));
        yield this.#take();
      }
      from = end + 1;
    }
    this.#add(bytes.subarray(from));
  }

  /** The last line, if the stream ended without a line end. */
  *end(): Generator<Line> {
    if (this.#length > 0 || this.#tooLong) yield this.#take();
  }

  #add(piece: Uint8Array) {
    // padding, however long, does not make a line too long
    const bytes = this.#length > 0 || this.#tooLong ? piece : piece.subarray(paddingEnd(piece));
    const length = this.#length + bytes.length;
    // one more than the limit for the CR before LF
    if (length > this.#maxBytes + 1) {
      this.#tooLong = true;
      this.#partial = new Uint8Array(0);
    }
    if (this.#tooLong || bytes.length === 0) return;
    if (length > this.#partial.length) {
      const partial = new Uint8Array(Math.min(Math.max(2 * length, 64), this.#maxBytes + 1));
      partial.set(this.#partial.subarray(0, this.#length));
      this.#partial = partial;
    }
    this.#partial.set(bytes, this.#length);
    this.#length = length;
  }

  #take(): Line {
    const line = this.#tooLong
      ? { error: "too long" as const }
      : this.#read(this.#partial.subarray(0, this.#length));
    this.#partial = new Uint8Array(0);
    this.#length = 0;
    this.#tooLong = false;
    return line;
  }

  #read(bytes: Uint8Array): Line {
    const line = withoutPadding(bytes.at(-1) === CR ? bytes.subarray(0, -1) : bytes);
    if (line.length > this.#maxBytes) return { error: "too long" };
    try {
      return { text: this.#decoder.decode(line) };
    } catch {
      return { error: "not UTF-8" };
    }
  }
}

/** The end of the NULs at the beginning. */
function paddingEnd(bytes: Uint8Array): number {
  let start = 0;
  while (bytes[start] === NUL) start++;
  return start;
}

/** The bytes without NULs at either end. */
function withoutPadding(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === NUL) end--;
  const start = end === 0 ? 0 : paddingEnd(bytes);
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}
