/**
 * The known name that is nearest to a wrong one, if one is near enough to be meant: it alone begins with what was typed,
 * or it differs by one edit in three characters.
 */
export function nearest(wrong: string, known: Iterable<string>): string | undefined {
  const typed = wrong.toLowerCase(), most = Math.max(1, Math.floor(typed.length / 3));
  const names = [...known];
  const beginning = typed.length < MIN_BEGINNING ? [] : names.filter((name) => name.startsWith(typed));
  if (beginning.length === 1) return beginning[0];
  let best: string | undefined, least = Infinity;
  for (const name of names) {
    const edits = editsBetween(typed, name.toLowerCase());
    if (edits <= most && edits < least) [best, least] = [name, edits];
  }
  return best;
}

/** Fewest characters of the beginning of a name that point to it. */
const MIN_BEGINNING = 2;

/** `: did you mean 'NAME'?`, or nothing. */
export function didYouMean(wrong: string, known: Iterable<string>): string {
  const name = nearest(wrong, known);
  return name === undefined ? "" : `: did you mean '${name}'?`;
}

/** How many characters are inserted, deleted, replaced or swapped with their neighbour (optimal string alignment). */
function editsBetween(from: string, to: string): number {
  let before: number[] = [], last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
    }
    [before, last] = [last, row];
  }
  return last[to.length]!;
}
