export interface BucketOptions {
  /** Chances that somebody has at first, and at most. */
  most: number;
  /** Milliseconds after which one that was used comes back. */
  every: number;
  /** Milliseconds, from any beginning. */
  monotonicClock(): number;
}

/** How many are counted at a time. */
const MAX_COUNTED = 10_000;

/** Slows down who tries too often: everybody has some chances, and gets one back after a while. */
export class TokenBuckets {
  readonly #options: BucketOptions;
  /** When each will have all of its chances again, the one that was counted longest ago first. */
  readonly #whole = new Map<string, number>();

  constructor(options: BucketOptions) {
    this.#options = options;
  }

  /** Whole milliseconds until somebody has a chance; 0 if he has one now. */
  wait(who: string): number {
    const { most, every, monotonicClock } = this.#options;
    return Math.max(
      0,
      Math.ceil((this.#whole.get(who) ?? -Infinity) - (most - 1) * every - monotonicClock()),
    );
  }

  /** Uses a chance up. */
  use(who: string) {
    const { every, monotonicClock } = this.#options;
    const whole = Math.max(this.#whole.get(who) ?? 0, monotonicClock()) + every;
    this.#whole.delete(who);
    this.#whole.set(who, whole);
    if (this.#whole.size > MAX_COUNTED) this.#whole.delete(this.#whole.keys().next().value!);
  }
}
