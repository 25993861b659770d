import { utf8Length } from "../../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";

/**
 * Bytes that are kept of one text: twice its longest, because it may be cut in two ways. When more come, it begins anew:
 * each answer has all of the text, so that what counts is only how much of it is lost.
 */
const MAX_KEPT_BYTES = 2 * MAX_TEXT_BYTES;

const encoder = new TextEncoder(), decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Joins a text whose pieces come in any order, and may overlap: the fields before the first one are shorter or longer from
 * answer to answer, and move the places at which the text is cut.
 */
export class TextPieces {
  /** By the byte at which each begins. */
  readonly #pieces = new Map<number, string>();
  #bytes = 0;

  add(offset: number, piece: string) {
    const known = this.#pieces.get(offset) ?? "";
    if (known.length >= piece.length) return;
    if (this.#bytes >= MAX_KEPT_BYTES) {
      this.#pieces.clear();
      this.#bytes = 0;
    }
    this.#pieces.set(offset, piece);
    this.#bytes += utf8Length(piece);
  }

  /** The text with this many bytes, once all of it has come. */
  join(length: number): string | undefined {
    if (this.#bytes < length) return undefined;
    const first = this.#pieces.get(0) ?? "";
    // most come whole
    if (utf8Length(first) === length) return first;
    const bytes = new Uint8Array(length);
    let reached = 0;
    for (const [offset, piece] of [...this.#pieces].sort(([a], [b]) => a - b)) {
      const encoded = encoder.encode(piece), end = offset + encoded.length;
      if (offset > reached || end > length) return undefined;
      bytes.set(encoded, offset);
      reached = Math.max(reached, end);
    }
    return reached === length ? decoder.decode(bytes) : undefined;
  }
}
