import { cutText, utf8Length } from "../../../protocol/mailbox.ts";
import { lineLength, MAX_LINES_BYTES } from "../../../protocol/session.ts";

/** Most bytes that a unit of a string has in UTF-8. */
const MAX_UNIT_BYTES = 3;

/**
 * The lines of an answer with a text, each of which fits into a datagram.
 *
 * @param first The line that begins with this much of the text.
 * @param next A line that continues at a byte of the text.
 */
export function textLines(
  text: string,
  first: (text: string) => string,
  next: (offset: number, text: string) => string,
): string[] {
  const whole = first(text);
  // most are so short that they need not be measured
  if (whole.length < MAX_LINES_BYTES / MAX_UNIT_BYTES || lineLength(whole) <= MAX_LINES_BYTES) return [whole];
  const begin = cutText(text, 0, MAX_LINES_BYTES - lineLength(first(""))), lines = [first(begin)];
  for (let at = begin.length, offset = utf8Length(begin); at < text.length;) {
    const more = cutText(text, at, MAX_LINES_BYTES - lineLength(next(offset, "")));
    lines.push(next(offset, more));
    at += more.length;
    offset += utf8Length(more);
  }
  return lines;
}
