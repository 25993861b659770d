import type { LeasedMessage, MailboxAnswer } from "../../protocol/mailbox_requests.ts";
import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import { utf8Length } from "../../protocol/mailbox.ts";

/** Bytes of pieces that are kept for one message: its text twice over, in case that it is cut in two ways. */
const MAX_KEPT = 2 * MAX_TEXT_BYTES;

interface Partial {
  message?: LeasedMessage;
  length: number;
  /** Text by the byte at which it begins. */
  pieces: Map<number, string>;
  kept: number;
}

/** Puts the messages of one lease together, from `msg` and `piece` in any order. */
export class Assembly {
  readonly #max: number;
  readonly #parts = new Map<number, Partial>();
  readonly #whole: LeasedMessage[] = [];
  #count = 0;
  #complete = 0;
  #token = "";

  /** @param max Most messages that were asked for. */
  constructor(max: number) {
    this.#max = max;
  }

  get token(): string {
    return this.#token;
  }

  /** Takes a `msg`. False where it is not of the lease that the others are of. */
  message(answer: MailboxAnswer & { kind: "msg" }): boolean {
    const { i, k, token, length, message } = answer;
    if (k > this.#max || i < 1 || i > k || length > MAX_TEXT_BYTES) return true;
    if (this.#token !== "" && (token !== this.#token || k !== this.#count)) return false;
    this.#token = token;
    this.#count = k;
    if (this.#whole[i - 1] !== undefined) return true;
    const part = this.#part(i);
    part.message = message;
    part.length = length;
    this.#keep(part, 0, message.text);
    this.#join(i, part);
    return true;
  }

  /** Takes a `piece`. */
  piece({ i, offset, text }: MailboxAnswer & { kind: "piece" }) {
    if (i < 1 || i > this.#max || offset >= MAX_TEXT_BYTES || this.#whole[i - 1] !== undefined) return;
    const part = this.#part(i);
    this.#keep(part, offset, text);
    this.#join(i, part);
  }

  /** The messages, once all are there. */
  get messages(): LeasedMessage[] | undefined {
    return this.#count > 0 && this.#complete === this.#count ? this.#whole : undefined;
  }

  #part(i: number): Partial {
    let part = this.#parts.get(i);
    if (part === undefined) this.#parts.set(i, part = { length: 0, pieces: new Map(), kept: 0 });
    return part;
  }

  #keep(part: Partial, offset: number, text: string) {
    const known = part.pieces.get(offset);
    if (known !== undefined && known.length >= text.length || part.kept >= MAX_KEPT) return;
    part.pieces.set(offset, text);
    part.kept += utf8Length(text);
  }

  #join(i: number, { message, length, pieces }: Partial) {
    if (message === undefined) return;
    let text = "", at = 0;
    for (let piece; at < length && (piece = pieces.get(at)) !== undefined && piece !== "";) {
      text += piece;
      at += utf8Length(piece);
    }
    if (at !== length) return;
    this.#whole[i - 1] = { ...message, text };
    this.#complete++;
    this.#parts.delete(i);
  }
}
