import { utf8Length } from "../../../protocol/mailbox.ts";
import type { LeasedMessage, MailboxAnswer } from "../../../protocol/session/mailbox_requests.ts";
import { MAX_TEXT_BYTES } from "../../../protocol/session.ts";
import { TextPieces } from "../../session/requests/text_pieces.ts";

/** A message that has come in part: `message` and `length` are known with its `msg`. */
interface PartialMessage {
  message?: LeasedMessage;
  length: number;
  text: TextPieces;
}

/** Joins the messages of one lease from `msg` and `piece` in any order. */
export class LeaseAssembly {
  readonly #max: number;
  readonly #partial = new Map<number, PartialMessage>();
  readonly #whole: LeasedMessage[] = [];
  #count = 0;
  #wholeCount = 0;
  /** The token of the lease; `""` until a `msg` has come. */
  token = "";
  /** Bytes of the texts that are whole. */
  bytes = 0;

  /** @param max Most messages that were requested. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Takes a `msg`. Returns false if it is of another lease than those before. */
  message(answer: MailboxAnswer & { kind: "msg" }): boolean {
    const { i, k, token, length, id, attempt, time, sender, text } = answer;
    if (k > this.#max || i < 1 || i > k || length > MAX_TEXT_BYTES) return true;
    if (this.token !== "" && (token !== this.token || k !== this.#count)) return false;
    this.token = token;
    this.#count = k;
    // most come whole
    if (text.length <= length && !this.#partial.has(i) && utf8Length(text) === length) {
      this.#isWhole(i, { id, attempt, time, sender, text }, length);
      return true;
    }
    this.#add(i, 0, text, { message: { id, attempt, time, sender, text }, length });
    return true;
  }

  /** Takes a `piece`. */
  piece({ i, offset, text }: MailboxAnswer & { kind: "piece" }) {
    if (i >= 1 && i <= this.#max && offset < MAX_TEXT_BYTES) this.#add(i, offset, text);
  }

  /** The messages, once all have come. */
  get messages(): LeasedMessage[] | undefined {
    return this.#count > 0 && this.#wholeCount === this.#count ? this.#whole : undefined;
  }

  #add(i: number, offset: number, piece: string, fields: Partial<PartialMessage> = {}) {
    if (this.#whole[i - 1] !== undefined) return;
    const partial = Object.assign(this.#partial.get(i) ?? { length: 0, text: new TextPieces() }, fields);
    this.#partial.set(i, partial);
    partial.text.add(offset, piece);
    const { message, length } = partial, text = partial.text.join(length);
    if (message === undefined || text === undefined) return;
    this.#partial.delete(i);
    this.#isWhole(i, { ...message, text }, length);
  }

  #isWhole(i: number, message: LeasedMessage, bytes: number) {
    if (this.#whole[i - 1] !== undefined) return;
    this.#whole[i - 1] = message;
    this.#wholeCount++;
    this.bytes += bytes;
  }
}
