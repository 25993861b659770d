/**
 * Text as a person sees it: grapheme clusters (Unicode, UAX #29) and their widths in columns.
 *
 * @module
 */

let segmenter: Intl.Segmenter | undefined;

/** The segmenter is made when it is needed: it would take a tenth of a command's start. */
function segments(text: string): Intl.Segments {
  return (segmenter ??= new Intl.Segmenter(undefined, { granularity: "grapheme" })).segment(text);
}

/** The grapheme clusters of a text. */
export function* clusters(text: string): Generator<string> {
  // the segmenter is slow, and plain ASCII does not need it
  if (/^[\x20-\x7e]*$/.test(text)) yield* text;
  else for (const { segment } of segments(text)) yield segment;
}

/** Where the cluster that holds the code unit before `at` begins. */
export function previousBoundary(text: string, at: number): number {
  return at <= 0 ? 0 : segments(text).containing(at - 1)!.index;
}

/** Where the cluster that holds the code unit at `at` ends. */
export function nextBoundary(text: string, at: number): number {
  if (at >= text.length) return text.length;
  const { index, segment } = segments(text).containing(at)!;
  return index + segment.length;
}

/** Marks, format characters, and the vowels and final consonants of a Hangul syllable that is written as its parts. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}\p{Default_Ignorable_Code_Point}\u1160-\u11ff\ud7b0-\ud7ff]$/u;
const EMOJI = /^(?:(?!\p{RI})\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\p{RI}{2})/u;

/**
 * The blocks that are two columns wide: East_Asian_Width W and F (Unicode, UAX #11), joined across unassigned code
 * points. Emoji have a property of their own.
 */
const WIDE = new RegExp(
  "^[\u1100-\u115f\u2329-\u232a\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97f" +
    "\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}" +
    "\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{2fffd}\u{30000}-\u{3fffd}]",
  "u",
);

/**
 * How many columns a cluster takes on a terminal. An emoji takes two, however many characters it is made of; terminals that are older
 * than it differ. Other clusters take as much as their characters: the vowel signs of Thai, or the second consonant of a
 * Devanagari conjunct, have columns of their own.
 */
export function columnsOf(cluster: string): number {
  let columns = 0;
  for (const width of widthsOf(cluster)) columns += width;
  return columns;
}

const NONE: readonly number[] = [0], NARROW: readonly number[] = [1], DOUBLE: readonly number[] = [2];

/** The columns of each part of a cluster that a terminal keeps on one row. */
export function widthsOf(cluster: string): readonly number[] {
  const code = cluster.codePointAt(0) ?? 0;
  if (cluster.length < 2 && code < 0x300) return cluster === "" || code === 0xad ? NONE : NARROW;
  if (EMOJI.test(cluster) || code < 0x300 && cluster.includes("\ufe0f")) return DOUBLE;
  return [...cluster].map((char) => ZERO.test(char) ? 0 : WIDE.test(char) ? 2 : 1);
}

/** The columns of a text without control characters. */
export function widthOfText(text: string): number {
  let columns = 0;
  for (const cluster of clusters(text)) columns += columnsOf(cluster);
  return columns;
}
