/**
 * A terminal in memory: keys go in, and what would be on its screen can be looked at. It obeys what xterm obeys, as
 * far as a line editor needs it, and complains about anything else.
 *
 * @module
 */

import type { Size } from "../../../client/terminal/output.ts";
import type { Tty } from "../../../client/terminal/line_editor/tty.ts";
import { PATIENCE_MS } from "../../patience.ts";

const encoder = new TextEncoder();

/** Widths of the characters that tests use, written down by hand. */
function widthOf(char: string): number {
  return /[\u0301\u200d\ufe0f\u0e38]/.test(char) ? 0 : /[漢字日本語👩👧🎉🇩🇪🇫🇷]/u.test(char) ? 2 : 1;
}

/** Whether a character joins the one in the cell before it: emoji behind a joiner, and the second half of a flag. */
function joins(cell: string | undefined, char: string): boolean {
  return cell !== undefined && (cell.endsWith("\u200d") || /^\p{RI}$/u.test(cell) && /^\p{RI}$/u.test(char));
}

export class VirtualTty implements Tty {
  /** The calls that changed its mode, oldest first. */
  readonly events: string[] = [];
  rang = 0;
  #size: Size;
  /** Rows, each with what its cells show; the right half of a wide character is "". */
  #rows: string[][] = [[]];
  /** Whether each row goes on with the line of the one above. */
  #wrapped: boolean[] = [false];
  #row = 0;
  #column = 0;
  readonly #input: (Uint8Array | null)[] = [];
  #wake: (() => void) | undefined;
  #changed: (() => void) | undefined;
  #wrote: (() => void) | undefined;

  constructor(columns = 20, rows = 10) {
    this.#size = { columns, rows };
  }

  /** Types these bytes; null hangs up. */
  type(keys: string | Uint8Array | null) {
    this.#input.push(typeof keys === "string" ? encoder.encode(keys) : keys);
    this.#wake?.();
  }

  /** Makes it wider or narrower, and folds its lines anew, as terminals of today do. */
  resize(columns: number) {
    const folded: string[][] = [], wrapped: boolean[] = [];
    let line: string[] = [], cursor = -1;
    const fold = () => {
      if (cursor >= 0) {
        [this.#row, this.#column] = [folded.length + Math.floor(cursor / columns), cursor % columns];
      }
      for (let at = 0; at === 0 || at < line.length; at += columns) {
        folded.push(line.slice(at, at + columns));
        wrapped.push(at > 0);
      }
      line = [], cursor = -1;
    };
    const row = this.#row, column = this.#column;
    this.#rows.forEach((cells, i) => {
      if (i > 0 && !this.#wrapped[i]) fold();
      if (i === row) cursor = line.length + column;
      line = line.concat(cells);
    });
    fold();
    this.#rows = folded, this.#wrapped = wrapped;
    this.#size = { ...this.#size, columns };
    this.#changed?.();
  }

  /** What is to be seen, `|` at the cursor. */
  get screen(): string {
    return this.#rows.slice(-this.#size.rows).map((cells, row, seen) => {
      const at = row === this.#row - (this.#rows.length - seen.length) ? this.#column : -1;
      const padded = [...cells, ...Array(Math.max(0, at - cells.length)).fill(" ")].map((c) => c ?? " ");
      return at < 0
        ? padded.join("").trimEnd()
        : `${padded.slice(0, at).join("")}|${padded.slice(at).join("").trimEnd()}`;
    }).join("\n");
  }

  /** All rows, those that have scrolled away too. */
  get lines(): string[] {
    return this.#rows.map((cells) => cells.join(""));
  }

  /** Waits until the screen is this. */
  async shows(screen: string) {
    await this.#until(() => this.screen === screen, screen);
  }

  /** Waits until this is somewhere on the screen. */
  async contains(text: string) {
    await this.#until(() => this.screen.includes(text), text);
  }

  async #until(fits: () => boolean, wanted: string) {
    while (!fits()) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wrote = resolve;
      const timer = setTimeout(
        () => reject(new Error(`Screen is\n${this.screen}\nand not\n${wanted}`)),
        PATIENCE_MS,
      );
      await promise.finally(() => clearTimeout(timer));
    }
  }

  raw() {
    this.events.push("raw");
  }

  restore() {
    this.events.push("restored");
  }

  async read(signal: AbortSignal): Promise<Uint8Array | null> {
    while (this.#input.length === 0 && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>(), wake = () => resolve();
      this.#wake = wake;
      signal.addEventListener("abort", wake);
      await promise;
      signal.removeEventListener("abort", wake);
    }
    return signal.aborted ? null : this.#input.shift()!;
  }

  unread(text: string) {
    this.#input.unshift(encoder.encode(text));
  }

  write(text: string): Promise<void> {
    this.#obey(text);
    this.#wrote?.();
    return Promise.resolve();
  }

  size(): Size {
    return this.#size;
  }

  watch(changed: () => void): Disposable {
    this.#changed = changed;
    return { [Symbol.dispose]: () => this.#changed = undefined };
  }

  suspend() {
    this.events.push("suspended");
  }

  #obey(text: string) {
    // deno-lint-ignore no-control-regex -- the sequences that a terminal obeys
    for (const [token] of text.matchAll(/\x1b\[\d*[A-Za-z]|[^]/gu)) {
      // deno-lint-ignore no-control-regex -- as above
      const move = /^\x1b\[(\d*)([A-Za-z])$/.exec(token);
      if (move) this.#sequence(Number(move[1] || 1), move[2]!, move[1]!);
      else if (token === "\r") this.#column = 0;
      else if (token === "\n") this.#down();
      else if (token === "\x07") this.rang++;
      else if (token < " " || token === "\x7f") throw new Error(`Control character ${JSON.stringify(token)}`);
      else this.#print(token);
    }
  }

  #sequence(count: number, name: string, parameter: string) {
    // colours are not looked at
    if (name === "m") return;
    const top = Math.max(0, this.#rows.length - this.#size.rows);
    if (name === "A") this.#row = Math.max(top, this.#row - count);
    else if (name === "B") this.#row = Math.min(this.#rows.length - 1, this.#row + count);
    else if (name === "K") {
      this.#rows[this.#row]!.length = Math.min(this.#rows[this.#row]!.length, this.#column);
    } else if (name === "H") [this.#row, this.#column] = [top, 0];
    else if (name === "J") {
      this.#rows.length = parameter === "2" ? top + 1 : this.#row + 1;
      this.#rows[this.#row]!.length = parameter === "2"
        ? 0
        : Math.min(this.#rows[this.#row]!.length, this.#column);
      if (parameter === "2") this.#rows[top] = [], this.#row = top;
    } else throw new Error(`Sequence ${name}`);
  }

  #print(char: string) {
    const width = widthOf(char);
    const cells = () => this.#rows[this.#row]!;
    let last = this.#column - 1;
    while (cells()[last] === "") last--;
    if (width === 0 || joins(cells()[last], char)) {
      cells()[last] += char;
      return;
    }
    // the cursor waits in a full row until something comes behind it
    if (this.#column + width > this.#size.columns) {
      this.#column = 0;
      this.#down();
      this.#wrapped[this.#row] = true;
    }
    cells()[this.#column] = char;
    if (width === 2) cells()[this.#column + 1] = "";
    this.#column += width;
  }

  #down() {
    this.#row++;
    if (this.#row < this.#rows.length) return;
    this.#rows.push([]);
    this.#wrapped[this.#row] = false;
  }
}
