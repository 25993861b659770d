import { clusters, columnsOf } from "./graphemes.ts";

/** What a terminal measures, in columns and rows. */
export interface Size {
  columns: number;
  rows: number;
}

/** What is to be seen at the bottom: a prompt, the text behind it, and the cursor in that text. */
export interface View {
  /** May hold colours (`ESC [ … m`). */
  prompt: string;
  text: string;
  /** In UTF-16 code units; between two grapheme clusters. */
  cursor: number;
}

/** A place in rows and columns below and right of where the prompt begins. */
interface Place {
  row: number;
  column: number;
  /** The last row is full, so that the terminal still waits with the cursor in it. */
  full: boolean;
}

/** What a TAB in the line looks like. */
const TAB = "    ";
/** Stands where a text that is longer than the screen is cut off. */
const CUT = "…";
// deno-lint-ignore no-control-regex -- colours
const COLOURS = /\x1b\[[0-9;]*m/g;

/**
 * Draws the line that is being typed, and what is printed above it, as sequences for a terminal. It knows where the
 * cursor is as long as nobody else writes there.
 *
 * The cursor gets to its column by writing what stands before it a second time, so that on one row it is right even
 * where the terminal has other widths than {@linkcode columnsOf}.
 */
export class Screen {
  /** What is drawn now: before the cursor and behind it. */
  #drawn: { before: string; after: string } | undefined;

  /** Prints text above the line, which has to be drawn again then. A last line end is added where there is none. */
  print(text: string, size: Size): string {
    return this.erase(size) + withReturns(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** Draws the view in place of what is drawn. */
  draw(view: View, size: Size): string {
    const text = visible(view.text.slice(0, view.cursor)), behind = visible(view.text.slice(view.cursor));
    const { before, after } = window(view.prompt, text, behind, size);
    const last = this.#drawn;
    if (last?.before === before && last.after === after) return "";
    const end = place(before + after, size.columns);
    let out: string;
    if (last !== undefined && last.after === "" && after === "" && goesOn(last.before, before)) {
      out = before.slice(last.before.length);
    } else {
      out = `${this.erase(size)}${before}${after}`;
    }
    // a full row is left, or nobody knows where the cursor is
    if (end.full) out += " \r";
    if (after !== "") {
      const at = place(before, size.columns);
      out += `${up(end.row)}\r${before}${at.full ? "\r\n" : ""}`;
    }
    this.#drawn = { before, after };
    return out;
  }

  /** Takes away what is drawn, also after the terminal has folded it anew for another size. */
  erase(size: Size): string {
    if (this.#drawn === undefined) return "";
    const { row } = place(this.#drawn.before, size.columns);
    this.#drawn = undefined;
    return `${up(row)}\r\x1b[J`;
  }

  /** Leaves what is drawn, with the cursor at the beginning of the row below. */
  leave(size: Size): string {
    if (this.#drawn === undefined) return "";
    const { before, after } = this.#drawn;
    const down = place(before + after, size.columns).row - place(before, size.columns).row;
    this.#drawn = undefined;
    return `${down > 0 ? `\x1b[${down}B` : ""}\r\n`;
  }

  /** Empties the screen; the view has to be drawn again. */
  clear(): string {
    this.#drawn = undefined;
    return "\x1b[H\x1b[2J";
  }
}

/** Text with CR LF line ends: a terminal in raw mode may want them. */
function withReturns(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

/** The text of a line as it looks while it is typed. */
export function visible(text: string): string {
  return text.replaceAll("\t", TAB);
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}

/** Whether `text` is `begun` and more, with a boundary of clusters between. */
function goesOn(begun: string, text: string): boolean {
  if (!text.startsWith(begun)) return false;
  // it is enough to look at the seam
  const [first = ""] = clusters(text.slice(begun.length));
  const [last = ""] = [...clusters(begun.slice(-32))].slice(-1);
  return [...clusters(last + first)].length === (last === "" || first === "" ? 1 : 2) && columnsOf(first) > 0;
}

/** Where the cursor is behind this text. */
function place(text: string, columns: number): Place {
  let row = 0, column = 0;
  for (const cluster of clusters(text.replace(COLOURS, ""))) {
    const width = columnsOf(cluster);
    // what does not fit into its row goes to the next one
    if (column + width > columns) row++, column = 0;
    column += width;
  }
  return column >= columns ? { row: row + 1, column: 0, full: true } : { row, column, full: false };
}

/** What of the text can be seen where all of it would take more rows than there are: a part around the cursor. */
function window(prompt: string, before: string, after: string, { columns, rows }: Size) {
  before = prompt + before;
  if (place(before + after, columns).row < rows) return { before, after };
  // a wide cluster may leave a column empty in each row
  const room = Math.max(2, (rows - 1) * (columns - 1) - place(prompt, Infinity).column - 2 * CUT.length);
  const page = Math.ceil(room / 2);
  const left = [...clusters(before.slice(prompt.length))], right = [...clusters(after)];
  // the window moves by pages, so that it doesn't move with each key
  const width = left.reduce((sum, cluster) => sum + columnsOf(cluster), 0);
  let skip = Math.max(0, Math.floor(width / page) - 1) * page, used = width - skip;
  const from = left.findIndex((cluster) => (skip -= columnsOf(cluster)) < 0);
  const seen = from < 0 ? left : left.slice(from);
  const to = right.findIndex((cluster) => (used += columnsOf(cluster)) > room);
  return {
    before: `${prompt}${from > 0 ? CUT : ""}${seen.join("")}`,
    after: to < 0 ? after : `${right.slice(0, to).join("")}${CUT}`,
  };
}
