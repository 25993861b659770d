import { utf8Length } from "../../../protocol/mailbox.ts";
import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";

/** Bytes that are kept of one text: twice its longest, because it may be cut in two ways. */
const MAX_KEPT_BYTES = 2 * MAX_TEXT_BYTES;

/** Joins a text whose pieces come in any order. */
export class TextPieces {
  /** By the byte at which each begins. */
  readonly #pieces = new Map<number, string>();
  #bytes = 0;

  add(offset: number, piece: string) {
    const known = this.#pieces.get(offset) ?? "";
    if (known.length >= piece.length || this.#bytes >= MAX_KEPT_BYTES) return;
    this.#pieces.set(offset, piece);
    this.#bytes += utf8Length(piece);
  }

  /** The text with this many bytes, once all of it has come. */
  join(length: number): string | undefined {
    let text = "", bytes = 0;
    for (let piece; bytes < length && (piece = this.#pieces.get(bytes)); bytes += utf8Length(piece)) {
      text += piece;
    }
    return bytes === length ? text : undefined;
  }
}
