import { isIP } from "node:net";
import { Networks, plainAddress, PRIVATE_NETWORKS } from "../../quota/address.ts";
import { networkAddress } from "../../quota/network_map.ts";
import { RateLimit } from "../../quota/rate_limit.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";

/** Bytes of replies a second to one prefix by default, after a burst of as many (mailbox.md 7.1). */
export const ORIGINAL_REPLY_BYTES_PER_SECOND = 64 * 1024;

/** Addresses with so many bits in common count together: a victim's whole network is hit as well as one address of it. */
const PREFIX_BITS = { 4: 24, 6: 56 } as const;

const PRIVATE = new Networks(PRIVATE_NETWORKS);

export interface ReplyRateOptions extends Pick<Environment, "monotonicClock"> {
  bytesPerSecond: number;
  /** Longest reply. */
  maxBytes: number;
}

/**
 * How much the original wire sends to addresses outside private networks. Nothing proves that a request came from there:
 * an attacker that writes another's address into its requests would have all replies sent to that one.
 */
export class ReplyRate {
  readonly #options: ReplyRateOptions;
  #bytesPerSecond!: number;
  #rate!: RateLimit;

  constructor(options: ReplyRateOptions) {
    this.#options = options;
    this.configure(options.bytesPerSecond);
  }

  /** Takes another rate from now on. */
  configure(bytesPerSecond: number) {
    const { monotonicClock } = this.#options;
    this.#bytesPerSecond = bytesPerSecond;
    this.#rate = new RateLimit({ burst: bytesPerSecond, intervalMs: 1000 / bytesPerSecond, monotonicClock });
  }

  /**
   * Asks for room for a reply, before the request is carried out: a message that is taken is gone.
   *
   * @returns Says how long the reply was, 0 for none; undefined if there is no room.
   */
  reserve(hostname: string): ((bytes: number) => void) | undefined {
    if (PRIVATE.has(hostname)) return () => {};
    const prefix = prefixOf(hostname), { maxBytes } = this.#options;
    if (this.#rate.waitMs(prefix) > 0) return undefined;
    this.#rate.take(prefix, maxBytes);
    return (bytes) => this.#rate.take(prefix, bytes - maxBytes);
  }

  /** The limit, with the use of the prefix that has most. */
  get limit(): Limit {
    return {
      name: "one prefix's reply bytes",
      option: "original-rate",
      used: this.#rate.mostTaken,
      limit: this.#bytesPerSecond,
    };
  }
}

function prefixOf(hostname: string): string {
  const address = plainAddress(hostname), version = isIP(address) === 6 ? 6 : 4;
  return networkAddress(address, PREFIX_BITS[version]);
}
