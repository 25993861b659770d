import { writeError } from "./output.ts";

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
  readonly #on = Deno.stderr.isTerminal();
  #last = -Infinity;
  #shown = false;

  /** Shows the text, if the last one has been there for long enough. */
  async show(text: () => string) {
    if (!this.#on || performance.now() - this.#last < INTERVAL) return;
    this.#last = performance.now();
    this.#shown = true;
    await writeError(`\r\x1b[K${text()}`);
  }

  /** Takes the line away. */
  async clear() {
    if (this.#shown) await writeError("\r\x1b[K");
    this.#shown = false;
  }
}
