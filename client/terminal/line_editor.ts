/**
 * Reads lines from whoever uses the program, while messages come in: the one piece that every interactive client uses.
 *
 * @module
 */

import type { Line } from "../../protocol/line.ts";
import { isDumb } from "./output.ts";
import { PipedLines } from "./piped_lines.ts";
import { type OriginalForm, PromptedLines } from "./prompted_lines.ts";
import { TerminalEditor } from "./terminal_editor.ts";
import { StandardTty } from "./tty.ts";

/** Where lines come from and messages are shown: a terminal, or a pipe or file. */
export interface LineEditor extends AsyncIterable<Line>, AsyncDisposable {
  /** Whether it is a terminal, which shows the prompt. */
  readonly isTerminal: boolean;
  /** What stands before the line on a terminal; may hold colours. A change is seen at once where lines are edited. */
  prompt: string;
  /** Aborted by Ctrl-C on a terminal; the lines that were not read by then are dropped. */
  readonly interrupted: AbortSignal;
  /**
   * The next line, or undefined where there is no more: Ctrl-D on an empty line, Ctrl-C, the end of a pipe, or
   * {@linkcode close}. Only while a line is asked for are the prompt and what is typed to be seen; what is typed
   * earlier waits. One call at a time. Iteration reads until there is no more.
   *
   * @param options.secret What is typed stays unseen and unremembered.
   */
  read(options?: { secret?: boolean }): Promise<Line | undefined>;
  /**
   * Prints text above the line being typed, which comes back as it was, or to standard output. A line end is added
   * where the text has none. Resolves when it is written. What others wrote has to be made harmless by `shown` before.
   */
  print(text: string): Promise<void>;
  /** The same for what is no result: without a terminal it goes to standard error. */
  notify(text: string): Promise<void>;
  /** Forgets the lines that can be gone back to: from now on, others are asked for. */
  clearHistory(): void;
  /** Gives the terminal back, with what was typed left on it. A pending {@linkcode read} has no line. */
  close(): Promise<void>;
}

/** Longest line that can be typed, in UTF-16 code units, or that a pipe may bring, in bytes. */
export const MAX_LINE = 65_536;

/**
 * An editor on standard input and output: on a terminal where both are one that can move its cursor.
 *
 * @param options.endsOnSignal Whether it ends the program when a signal comes that is to end it; true by default.
 * @param options.original What it writes where it is no terminal, in the place of an original client.
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
  return isOriginal ? new PromptedLines(prompt, MAX_LINE, original) : new PipedLines(prompt, MAX_LINE);
}
