import type { Environment } from "./uptime.ts";

export interface RateLimitOptions extends Pick<Environment, "monotonicClock"> {
  /** Tokens of a full bucket. */
  burst: number;
  /** Milliseconds per token. */
  intervalMs: number;
}

/** Keys of a generation; there are two. A key that is forgotten has all of its tokens again. */
const MAX_KEYS = 5000;

/**
 * A token bucket per key, which is an address or an account, for example.
 *
 * Invariant: the 5,000 keys that were used last are remembered, and at most 10,000. They are not kept in the order of
 * their use: with thousands of keys, to move one to the end of a map takes 20 us.
 */
export class RateLimit {
  readonly #options: RateLimitOptions;
  /** When each key will have all of its tokens again: keys that were used in this generation, and in the one before. */
  #fullAt = new Map<string, number>();
  #fullAtBefore = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Whole milliseconds until the key has this many `tokens`; 0 if it has them now. */
  waitMs(key: string, tokens = 1): number {
    const { burst, intervalMs, monotonicClock } = this.#options;
    const fullAt = this.#get(key);
    if (fullAt === undefined) return 0;
    return Math.max(0, Math.ceil(fullAt - (burst - tokens) * intervalMs - monotonicClock()));
  }

  /** How many tokens are missing of the bucket that lacks most. */
  get mostTaken(): number {
    const { burst, intervalMs, monotonicClock } = this.#options, now = monotonicClock();
    let latest = now;
    // a key that is in both is later in this generation
    for (const all of [this.#fullAt, this.#fullAtBefore]) {
      for (const fullAt of all.values()) latest = Math.max(latest, fullAt);
    }
    return Math.min(burst, Math.ceil((latest - now) / intervalMs));
  }

  /** Takes a token if the key has one. */
  tryTake(key: string): boolean {
    const { burst, intervalMs, monotonicClock } = this.#options, now = monotonicClock();
    if ((this.#get(key) ?? 0) - (burst - 1) * intervalMs > now) return false;
    this.take(key, 1, now);
    return true;
  }

  /** Takes tokens, even if the key does not have them yet: the next ones take longer to come. */
  take(key: string, tokens = 1, timeMs = this.#options.monotonicClock()) {
    this.#fullAt.set(key, Math.max(this.#get(key) ?? 0, timeMs) + tokens * this.#options.intervalMs);
    if (this.#fullAt.size < MAX_KEYS) return;
    this.#fullAtBefore = this.#fullAt;
    this.#fullAt = new Map();
  }

  #get(key: string): number | undefined {
    return this.#fullAt.get(key) ?? this.#fullAtBefore.get(key);
  }
}
