/** Attempts at a message before it is a dead letter, where nothing else is said. */
export const ATTEMPTS = 5;

/** Wait after the first attempt that failed, and the longest one, in milliseconds. */
export const FIRST_RETRY_DELAY = 1000, LONGEST_RETRY_DELAY = 300_000;

/**
 * How long a message waits after its `attempt`th attempt failed, in milliseconds: `first`, doubled with each further
 * attempt, up to 5 minutes, or to `first` where that is longer.
 */
export function retryDelay(attempt: number, first = FIRST_RETRY_DELAY): number {
  return Math.min(first * 2 ** (attempt - 1), Math.max(first, LONGEST_RETRY_DELAY));
}
