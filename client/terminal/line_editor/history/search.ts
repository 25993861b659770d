import type { EditedLine } from "../edited_line.ts";
import { previousBoundary } from "../graphemes.ts";
import type { History } from "./history.ts";
import type { Key } from "../keys/keys.ts";

/** Longest text to search for, in UTF-16 code units. */
const MAX_TEXT_UNITS = 256;

/**
 * What becomes of the search: it goes `on`, also if the text is `not found`; it is `left`, and the edited line is as it
 * was; or the line that was found is `taken`.
 */
type SearchOutcome = "on" | "not found" | "left" | "taken";

/** Searches the earlier lines backwards for a text, as it is typed. Capitals count only if the text has some. */
export class HistorySearch {
  readonly #history: History;
  #text = "";
  #found: { index: number; line: string; cursor: number } | undefined;
  #isFound = true;

  constructor(history: History) {
    this.#history = history;
  }

  get prompt(): string {
    return `(${this.#isFound ? "search" : "not found"}) ${this.#text}: `;
  }

  /** The line that was found. */
  get line(): { text: string; cursor: number } | undefined {
    return this.#found && { text: this.#found.line, cursor: this.#found.cursor };
  }

  /** Applies a key. */
  press(key: Key): SearchOutcome {
    if ("text" in key) {
      if (this.#text.length + key.text.length > MAX_TEXT_UNITS) return "not found";
      this.#text += key.text;
      // the line that is shown may have it too
      return this.#find((this.#found?.index ?? Infinity) + 1);
    }
    switch (key.key) {
      case "search":
        return this.#find(this.#found?.index ?? Infinity);
      case "backspace":
        this.#text = this.#text.slice(0, previousBoundary(this.#text, this.#text.length));
        this.#found = undefined;
        return this.#find(Infinity);
      case "cancel":
      case "escape":
        return "left";
      default:
        return "taken";
    }
  }

  /** Puts the line that was found into the line that is edited. */
  take(line: EditedLine) {
    if (this.#found === undefined) return;
    line.show(this.#history.goTo(this.#found.index, line.text), this.#found.cursor);
  }

  #find(before: number): SearchOutcome {
    if (this.#text === "") {
      this.#found = undefined;
      this.#isFound = true;
      return "on";
    }
    const ignoresCase = this.#text === this.#text.toLowerCase();
    const found = this.#history.find((line) => {
      const lower = line.toLowerCase();
      // a few letters are longer in small
      return (ignoresCase && lower.length === line.length ? lower : line).indexOf(this.#text);
    }, before);
    this.#isFound = found !== undefined;
    // what was found before stays
    if (found === undefined) return "not found";
    this.#found = { index: found.index, line: found.line, cursor: found.at };
    return "on";
  }
}
