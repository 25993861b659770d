import { MAX_TEXT_BYTES } from "../../protocol/session.ts";
import { ADMIN, checkId, isMessage, SHARED_QUEUE, utf8Length } from "../../protocol/mailbox.ts";

/** A message to be stored. */
export interface PutMessage {
  /** ID of the receiver, or `SHARED_QUEUE`. */
  receiver: string;
  /** ID of the sender, not `admin`; `""` for the shared queue. */
  sender: string;
  /** Up to 65,000 bytes, without control characters other than TAB. */
  text: string;
  /** Milliseconds for which it is not given out. */
  delay?: number;
  /** Milliseconds after which it is removed. */
  ttl?: number;
  /** Milliseconds for which it is tried again while there is no room for it; then it is withdrawn. */
  wait?: number;
  /** Withdraws it. If it turns out that it was stored before, that is the outcome. */
  signal?: AbortSignal;
}

/**
 * What stands between number and text of a put.
 *
 * @throws {TypeError} An ID or the text is not what the wire allows.
 * @throws {RangeError} The text is too long, or a time is not a whole number of milliseconds.
 */
export function putFields({ receiver, sender, text, delay, ttl }: PutMessage): string {
  if (receiver !== SHARED_QUEUE) {
    checkId(receiver);
    checkId(sender);
    if (sender === ADMIN) throw new TypeError(`Cannot send as '${ADMIN}': the name is the administrator's`);
  } else if (sender !== "") {
    throw new TypeError(`Cannot put into the shared queue as '${sender}': it names no senders`);
  }
  if (!isMessage(text)) throw new TypeError("Cannot send a message with control characters other than TAB");
  // a UTF-16 unit is at most 3 bytes
  if (text.length > MAX_TEXT_BYTES / 3 && utf8Length(text) > MAX_TEXT_BYTES) {
    throw new RangeError(`Cannot send a message of ${utf8Length(text)} bytes: at most ${MAX_TEXT_BYTES} fit`);
  }
  return `,${receiver},${sender},${milliseconds(delay)},${milliseconds(ttl)},`;
}

function milliseconds(time: number | undefined): string {
  if (time === undefined) return "";
  if (!Number.isSafeInteger(time) || time < 0 || time >= 1e15) {
    throw new RangeError(`Cannot use ${time} as a time: expected a whole number of milliseconds`);
  }
  return `${time}`;
}
