import { clusters, columnsOf, widthOfText, widthsOf } from "./graphemes.ts";
import { type Size, withLineEnd } from "../output.ts";

/** What the bottom of the screen shows: a prompt, the text behind it, and the cursor in that text. */
export interface View {
  /** May hold colours (`ESC [ … m`). */
  prompt: string;
  text: string;
  /** In UTF-16 code units; between two grapheme clusters. */
  cursor: number;
}

/** Rows and columns from where the prompt begins. */
interface Position {
  row: number;
  column: number;
  /** The row above is full; the terminal keeps the cursor in it until more is written. */
  full: boolean;
}

/** What a TAB in the line looks like. */
const TAB = "    ";
/** Marks where a text that is longer than the screen is cut. */
const CUT = "…";
/** Columns that a text keeps beside a prompt that would fill the screen. */
const MIN_ROOM_COLUMNS = 4;
// deno-lint-ignore no-control-regex -- colours
const COLOURS = /\x1b\[[0-9;]*m/g;

/**
 * Draws the line that is being typed, and what is printed above it, as control sequences. It knows where the cursor is
 * as long as nothing else writes there.
 *
 * The cursor gets to its column by writing the text before it a second time: on one row it is right even if the
 * terminal has other widths than {@linkcode columnsOf}.
 */
export class Screen {
  /** The text that is drawn, before the cursor and behind it. */
  #drawn: { before: string; after: string } | undefined;

  /** Prints text above the line, which has to be drawn again afterwards. Adds a missing line end. */
  print(text: string, size: Size): string {
    // a terminal in raw mode needs the CR
    return this.erase(size) + withLineEnd(text).replace(/\r?\n/g, "\r\n");
  }

  /** Draws the view in place of what is drawn. */
  draw(view: View, size: Size): string {
    const text = visible(view.text.slice(0, view.cursor)), behind = visible(view.text.slice(view.cursor));
    const { before, after } = window(view.prompt, text, behind, size);
    const last = this.#drawn;
    if (last?.before === before && last.after === after) return "";
    const end = positionAfter(before + after, size.columns);
    let out: string;
    if (last !== undefined && last.after === "" && after === "" && isContinued(last.before, before)) {
      out = before.slice(last.before.length);
    } else {
      out = `${this.erase(size)}${before}${after}`;
    }
    // leaves a full row: the place of the cursor would be unknown
    if (end.full) out += " \r";
    if (after !== "") {
      out += `${up(end.row)}\r${before}${cursorAt(before, after, size.columns).isBelow ? "\r\n" : ""}`;
    }
    this.#drawn = { before, after };
    return out;
  }

  /** Erases what is drawn, also after the terminal has wrapped it again for another size. */
  erase(size: Size): string {
    if (this.#drawn === undefined) return "";
    const { before, after } = this.#drawn;
    const { row } = cursorAt(before, after, size.columns),
      more = positionAfter(before + after, size.columns).row > 0;
    this.#drawn = undefined;
    // tmux keeps a screen that is cleared as a whole in its history: clear the first row separately
    return `${up(row)}\r\x1b[K${more ? "\x1b[1B\x1b[J\x1b[1A" : ""}`;
  }

  /** Leaves what is drawn, with the cursor at the beginning of the row below. */
  leave(size: Size): string {
    if (this.#drawn === undefined) return "";
    const { before, after } = this.#drawn;
    const down = positionAfter(before + after, size.columns).row - cursorAt(before, after, size.columns).row;
    this.#drawn = undefined;
    return `${down > 0 ? `\x1b[${down}B` : ""}\r\n`;
  }

  /** Clears the screen; the view has to be drawn again. */
  clear(): string {
    this.#drawn = undefined;
    return "\x1b[H\x1b[2J";
  }
}

/** The text of a line as it looks while it is typed. */
export function visible(text: string): string {
  return text.replaceAll("\t", TAB);
}

/** How many rows a text without line ends takes. */
export function rowsOf(text: string, columns: number): number {
  const { row, full } = positionAfter(visible(text), columns);
  return full ? row : row + 1;
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}

/** Whether `text` is `begun` and more, with a cluster boundary between them. */
function isContinued(begun: string, text: string): boolean {
  if (!text.startsWith(begun)) return false;
  const [first = ""] = clusters(text.slice(begun.length));
  const [last = ""] = [...clusters(begun.slice(-32))].slice(-1);
  return [...clusters(last + first)].length === (last === "" || first === "" ? 1 : 2) && columnsOf(first) > 0;
}

/** Where the cursor is behind this text. */
function positionAfter(text: string, columns: number): Position {
  let row = 0, column = 0;
  for (const cluster of clusters(text.replace(COLOURS, ""))) {
    for (const width of widthsOf(cluster)) {
      // what is wide and does not fit goes to the next row
      if (column + width > columns) row++, column = 0;
      column += width;
    }
  }
  return column >= columns ? { row: row + 1, column: 0, full: true } : { row, column, full: false };
}

/** The row of the cursor between these texts, and whether it is the row below the one in which `before` ends. */
function cursorAt(before: string, after: string, columns: number): { row: number; isBelow: boolean } {
  const { row, column, full } = positionAfter(before, columns);
  const [next = ""] = clusters(after);
  // the cursor stands on what is behind it
  const isBelow = full || column + (widthsOf(next)[0] ?? 0) > columns;
  return { row: isBelow && !full ? row + 1 : row, isBelow };
}

/** The part of the text around the cursor that fits on the screen. */
function window(prompt: string, before: string, after: string, { columns, rows }: Size) {
  if (positionAfter(prompt + before + after, columns).row < rows) return { before: prompt + before, after };
  // a wide cluster may leave a column empty in each row
  const all = (rows - 1) * (columns - 1) - 2 * CUT.length;
  const begin = shortened(prompt, Math.max(0, Math.floor(all / 2)));
  const room = Math.max(MIN_ROOM_COLUMNS, all - widthOfText(begin.replace(COLOURS, "")));
  const page = Math.ceil(room / 2);
  const left = [...clusters(before)], right = [...clusters(after)];
  // the window moves by pages, so that it doesn't move with each key
  const width = left.reduce((sum, cluster) => sum + columnsOf(cluster), 0);
  let skip = Math.max(0, Math.floor(width / page) - 1) * page, used = width - skip;
  const from = left.findIndex((cluster) => (skip -= columnsOf(cluster)) < 0);
  const seen = from < 0 ? left : left.slice(from);
  const to = right.findIndex((cluster) => (used += columnsOf(cluster)) > room);
  return {
    before: `${begin}${from > 0 ? CUT : ""}${seen.join("")}`,
    after: to < 0 ? after : `${right.slice(0, to).join("")}${CUT}`,
  };
}

/** The prompt, or its end without its colours if it is wider than `columns`. */
function shortened(prompt: string, columns: number): string {
  const plain = [...clusters(prompt.replace(COLOURS, ""))];
  let width = 0;
  const cut = plain.findLastIndex((cluster) => (width += columnsOf(cluster)) > columns);
  return cut < 0 ? prompt : `${CUT}${plain.slice(cut + 1).join("")}`;
}
