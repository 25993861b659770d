/**
 * Reads lines from a person or a script while messages come in. Every interactive client uses it.
 *
 * @module
 */

import type { Line } from "../../../protocol/line.ts";
import type { Complete } from "./completion.ts";

/** Longest line that can be typed, in UTF-16 code units, or that a pipe may bring, in bytes. */
export const MAX_LINE = 65_536;

/** Where lines come from and messages are shown: a terminal, a pipe or a file. */
export abstract class LineEditor<L extends Line = Line> implements AsyncIterable<L>, AsyncDisposable {
  /** Whether it is a terminal, which shows the prompt. */
  abstract readonly isTerminal: boolean;
  /** Stands before the line on a terminal; may hold colours. A change is seen at once if lines are edited. */
  abstract prompt: string;
  /** What TAB may complete the line with on a terminal. Without it a TAB is text, as in a pipe or a pasted text. */
  complete: Complete | undefined;
  /** Aborted by Ctrl-C on a terminal; lines that are not read by then are dropped. */
  abstract readonly interrupted: AbortSignal;

  /**
   * The next line, or undefined if there is none: after Ctrl-D on an empty line, Ctrl-C, the end of a pipe, or
   * {@linkcode close}. The prompt and the typed text are shown only during a read; what is typed earlier waits.
   * One call at a time.
   *
   * @param options.secret What is typed is not shown and not kept in the history.
   */
  abstract read(options?: { secret?: boolean }): Promise<L | undefined>;

  /**
   * Prints text to standard output, on a terminal above the line being typed. Adds a missing line end. Resolves when
   * it is written. Text from others goes through `escapeControls` first.
   */
  abstract print(text: string): Promise<void>;

  /** Prints what is no result: without a terminal it goes to standard error. */
  abstract notify(text: string): Promise<void>;

  /** Restores the terminal, with what was typed left on it. A pending {@linkcode read} gets no line. */
  abstract close(): Promise<void>;

  /** Forgets the earlier lines: another kind of line is asked for from now on. */
  clearHistory() {}

  /** Reads until there are no more lines. */
  async *[Symbol.asyncIterator](): AsyncGenerator<L> {
    for (let line = await this.read(); line !== undefined; line = await this.read()) yield line;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
