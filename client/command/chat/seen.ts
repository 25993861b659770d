/** Lines and names that are remembered. */
const MAX_LINES = 1000, MAX_NAMES = 1000;

/** Longest line and name that is remembered, in UTF-16 code units: with colours, several times what a server sends. */
const MAX_LINE_UNITS = 8192, MAX_NAME_UNITS = 256;

/** What a client has seen and said since it came: for servers and wires that can't be asked. */
export class Seen {
  /** The lines, as they were shown. */
  readonly #lines: string[] = [];
  /** How many of each name are there, as far as that was seen. */
  readonly #names = new Map<string, number>();

  /** Somebody was seen: has come, or is seen for the first time. */
  came(name: string) {
    if (name.length > MAX_NAME_UNITS || this.#names.size >= MAX_NAMES && !this.#names.has(name)) return;
    this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
  }

  spoke(name: string) {
    if (!this.#names.has(name)) this.came(name);
  }

  left(name: string) {
    const count = this.#names.get(name) ?? 0;
    if (count > 1) this.#names.set(name, count - 1);
    else this.#names.delete(name);
  }

  /** Somebody else than before is there. */
  forgetNames() {
    this.#names.clear();
  }

  line(shown: string) {
    if (shown.length > MAX_LINE_UNITS) return;
    this.#lines.push(shown);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
  }

  lines(count: number): string[] {
    return count > 0 ? this.#lines.slice(-count) : [];
  }

  /** The names, each with how many there are of it, ordered. */
  get names(): [string, number][] {
    return [...this.#names].sort(([a], [b]) => a.localeCompare(b));
  }
}
