/**
 * What TAB does: it completes the word before the cursor, from candidates that the user of the editor finds.
 *
 * @module
 */

import { escapeControls, type Size } from "../output.ts";
import type { EditedLine } from "./edited_line.ts";
import { previousBoundary, widthOfText } from "./graphemes.ts";

/** What may stand in the line instead of the word before the cursor. */
export interface Completion {
  /** Where the word begins, in UTF-16 code units. */
  from: number;
  /** Whole words, with the space behind them if one belongs there. */
  candidates: readonly string[];
}

/** Finds what a line may go on with at the cursor; undefined if that is not known. */
export type Complete = (
  line: string,
  cursor: number,
) => Completion | undefined | Promise<Completion | undefined>;

/** Milliseconds that candidates may take to be found; what is typed meanwhile waits. */
const MAX_COMPLETION_MS = 2000;

/** Completes words of the line. */
export class Completer {
  /** What the line was after the last TAB: a TAB there lists the candidates. */
  #last: string | undefined;
  /** Ends the wait for candidates. */
  #giveUp: (() => void) | undefined;

  /**
   * Inserts the one candidate, or what all have in common; lists them if that was done before.
   *
   * @returns Whether there was something to insert or to list.
   */
  async complete(
    line: EditedLine,
    find: Complete,
    list: (candidates: readonly string[]) => void,
  ): Promise<boolean> {
    const { text, cursor } = line, before = `${cursor},${text}`, isRepeated = this.#last === before;
    this.#last = before;
    const found = await this.#inTime((async () => await find(text, cursor))());
    // what a terminal would obey can't be typed either
    const candidates = [...new Set(found?.candidates)].filter((word) =>
      word !== "" && escapeControls(word) === word
    );
    if (found === undefined || candidates.length === 0 || this.#last !== before) return false;
    const from = Math.max(0, Math.min(found.from, cursor));
    const typed = text.slice(from, cursor), common = commonPrefix(candidates);
    if (candidates.length === 1 || common.length >= typed.length && common !== typed) {
      // a full line takes no word in part
      if (!line.replace(from, cursor, common)) return false;
      this.#last = `${line.cursor},${line.text}`;
      return true;
    }
    if (isRepeated) list(candidates);
    return isRepeated;
  }

  /** What is found in time. */
  async #inTime(finding: Promise<Completion | undefined>): Promise<Completion | undefined> {
    const late = Promise.withResolvers<undefined>();
    this.#giveUp = () => late.resolve(undefined);
    const timer = setTimeout(this.#giveUp, MAX_COMPLETION_MS);
    try {
      // a server that can't be asked completes nothing
      return await Promise.race([finding.catch(() => undefined), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Forgets the last TAB; candidates that are being found are dropped. */
  reset() {
    this.#last = undefined;
    this.#giveUp?.();
  }
}

/** The longest text that all words begin with, in whole characters. */
function commonPrefix([first = "", ...words]: readonly string[]): string {
  let length = first.length;
  for (const word of words) {
    let same = 0;
    while (same < length && word[same] === first[same]) same++;
    length = same;
  }
  // half of a character is none
  const end = length < first.length ? previousBoundary(first, length + 1) : length;
  return words.every((word) => end >= word.length || previousBoundary(word, end + 1) === end)
    ? first.slice(0, end)
    : first.slice(0, previousBoundary(first, end));
}

/** The candidates in columns, as much as the screen can show. */
export function candidateList(candidates: readonly string[], { columns, rows }: Size): string {
  const words = candidates.map((word) => word.trim());
  const width = Math.max(...words.map(widthOfText)) + 2;
  // the last column of a terminal stays empty
  const perRow = Math.max(1, Math.floor((columns + 1) / width));
  const room = Math.max(1, rows - 3) * perRow;
  const shown = words.slice(0, room), more = words.length - shown.length;
  const rowCount = Math.ceil(shown.length / perRow);
  const lines = Array.from({ length: rowCount }, (_, row) =>
    shown.filter((_, i) => i % rowCount === row)
      .map((word) => word + " ".repeat(width - widthOfText(word))).join("").trimEnd());
  return `${lines.join("\n")}\n${more > 0 ? `and ${more} more\n` : ""}`;
}
