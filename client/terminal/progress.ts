import { isDumb, writeError } from "./output.ts";

/** Least time between two shows, in milliseconds. */
const INTERVAL = 200;

/** Characters of a bar. */
const WIDTH = 30;

/** How far something is, `part` of 1, as a bar with its percentage. */
export function bar(part: number): string {
  return `[${"#".repeat(Math.floor(part * WIDTH)).padEnd(WIDTH, ".")}] ${
    String(Math.floor(part * 100)).padStart(3)
  } %`;
}

/** One line on standard error that tells how far something is, where that is a terminal. */
export class Progress {
  readonly #on = Deno.stderr.isTerminal() && !isDumb();
  #last = -Infinity;
  #shown = false;

  /**
   * Shows the text, if the last one has been there for long enough.
   *
   * @param text Given the columns that there are: what takes more can't be taken away again.
   */
  async show(text: (columns: number) => string) {
    if (!this.#on || performance.now() - this.#last < INTERVAL) return;
    this.#last = performance.now();
    this.#shown = true;
    await writeError(`\r\x1b[K${text(columnsOfTerminal())}`);
  }

  /** Takes the line away. */
  async clear() {
    if (this.#shown) await writeError("\r\x1b[K");
    this.#shown = false;
  }
}

/** Columns of the terminal, without the last one, in which some begin a new row. */
function columnsOfTerminal(): number {
  try {
    const { columns } = Deno.consoleSize();
    // some say 0, because nobody has told them
    return columns > 1 ? columns - 1 : 79;
  } catch {
    return 79;
  }
}
