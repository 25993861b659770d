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

/** Eight spaces as a number. */
const SPACES = new DataView(new Uint8Array(8).fill(SP).buffer).getFloat64(0);

/**
 * The start of the padding at the end of a frame, which stands from `from` to before `to`: white space, and NULs, which
 * programs in C pad with.
 */
export function paddingStart(view: DataView, from: number, to: number): number {
  let end = to;
  // most of a frame is spaces: eight at a time
  while (end - from >= 8 && view.getFloat64(end - 8) === SPACES) end -= 8;
  while (end > from && isPadding(view.getUint8(end - 1))) end--;
  return end;
}

function isPadding(byte: number): boolean {
  return isWhiteSpace(byte) || byte === NUL;
}

/** The lines of a text, which CR LF, LF and CR separate. A text without a line break is one line (channels.md 4.2). */
export function linesOf(text: string): string[] {
  return text.includes("\n") || text.includes("\r") ? text.split(LINE_BREAK) : [text];
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
        yield this.#read(bytes, from, end);
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
    const line = this.#tooLong ? { error: "too long" as const } : this.#read(this.#partial, 0, this.#length);
    this.#partial = new Uint8Array(0);
    this.#length = 0;
    this.#tooLong = false;
    return line;
  }

  /** The line that stands from `from` to before `to`: without CR at its end, then without NULs at both. */
  #read(bytes: Uint8Array, from: number, to: number): Line {
    let start = from, end = to;
    while (start < end && bytes[start] === NUL) start++;
    // with what is behind the text, as where it comes in pieces: it must not depend on that
    if (end - start > this.#maxBytes + 1) return { error: "too long" };
    if (end > start && bytes[end - 1] === CR) end--;
    while (end > start && bytes[end - 1] === NUL) end--;
    if (end - start > this.#maxBytes) return { error: "too long" };
    try {
      return { text: this.#decoder.decode(bytes.subarray(start, end)) };
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
