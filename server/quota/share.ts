/**
 * How much of a limit one address or one user may use, so that one that stores without end leaves room for others.
 *
 * @module
 */

/** `percent` of a limit, at least one; 100 is no limit. */
export function shareOf(limit: number, percent: number): number {
  return percent >= 100 ? Infinity : Math.max(1, Math.floor(limit * percent / 100));
}

/**
 * The share that an owner who uses `used` of a limit has passed, as it is named: `25000 mailboxes of one address`.
 * Names of networks are in brackets.
 */
export function passedShare(
  owner: string,
  what: string,
  used: number,
  limit: number,
  percent: number,
): string | undefined {
  const max = shareOf(limit, percent);
  return used > max ? `${max} ${what} of one ${owner.startsWith("[") ? "address" : "user"}` : undefined;
}
