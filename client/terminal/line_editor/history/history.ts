/** The lines that were entered, for the up and down keys. The oldest are dropped first. */
export class History {
  readonly #lines: string[] = [];
  readonly #maxLines: number;
  readonly #maxLength: number;
  #length = 0;
  /** Index of the current line; `#lines.length` is the new line. */
  #at = 0;
  /** Edited texts by index, until a line is entered. */
  readonly #edited = new Map<number, string>();

  /** Keeps at most `maxLines` lines, with at most `maxLength` UTF-16 code units in all. */
  constructor(maxLines: number, maxLength: number) {
    this.#maxLines = maxLines;
    this.#maxLength = maxLength;
  }

  /** Keeps a line, unless it is blank or the same as the one before, and goes to the new line. */
  add(line: string) {
    if (line.trim() !== "" && line !== this.#lines.at(-1)) {
      this.#lines.push(line);
      this.#length += line.length;
    }
    while (this.#lines.length > this.#maxLines || this.#length > this.#maxLength) {
      this.#length -= this.#lines.shift()!.length;
    }
    this.reset();
  }

  clear() {
    this.#lines.length = this.#length = 0;
    this.reset();
  }

  /** Goes to the new line, and drops all edits. */
  reset() {
    this.#edited.clear();
    this.#at = this.#lines.length;
  }

  /** The line before the current one, whose text is now `text`; undefined at the first. */
  up(text: string): string | undefined {
    return this.#go(this.#at - 1, text);
  }

  /** The line after it; undefined at the new line. */
  down(text: string): string | undefined {
    return this.#go(this.#at + 1, text);
  }

  /** The line with this index, which becomes the current one. */
  goTo(index: number, text: string): string {
    return this.#go(index, text) ?? text;
  }

  /**
   * The newest line before the index `before` in which something is found, and where.
   *
   * @param search Returns where it is in a line; less than 0 if it is not.
   */
  find(
    search: (line: string) => number,
    before: number,
  ): { index: number; line: string; at: number } | undefined {
    for (let index = Math.min(before, this.#lines.length) - 1; index >= 0; index--) {
      const line = this.#edited.get(index) ?? this.#lines[index]!, at = search(line);
      if (at >= 0) return { index, line, at };
    }
  }

  #go(to: number, text: string): string | undefined {
    if (to < 0 || to > this.#lines.length) return undefined;
    this.#edited.set(this.#at, text);
    this.#at = to;
    return this.#edited.get(to) ?? this.#lines[to] ?? "";
  }
}
