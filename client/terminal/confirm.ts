import { InterruptedError } from "./signals.ts";
import { TerminalEditor } from "./terminal_editor.ts";
import { StandardTty } from "./tty.ts";

/** Longest answer, in UTF-16 code units. */
const MAX_ANSWER = 64;

/** Whether somebody can be asked: standard input and standard error are a terminal. */
export function canConfirm(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

/**
 * Asks on the terminal whether to do something. Whatever is not `y` or `yes`, and Ctrl-D, is no.
 *
 * @throws {InterruptedError} Ctrl-C was pressed.
 */
export async function confirm(question: string): Promise<boolean> {
  await using editor = new TerminalEditor(new StandardTty("stderr"), `${question} [y/N] `, MAX_ANSWER);
  const line = await editor.read();
  if (editor.interrupted.aborted) throw new InterruptedError();
  return line !== undefined && /^y(es)?$/i.test(line.text.trim());
}
