/**
 * Tables of text in aligned columns, as wide as they look on a terminal.
 *
 * @module
 */

import { clusters, columnsOf } from "./line_editor/graphemes.ts";

/** How a column is aligned; one without a word is aligned at the left. */
export interface Column {
  heading: string;
  align?: "right";
}

/** How many columns of a terminal a text takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const cluster of clusters(text)) width += columnsOf(cluster);
  return width;
}

/** The text, cut to so many columns: then it ends in `…`. */
export function cutToWidth(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let cut = "", width = 0;
  for (const cluster of clusters(text)) {
    width += columnsOf(cluster);
    if (width > columns - 1) break;
    cut += cluster;
  }
  return columns > 0 ? `${cut}…` : "";
}

function pad(text: string, width: number, align?: "right"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "right" ? space + text : text + space;
}

/**
 * The lines of a table, the headings first. Each line is cut to `columns` columns; spaces at its end are left out.
 *
 * @param rows Cells, which hold no control characters.
 */
export function tableLines(
  headings: readonly Column[],
  rows: readonly (readonly string[])[],
  columns = Infinity,
): string[] {
  const all = [headings.map(({ heading }) => heading), ...rows];
  const widths = headings.map((_, i) => Math.max(...all.map((row) => textWidth(row[i] ?? ""))));
  return all.map((row) => {
    const line = row.map((cell, i) => pad(cell, widths[i]!, headings[i]!.align)).join("  ").trimEnd();
    return cutToWidth(line, columns);
  });
}
