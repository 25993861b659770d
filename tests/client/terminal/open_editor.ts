import { TerminalEditor } from "../../../client/terminal/line_editor/terminal_editor.ts";
import type { VirtualTty } from "./virtual_tty.ts";

/** What keys of a terminal send. */
export const LEFT = "\x1b[D", RIGHT = "\x1b[C", UP = "\x1b[A", DOWN = "\x1b[B";
export const HOME = "\x01", END = "\x05", BACKSPACE = "\x7f", DELETE = "\x1b[3~";

/** An editor whose lines are read as they come. */
export function open(tty: VirtualTty, prompt = "> ", max = 1000) {
  const editor = new TerminalEditor(tty, prompt, max);
  const lines: string[] = [];
  const reading = (async () => {
    for await (const { text } of editor) lines.push(text);
  })();
  return { editor, lines, reading };
}
