import { isLoopback, networkOf } from "./address.ts";
import { RateLimit } from "./rate_limit.ts";
import type { Environment } from "./uptime.ts";

export interface NetworkRateOptions extends Pick<Environment, "monotonicClock"> {
  /** Of each network, after a burst of `burst`; undefined for `remotePerSecond`, and for no limit on this machine. */
  perSecond: number | undefined;
  remotePerSecond: number;
  /** As many as in a second by default. */
  burst?: number;
}

/**
 * How often something may come from one network (README.md 1.4). A program on this machine has a limit only where one is
 * set: it can do worse than send.
 */
export class NetworkRate {
  readonly #options: NetworkRateOptions;
  #rate!: RateLimit;
  #holdsHere = false;
  #burst = 0;

  constructor(options: NetworkRateOptions) {
    this.#options = options;
    this.configure(options);
  }

  /** Takes another rate from now on; everybody has a full bucket then. */
  configure({ perSecond, burst }: Pick<NetworkRateOptions, "perSecond" | "burst">) {
    const { remotePerSecond, monotonicClock } = this.#options, each = perSecond ?? remotePerSecond;
    this.#burst = burst ?? each;
    this.#holdsHere = perSecond !== undefined;
    this.#rate = new RateLimit({ burst: this.#burst, intervalMs: 1000 / each, monotonicClock });
  }

  /** Tokens of a full bucket. */
  get burst(): number {
    return this.#burst;
  }

  /** Whether there is no limit for this address. */
  isFree(hostname: string): boolean {
    return !this.#holdsHere && isLoopback(hostname);
  }

  /** Whether it may come now. */
  take(hostname: string): boolean {
    return this.isFree(hostname) || this.#rate.tryTake(networkOf(hostname));
  }

  /** What the network with most has used of its burst. */
  get fullest(): number {
    return this.#rate.mostTaken;
  }
}
