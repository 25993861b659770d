/**
 * What lines of a chat say about members, and how Tab completes them.
 *
 * @module
 */

import type { Completion } from "../../terminal/line_editor/completion.ts";
import type { LineEditor } from "../../terminal/line_editor/line_editor.ts";
import type { Display } from "./display.ts";
import type { Seen } from "./seen.ts";

/** Completes the name of a member before the cursor: behind it stands a colon at the beginning of a line. */
export function completeWord(before: string, names: readonly string[]): Completion | undefined {
  const [word] = /\S*$/.exec(before)!, from = before.length - word.length;
  if (word === "") return undefined;
  const typed = word.toLowerCase(), end = from === 0 ? ": " : " ";
  const candidates = names.filter((name) => name.toLowerCase().startsWith(typed)).map((name) =>
    `${name}${end}`
  );
  return { from, candidates };
}

/** Names with how many there are of each: `Alice (you), Bob (2)`. */
export function membersText(names: readonly [string, number][], display: Display, own?: string): string {
  const texts = names.map(([name, count]) =>
    `${display.name(name)}${name === own ? " (you)" : ""}${count > 1 ? ` (${count})` : ""}`
  );
  return texts.length === 0 ? "nobody" : texts.join(", ");
}

/** Shows who was seen, where the server can't be asked. */
export async function showSeenMembers(editor: LineEditor, display: Display, seen: Seen) {
  await editor.print(`${display.notice("seen since you came:")} ${membersText(seen.names, display)}`);
}

/** Shows what was seen, where the server can't be asked. */
export async function showSeenLines(editor: LineEditor, display: Display, seen: Seen, count: number) {
  const lines = seen.lines(count);
  const what = lines.length === 0
    ? "you have seen nothing since you came"
    : "what you have seen since you came:";
  await editor.print([display.notice(what), ...lines].join("\n"));
}

/** What is said about a gap in a history. */
export function gapText(count: number | undefined): string {
  if (count === undefined) return "messages may be missing here";
  return count === 1
    ? "1 message is missing here: it is not kept any more"
    : `${count} messages are missing here: they are not kept any more`;
}

/** Whether a text has the name in it as a word of its own. */
export function mentions(text: string, name: string): boolean {
  const inner = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${inner}(?![\\p{L}\\p{N}_])`, "iu").test(text);
}
