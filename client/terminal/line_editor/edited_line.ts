import { nextBoundary, previousBoundary } from "./graphemes.ts";
import type { History } from "./history/history.ts";
import type { KeyName } from "./keys/keys.ts";

/** The line that is being typed. The cursor is never inside a grapheme cluster. */
export class EditedLine {
  text = "";
  /** In UTF-16 code units. */
  cursor = 0;
  #killed = "";
  readonly #max: number;
  readonly #history: History;

  /** @param max Longest text, in UTF-16 code units. */
  constructor(max: number, history: History) {
    this.#max = max;
    this.#history = history;
  }

  /** Inserts text at the cursor, as far as there is room. Returns whether all of it had room. */
  insert(text: string): boolean {
    const room = Math.max(0, this.#max - this.text.length);
    const fits = text.length <= room;
    const taken = fits ? text : text.slice(0, previousBoundary(text, room + 1));
    const end = this.cursor + taken.length;
    this.text = this.text.slice(0, this.cursor) + taken + this.text.slice(this.cursor);
    // the new text may form one cluster with the text behind it
    this.cursor = taken === "" ? this.cursor : nextBoundary(this.text, end - 1);
    return fits;
  }

  /** Puts a text in the place of a part of the line, and the cursor behind it, unless there is no room. */
  replace(from: number, to: number, text: string): boolean {
    const line = this.text.slice(0, from) + text + this.text.slice(to);
    if (line.length > this.#max) return false;
    this.text = line;
    this.cursor = from + text.length === 0 ? 0 : nextBoundary(line, from + text.length - 1);
    return true;
  }

  /** Returns the text, and clears the line. */
  take(): string {
    const text = this.text;
    this.show("");
    return text;
  }

  /** Shows another line, with the cursor at the beginning of the character at `cursor`. */
  show(text: string, cursor = text.length) {
    this.text = text;
    this.cursor = cursor >= text.length ? text.length : previousBoundary(text, cursor + 1);
  }

  /** Forgets the killed text. */
  clearKilled() {
    this.#killed = "";
  }

  /** Applies a key; keys that do not edit a line do nothing. */
  press(key: KeyName) {
    const text = this.text, at = this.cursor, to = TARGETS[key]?.(text, at);
    if (key === "yank") this.insert(this.#killed);
    else if (key === "up") this.show(this.#history.up(text) ?? text);
    else if (key === "down") this.show(this.#history.down(text) ?? text);
    else if (to === undefined || to === at) return;
    else if (key === "backspace" || key === "delete") this.#remove(Math.min(to, at), Math.max(to, at));
    else if (key.startsWith("kill-")) this.#killed = this.#remove(Math.min(to, at), Math.max(to, at));
    else this.cursor = to;
  }

  #remove(from: number, to: number): string {
    const removed = this.text.slice(from, to);
    this.text = this.text.slice(0, from) + this.text.slice(to);
    // the two parts may form one cluster
    this.cursor = from === 0 ? 0 : nextBoundary(this.text, from - 1);
    return removed;
  }
}

const toStart = () => 0, toEnd = (text: string) => text.length;

/** Where the cursor goes from `at`, or how far a key removes text. */
const TARGETS: { readonly [Key in KeyName]?: (text: string, at: number) => number } = {
  "left": previousBoundary,
  "right": nextBoundary,
  "word-left": wordLeft,
  "word-right": wordRight,
  "home": toStart,
  "end": toEnd,
  "backspace": previousBoundary,
  "delete": nextBoundary,
  "kill-to-start": toStart,
  "kill-to-end": toEnd,
  "kill-space-word": spaceWordLeft,
  "kill-word-left": wordLeft,
  "kill-word-right": wordRight,
};

const WORD = /[\p{L}\p{M}\p{N}_]/u;

function isWordAt(text: string, at: number): boolean {
  return WORD.test(String.fromCodePoint(text.codePointAt(at)!));
}

function wordLeft(text: string, at: number): number {
  const back = () => previousBoundary(text, at);
  while (at > 0 && !isWordAt(text, back())) at = back();
  while (at > 0 && isWordAt(text, back())) at = back();
  return at;
}

function wordRight(text: string, at: number): number {
  while (at < text.length && !isWordAt(text, at)) at = nextBoundary(text, at);
  while (at < text.length && isWordAt(text, at)) at = nextBoundary(text, at);
  return at;
}

function spaceWordLeft(text: string, at: number): number {
  return at - (/\S*\s*$/u.exec(text.slice(0, at))?.[0].length ?? 0);
}
