/**
 * Reads lines from a person or a script while messages come in. Every interactive client uses it.
 *
 * @module
 */

import type { Line } from "../../../protocol/syntax/line.ts";
import { type Size, terminalSize } from "../output.ts";
import type { Complete } from "./completion.ts";
import type { KeyReader } from "./keys/queue.ts";

/** Longest line that can be typed, in UTF-16 code units, or that a pipe may bring, in bytes. */
export const MAX_LINE = 65_536;

/** How a line is read. */
export interface ReadOptions {
  /** What is typed is not shown and not kept in the history. */
  secret?: boolean;
  /** Nothing is read behind the line until {@linkcode LineEditor.resume} or the next read, so that it can be lent. */
  hold?: boolean;
}

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
   */
  abstract read(options?: ReadOptions): Promise<L | undefined>;

  /**
   * Gives the terminal back until {@linkcode resume}, the next read or the end: it is as it was before, and another
   * program can use it. Ctrl-C is a signal then. That needs a line that was read with `hold`, and no line behind it.
   */
  lend() {}

  /** Whether the terminal was given back. */
  get isLent(): boolean {
    return false;
  }

  /** Takes a terminal that was given back, and reads on. */
  resume() {}

  /** Reads keys instead of lines, on a terminal that can move its cursor, until it is disposed of. */
  readKeys(): KeyReader | undefined {
    return undefined;
  }

  /** The size of the terminal. */
  get size(): Size {
    return terminalSize();
  }

  /**
   * Prints text to standard output, on a terminal above the line being typed. Adds a missing line end. Resolves when
   * it is written. Text from others goes through `escapeControls` first.
   */
  abstract print(text: string): Promise<void>;

  /** Prints what is no result: without a terminal it goes to standard error. */
  abstract notify(text: string): Promise<void>;

  /** Clears a terminal's screen, but for the line being typed. */
  clear(): Promise<void> {
    return Promise.resolve();
  }

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
