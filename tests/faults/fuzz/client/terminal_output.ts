/** What a client may write to a terminal, whatever a server has sent it. */

import { holds } from "../engine/target.ts";

/** The control sequences that this program writes itself: colours, and what its line editor and its bars need. */
const OWN =
  // deno-lint-ignore no-control-regex -- control sequences
  /\x1b\[(?:0|1|2|7|22|27|3[1-6]|39|9[1-6]|38;5;\d+)?m|\x1b\[\d*[ABCDK]|\x1b\[J|\x1b\[H\x1b\[2J|\x1b\[\?(?:25|2004)[hl]|\r/g;

/** What a terminal would obey, and what changes the direction of a text or its lines. */
// deno-lint-ignore no-control-regex -- control characters
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

/** @throws {Fault} A terminal would obey something in it that this program does not write. */
export function checkShown(shown: string, bell = false) {
  const text = shown.replace(OWN, "").replaceAll(bell ? "\x07" : "\0none", ""), found = OBEYED.exec(text);
  holds(
    found === null,
    () => `shown: ${JSON.stringify(text.slice(Math.max(0, found!.index - 30), found!.index + 30))}`,
  );
}
