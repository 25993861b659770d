/** Lines that were sent, to be gone back to. The oldest are forgotten first. */
export class History {
  readonly #lines: string[] = [];
  readonly #max: number;
  readonly #maxLength: number;
  #length = 0;
  /** Where it stands: `#lines.length` is the line being typed. */
  #at = 0;
  /** What was typed at each place that was left, until a line is sent. */
  readonly #changed = new Map<number, string>();

  /** @param max Most lines that are kept, and @param maxLength most UTF-16 code units in all of them. */
  constructor(max: number, maxLength: number) {
    this.#max = max;
    this.#maxLength = maxLength;
  }

  /** Keeps a line, unless it is blank or the same as the one before, and stands behind it again. */
  add(line: string) {
    if (line.trim() !== "" && line !== this.#lines.at(-1)) {
      this.#lines.push(line);
      this.#length += line.length;
    }
    while (this.#lines.length > this.#max || this.#length > this.#maxLength) {
      this.#length -= this.#lines.shift()!.length;
    }
    this.reset();
  }

  /** Forgets all of them. */
  clear() {
    this.#lines.length = this.#length = 0;
    this.reset();
  }

  /** Stands behind the last line again, and forgets what was typed elsewhere. */
  reset() {
    this.#changed.clear();
    this.#at = this.#lines.length;
  }

  /** The line before this one, in whose place `text` is now typed; undefined at the first. */
  up(text: string): string | undefined {
    return this.#go(this.#at - 1, text);
  }

  /** The line after it; undefined where it is the one being typed. */
  down(text: string): string | undefined {
    return this.#go(this.#at + 1, text);
  }

  #go(to: number, text: string): string | undefined {
    if (to < 0 || to > this.#lines.length) return undefined;
    this.#changed.set(this.#at, text);
    this.#at = to;
    return this.#changed.get(to) ?? this.#lines[to] ?? "";
  }
}
