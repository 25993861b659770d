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

  /** The frames that end in these bytes, of 200 bytes each, valid as long as `bytes` is not written over. */
  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let from = 0;
    if (this.#length > 0) {
      from = Math.min(FRAME_BYTES - this.#length, bytes.length);
      this.#partial!.set(bytes.subarray(0, from), this.#length);
      this.#length += from;
      if (this.#length < FRAME_BYTES) return frames;
      frames.push(this.#partial!);
      this.#partial = undefined;
      this.#length = 0;
    }
    for (; from + FRAME_BYTES <= bytes.length; from += FRAME_BYTES) {
      frames.push(bytes.subarray(from, from + FRAME_BYTES));
    }
    if (from < bytes.length) {
      this.#partial = new Uint8Array(FRAME_BYTES);
      this.#partial.set(bytes.subarray(from));
      this.#length = bytes.length - from;
    }
    return frames;
  }
}

/** The text of a frame, without the padding at its end. Bytes that are not UTF-8 become U+FFFD. */
export function decodeFrame(frame: Uint8Array): string {
  return decoder.decode(frame.subarray(0, paddingStart(frame)));
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
    const whole = prefix + text;
    // a UTF-16 unit is at least a byte
    if (whole.length <= FRAME_BYTES && this.#length < this.#frames.length) {
      const frame = this.#frames.subarray(this.#length, this.#length + FRAME_BYTES);
      const { read, written } = encoder.encodeInto(whole, frame);
      if (read === whole.length) {
        this.#length += FRAME_BYTES;
        return;
      }
      frame.fill(SP, 0, written);
    }
    this.#addPieces(encoder.encode(text), encoder.encode(prefix), encoder.encode(partPrefix));
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
