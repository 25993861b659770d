/**
 * Frames of a fixed length: out of a stream of bytes, and from text. `protocol/channels.md` is the
 * specification.
 *
 * @module
 */

import { isWhiteSpace, paddingStart } from "./line.ts";

/** Bytes of every message, in both directions (channels.md 1.1). */
export const FRAME_BYTES = 200;

const SP = 0x20;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Decodes frames that may be spread over several reads. */
export class FrameDecoder {
  /** The beginning of a frame; there only while the rest is awaited, so that an idle connection costs nothing. */
  #partial: Uint8Array | undefined;
  #length = 0;

  /** Whether the last frame is not complete yet. */
  get isWithinFrame(): boolean {
    return this.#length > 0;
  }

  /** The texts of the frames that end in these bytes, as {@linkcode decodeFrame} gives them. */
  decode(bytes: Uint8Array): string[] {
    const texts: string[] = [];
    let from = 0;
    if (this.#length > 0) {
      from = Math.min(FRAME_BYTES - this.#length, bytes.length);
      this.#partial!.set(bytes.subarray(0, from), this.#length);
      this.#length += from;
      if (this.#length < FRAME_BYTES) return texts;
      texts.push(decodeFrame(this.#partial!));
      this.#partial = undefined;
      this.#length = 0;
    }
    // one view for all: to make one costs as much as to look through a frame
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (; from + FRAME_BYTES <= bytes.length; from += FRAME_BYTES) {
      texts.push(decoder.decode(bytes.subarray(from, paddingStart(view, from, from + FRAME_BYTES))));
    }
    if (from < bytes.length) {
      this.#partial = new Uint8Array(FRAME_BYTES);
      this.#partial.set(bytes.subarray(from));
      this.#length = bytes.length - from;
    }
    return texts;
  }
}

/** The text of a frame, without the padding at its end. Bytes that are not UTF-8 become U+FFFD. */
export function decodeFrame(frame: Uint8Array): string {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  return decoder.decode(frame.subarray(0, paddingStart(view, 0, frame.length)));
}

/**
 * Frames of the text, each beginning with the prefix and padded with spaces. A frame ends between two characters, and
 * rather before white space than after it, where the receiver would strip it.
 *
 * @param prefix At most half a frame.
 */
export function encodeFrames(text: string, prefix = ""): Uint8Array<ArrayBuffer> {
  const frames = new FrameWriter(1);
  frames.add(text, prefix);
  return frames.bytes;
}

/** Writes frames, one behind the other, into one array. */
export class FrameWriter {
  #frames: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param frames How many there will be, about. It grows if there are more. */
  constructor(frames: number) {
    this.#frames = new Uint8Array(frames * FRAME_BYTES).fill(SP);
  }

  /** What was added. Nothing may be added after it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#frames.subarray(0, this.#length);
  }

  /**
   * Adds the frames of {@linkcode encodeFrames}.
   *
   * @param partPrefix Begins each frame but the last.
   */
  add(text: string, prefix = "", partPrefix = prefix) {
    if (this.#addAscii(prefix, text)) return;
    this.#addPieces(encoder.encode(text), encoder.encode(prefix), encoder.encode(partPrefix));
  }

  /** Adds a text of ASCII that fits into a frame, which is most of them. Returns false if it is another one. */
  #addAscii(prefix: string, text: string): boolean {
    const frames = this.#frames, at = this.#length;
    if (prefix.length + text.length > FRAME_BYTES || at === frames.length) return false;
    if (!writeAscii(prefix, frames, at) || !writeAscii(text, frames, at + prefix.length)) {
      frames.fill(SP, at, at + FRAME_BYTES);
      return false;
    }
    this.#length += FRAME_BYTES;
    return true;
  }

  #addPieces(text: Uint8Array, lastPrefix: Uint8Array, partPrefix: Uint8Array) {
    const room = FRAME_BYTES - Math.max(lastPrefix.length, partPrefix.length);
    let from = 0;
    do {
      const to = pieceEnd(text, from, room), at = this.#length;
      const prefix = to < text.length ? partPrefix : lastPrefix;
      this.#length += FRAME_BYTES;
      if (this.#length > this.#frames.length) {
        const frames = new Uint8Array(2 * this.#length).fill(SP);
        frames.set(this.#frames);
        this.#frames = frames;
      }
      this.#frames.set(prefix, at);
      this.#frames.set(text.subarray(from, to), at + prefix.length);
      from = to;
    } while (from < text.length);
  }
}

/** Writes a text, unless not all of it is ASCII: then a part of it may be written. TextEncoder takes twice the time. */
function writeAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return false;
    bytes[at + i] = unit;
  }
  return true;
}

/** The end of the piece that begins at `from` and has at most so many bytes (channels.md 1.6). */
function pieceEnd(text: Uint8Array, from: number, max: number): number {
  const last = from + max;
  if (last >= text.length) return text.length;
  let end = last;
  // not within a character: bytes 10xxxxxx continue one
  while ((text[end]! & 0xc0) === 0x80) end--;
  let textEnd = end;
  while (textEnd > from && isWhiteSpace(text[textEnd - 1]!)) textEnd--;
  return textEnd > from ? textEnd : end;
}
