/**
 * How much of a limit one address or one user may use, so that one that stores without end leaves room for others.
 *
 * @module
 */

/** `percent` of a limit, at least one; 100 is no limit. */
export function shareOf(limit: number, percent: number): number {
  return percent >= 100 ? Infinity : Math.max(1, Math.floor(limit * percent / 100));
}

/** What one owner may have of a limit: `percent` of it, but no more than `max`. */
export function ownerLimit(limit: number, percent: number, max = Infinity): number {
  return Math.min(shareOf(limit, percent), max);
}

/**
 * What one network may have of places that nobody leaves again: `most` while others have none, and the less the more these
 * have, but one at least. With the third power, 40 networks that take what they can leave a fifth of the places, and a new
 * one some hundred of these; with a fixed part four take all.
 *
 * @param others The places that others have.
 */
export function shareOfLeft(most: number, places: number, others: number): number {
  const left = Math.max(0, places - others) / places;
  // not by `**`, whose last digit may differ between machines
  return Math.max(1, Math.floor(most * left * left * left));
}

/**
 * The share that an owner who uses `used` of a limit has passed, as it is named: `25000 mailboxes of one address`.
 * Names of networks are in brackets.
 */
export function passedShare(owner: string, what: string, used: number, max: number): string | undefined {
  return used > max ? `${max} ${what} of one ${owner.startsWith("[") ? "address" : "user"}` : undefined;
}

/** The greatest of each number that any one owner has. */
export function greatestOf<Name extends string>(
  names: readonly Name[],
  all: Iterable<Readonly<Record<Name, number>>>,
): Record<Name, number> {
  const greatest = Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  for (const one of all) for (const name of names) greatest[name] = Math.max(greatest[name], one[name]);
  return greatest;
}
