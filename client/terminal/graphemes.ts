/**
 * Text as a person sees it: in grapheme clusters (Unicode, UAX #29), each so many columns wide.
 *
 * @module
 */

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/** The grapheme clusters of a text. */
export function* clusters(text: string): Generator<string> {
  // most of what is typed needs no segmenter
  if (/^[\x20-\x7e]*$/.test(text)) yield* text;
  else for (const { segment } of graphemes.segment(text)) yield segment;
}

/** Where the cluster begins that ends at or holds what is before `at`. */
export function previousBoundary(text: string, at: number): number {
  return at <= 0 ? 0 : graphemes.segment(text).containing(at - 1)!.index;
}

/** Where the cluster ends that begins at or holds `at`. */
export function nextBoundary(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const { index, segment } = graphemes.segment(text).containing(at)!;
  return index + segment.length;
}

const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\p{Default_Ignorable_Code_Point}]+$/u;
const EMOJI = /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{RI}{2})/u;

/**
 * First and last code points of the blocks that are two columns wide: East_Asian_Width W and F (Unicode, UAX #11),
 * taken together where what lies between them is not assigned. Emoji are told by their own property.
 */
const WIDE = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x18cff],
  [0x1aff0, 0x1b2ff],
  [0x1f200, 0x1f2ff],
  [0x20000, 0x2fffd],
  [0x30000, 0x3fffd],
] as const;

/** How many columns a terminal gives a cluster: 0, 1 or 2. Terminals differ over some emoji. */
export function columnsOf(cluster: string): number {
  const code = cluster.codePointAt(0) ?? 0;
  if (code < 0x300) return cluster === "" || cluster === "\u00ad" ? 0 : cluster.includes("\ufe0f") ? 2 : 1;
  if (ZERO.test(cluster)) return 0;
  if (EMOJI.test(cluster)) return 2;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}
