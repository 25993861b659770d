import { type LineEditor, MAX_LINE } from "./line_editor.ts";
import { type OriginalForm, OriginalLines } from "./original_lines.ts";
import { isDumb } from "../output.ts";
import { PlainLines } from "./plain_lines.ts";
import { TerminalEditor } from "./terminal_editor.ts";
import { StandardTty } from "./tty.ts";

/**
 * An editor on standard input and output: a {@linkcode TerminalEditor} if both are a terminal that can move its cursor.
 *
 * @param options.endsOnSignal Whether a signal such as SIGTERM ends the program; true by default.
 * @param options.original What it writes without a terminal, if it stands in for an original client.
 */
export function openLineEditor(
  options: { prompt: string; endsOnSignal?: boolean; original?: OriginalForm },
): LineEditor {
  const { prompt, endsOnSignal, original } = options;
  const isTyped = Deno.stdin.isTerminal(), isTerminal = isTyped && Deno.stdout.isTerminal();
  if (isTerminal && !isDumb()) {
    return new TerminalEditor(new StandardTty("stdout", endsOnSignal), prompt, MAX_LINE);
  }
  // a client that asks for passwords shows its prompts where they are typed
  const isOriginal = original !== undefined && !isTerminal && (!isTyped || original.live !== undefined);
  return isOriginal ? new OriginalLines(prompt, MAX_LINE, original) : new PlainLines(prompt, MAX_LINE);
}
