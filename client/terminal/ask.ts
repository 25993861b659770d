/**
 * Asks one question on the terminal. Everything else goes on meanwhile.
 *
 * @module
 */

import { InterruptedError } from "./signals.ts";
import { TerminalEditor } from "./line_editor/terminal_editor.ts";
import { StandardTty } from "./line_editor/tty.ts";

/** Longest answer to a question, and longest secret, in UTF-16 code units. */
const MAX_ANSWER = 64, MAX_SECRET = 4096;

/**
 * Asks for a secret, such as a password, on the terminal of standard input and of `output`, and shows nothing of it.
 * Returns undefined after Ctrl-D with nothing typed.
 *
 * @throws {InterruptedError} Ctrl-C was pressed.
 * @throws {Error} Standard input is not a terminal.
 */
export async function promptSecret(
  prompt: string,
  output: "stdout" | "stderr" = "stderr",
): Promise<string | undefined> {
  if (!Deno.stdin.isTerminal()) throw new Error("Cannot ask for a secret: standard input is not a terminal");
  await using editor = new TerminalEditor(new StandardTty(output), prompt, MAX_SECRET);
  return await answerOf(editor, { secret: true });
}

/** Whether somebody can be asked: standard input and standard error are a terminal. */
export function canConfirm(): boolean {
  return Deno.stdin.isTerminal() && Deno.stderr.isTerminal();
}

/**
 * Asks whether to do something. Only `y` and `yes` mean yes.
 *
 * @throws {InterruptedError} Ctrl-C was pressed.
 */
export async function confirm(question: string): Promise<boolean> {
  await using editor = new TerminalEditor(new StandardTty("stderr"), `${question} [y/N] `, MAX_ANSWER);
  return /^\s*y(es)?\s*$/i.test(await answerOf(editor, {}) ?? "");
}

async function answerOf(editor: TerminalEditor, options: { secret?: true }): Promise<string | undefined> {
  const line = await editor.read(options);
  if (editor.interrupted.aborted) throw new InterruptedError();
  return line?.text;
}
