import { isDumb, terminalSize, writeError } from "./output.ts";

/** Least milliseconds between two updates. */
const INTERVAL_MS = 200;

/** Characters of a bar. */
const WIDTH = 30;

/** A bar with its percentage; `part` is 0 to 1. */
export function bar(part: number): string {
  return `[${"#".repeat(Math.floor(part * WIDTH)).padEnd(WIDTH, ".")}] ${
    String(Math.floor(part * 100)).padStart(3)
  } %`;
}

/** One line on standard error that shows how far something is, if that is a terminal. */
export class Progress {
  readonly #isOn = Deno.stderr.isTerminal() && !isDumb();
  #last = -Infinity;
  #shown = false;

  /**
   * Shows the text, unless the last one was shown just now.
   *
   * @param text Gets the columns that it may take: a longer line could not be cleared.
   */
  async show(text: (columns: number) => string) {
    if (!this.#isOn || performance.now() - this.#last < INTERVAL_MS) return;
    this.#last = performance.now();
    this.#shown = true;
    // some terminals begin a new row in the last column
    await writeError(`\r\x1b[K${text(terminalSize().columns - 1)}`);
  }

  /** Clears the line. */
  async clear() {
    if (this.#shown) await writeError("\r\x1b[K");
    this.#shown = false;
  }
}
