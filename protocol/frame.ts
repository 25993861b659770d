/**
 * Frames of a fixed length out of a stream of bytes, and text into them. `protocol/README.md`, "Channels", is the
 * specification.
 *
 * @module
 */

import { isWhiteSpace, paddingStart } from "./line.ts";

/** Bytes of every message, in both directions. */
export const FRAME_BYTES = 200;

const SP = 0x20;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Puts frames together across reads and takes them apart within one. */
export class FrameDecoder {
  /** The beginning of a frame; there only while one is awaited, so that an idle connection costs nothing. */
  #begun: Uint8Array | undefined;
  #length = 0;

  /** Whether the stream stands in the middle of a frame. */
  get isWithinFrame(): boolean {
    return this.#length > 0;
  }

  /** The frames that end in these bytes: of 200 bytes each, and good as long as `bytes` is not written over. */
  push(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let from = 0;
    if (this.#length > 0) {
      from = Math.min(FRAME_BYTES - this.#length, bytes.length);
      this.#begun!.set(bytes.subarray(0, from), this.#length);
      this.#length += from;
      if (this.#length < FRAME_BYTES) return frames;
      frames.push(this.#begun!);
      this.#begun = undefined;
      this.#length = 0;
    }
    for (; from + FRAME_BYTES <= bytes.length; from += FRAME_BYTES) {
      frames.push(bytes.subarray(from, from + FRAME_BYTES));
    }
    if (from < bytes.length) {
      this.#begun = new Uint8Array(FRAME_BYTES);
      this.#begun.set(bytes.subarray(from));
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
 * Frames that carry the text, each beginning with the prefix, padded with spaces. A frame ends between two characters,
 * and before white space rather than behind it: there the receiver would strip it.
 *
 * @param prefix No longer than half a frame.
 */
export function encodeFrames(text: string, prefix = ""): Uint8Array<ArrayBuffer> {
  const frames = new FrameWriter(1);
  frames.add(text, prefix);
  return frames.bytes;
}

/** Frames, one behind the other. */
export class FrameWriter {
  #frames: Uint8Array<ArrayBuffer>;
  #length = 0;

  /** @param frames How many there will be, about. */
  constructor(frames: number) {
    this.#frames = new Uint8Array(frames * FRAME_BYTES).fill(SP);
  }

  /** What was added until now; nothing may be added after it. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#frames.subarray(0, this.#length);
  }

  /** Adds what {@linkcode encodeFrames} makes of it. */
  add(text: string, prefix = "") {
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
    this.#append(encodeLong(encoder.encode(text), encoder.encode(prefix)));
  }

  #append(frames: Uint8Array) {
    const length = this.#length + frames.length;
    if (length > this.#frames.length) {
      const more = new Uint8Array(2 * length).fill(SP);
      more.set(this.#frames.subarray(0, this.#length));
      this.#frames = more;
    }
    this.#frames.set(frames, this.#length);
    this.#length = length;
  }
}

function encodeLong(text: Uint8Array, prefix: Uint8Array): Uint8Array<ArrayBuffer> {
  const most = FRAME_BYTES - prefix.length;
  const ends: number[] = [];
  for (let from = 0; from < text.length || ends.length === 0;) {
    const end = cut(text, from, most);
    ends.push(end);
    from = end;
  }
  const frames = new Uint8Array(ends.length * FRAME_BYTES).fill(SP);
  ends.forEach((end, i) => {
    frames.set(prefix, i * FRAME_BYTES);
    frames.set(text.subarray(ends[i - 1] ?? 0, end), i * FRAME_BYTES + prefix.length);
  });
  return frames;
}

/** Where the piece ends that begins at `from` and has at most so many bytes. */
function cut(text: Uint8Array, from: number, most: number): number {
  const last = from + most;
  if (last >= text.length) return text.length;
  let end = last;
  // not within a character: bytes 10xxxxxx go on with one
  while ((text[end]! & 0xc0) === 0x80) end--;
  let ink = end;
  while (ink > from && isWhiteSpace(text[ink - 1]!)) ink--;
  return ink > from ? ink : end;
}
