import { cutText, utf8Length } from "../../../protocol/mailbox.ts";
import { lineLength, MAX_HEADER_BYTES, MAX_SESSION_DATAGRAM_BYTES } from "../../../protocol/session.ts";

/** Bytes of one line in a datagram. */
const ROOM = MAX_SESSION_DATAGRAM_BYTES - MAX_HEADER_BYTES;

/**
 * The lines of an answer with a text, each of which fits into a datagram.
 *
 * @param first The line that begins with this much of the text.
 * @param next A line that continues at a byte of the text.
 */
export function* textLines(
  text: string,
  first: (text: string) => string,
  next: (offset: number, text: string) => string,
): Generator<string> {
  const whole = first(text);
  if (lineLength(whole) <= ROOM) return yield whole;
  const begin = cutText(text, 0, ROOM - lineLength(first("")));
  yield first(begin);
  for (let at = begin.length, offset = utf8Length(begin); at < text.length;) {
    const more = cutText(text, at, ROOM - lineLength(next(offset, "")));
    yield next(offset, more);
    at += more.length;
    offset += utf8Length(more);
  }
}
