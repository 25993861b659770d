import type { Environment } from "./uptime.ts";

export interface RateLimitOptions extends Pick<Environment, "monotonicClock"> {
  /** Tokens of a full bucket. */
  burst: number;
  /** Milliseconds per token. */
  intervalMs: number;
}

/** Keys that are remembered at a time. One that is forgotten has all of its tokens again. */
const MAX_KEYS = 10_000;

/** A token bucket per key, which is an address or an account, for example. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  /** When each key will have all of its tokens again, the key that was used longest ago first. */
  readonly #fullAt = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Whole milliseconds until the key has this many `tokens`; 0 if it has them now. */
  waitMs(key: string, tokens = 1): number {
    const { burst, intervalMs, monotonicClock } = this.#options;
    const fullAt = this.#fullAt.get(key);
    if (fullAt === undefined) return 0;
    return Math.max(0, Math.ceil(fullAt - (burst - tokens) * intervalMs - monotonicClock()));
  }

  /** How many tokens are missing of the bucket that lacks most. */
  get mostTaken(): number {
    const { burst, intervalMs, monotonicClock } = this.#options, now = monotonicClock();
    const latest = this.#fullAt.values().reduce((latest, fullAt) => Math.max(latest, fullAt), now);
    return Math.min(burst, Math.ceil((latest - now) / intervalMs));
  }

  /** Takes a token if the key has one. */
  tryTake(key: string): boolean {
    const { burst, intervalMs, monotonicClock } = this.#options, now = monotonicClock();
    if ((this.#fullAt.get(key) ?? 0) - (burst - 1) * intervalMs > now) return false;
    this.take(key, 1, now);
    return true;
  }

  /** Takes tokens, even if the key does not have them yet: the next ones take longer to come. */
  take(key: string, tokens = 1, timeMs = this.#options.monotonicClock()) {
    const fullAt = Math.max(this.#fullAt.get(key) ?? 0, timeMs) + tokens * this.#options.intervalMs;
    this.#fullAt.delete(key);
    this.#fullAt.set(key, fullAt);
    if (this.#fullAt.size > MAX_KEYS) this.#fullAt.delete(this.#fullAt.keys().next().value!);
  }
}
