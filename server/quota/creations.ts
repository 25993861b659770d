import { NetworkRate } from "./network_rate.ts";
import type { Environment } from "./uptime.ts";

/**
 * What one address on another machine may create in a second, after a burst of ten times as much: far more than a script that
 * gives each request a mailbox of its own needs (README.md 1.7 of the protocols).
 */
export const REMOTE_CREATIONS_PER_SECOND = 1000;

const BURST_SECONDS = 10;

/** Names of mailboxes that are remembered: those that were counted, and the store may not know yet. */
const MAX_COUNTED = 4096;

export interface CreationsOptions extends Pick<Environment, "monotonicClock"> {
  /** Of each network; undefined for {@linkcode REMOTE_CREATIONS_PER_SECOND}, and for no limit on this machine. */
  perSecond?: number | undefined;
  /** Whether a mailbox holds something, or did lately. */
  isMailbox?(name: string): boolean;
}

/**
 * How much each address creates: sessions, mailboxes, channels and threads together. What is created by datagrams that
 * anybody may have sent in the name of that address has a rate of its own.
 */
export class Creations {
  readonly #rate: NetworkRate;
  /** Of the original wire, which proves no address. */
  readonly #unproved: NetworkRate;
  readonly #isMailbox: (name: string) => boolean;
  readonly #counted = new Set<string>();

  constructor({ perSecond, isMailbox = () => true, monotonicClock }: CreationsOptions) {
    const remotePerSecond = REMOTE_CREATIONS_PER_SECOND;
    const options = { ...withBurst(perSecond), remotePerSecond, monotonicClock };
    this.#rate = new NetworkRate(options);
    this.#unproved = new NetworkRate(options);
    this.#isMailbox = isMailbox;
  }

  /** Takes another rate from now on. */
  configure(perSecond: number | undefined) {
    for (const rate of [this.#rate, this.#unproved]) rate.configure(withBurst(perSecond));
  }

  /** Whether one more thing may be created from this address now, which then counts. */
  take(hostname: string): boolean {
    return this.#rate.take(hostname);
  }

  /**
   * Whether a message may be put into this mailbox: it counts if there is no such mailbox yet.
   *
   * @param isProved Whether the client has shown that it receives what is sent to this address.
   */
  takeMailbox(name: string, hostname: string, isProved = true): boolean {
    if (this.#rate.isFree(hostname) || this.#isMailbox(name) || this.#counted.has(name)) return true;
    if (!(isProved ? this.#rate : this.#unproved).take(hostname)) return false;
    if (this.#counted.size >= MAX_COUNTED) this.#counted.clear();
    this.#counted.add(name);
    return true;
  }

  /** Tokens of a full bucket, and how many are missing of the one that lacks most: of proved addresses, and of others. */
  get usage(): { used: number; limit: number } {
    return { used: this.#rate.fullest, limit: this.#rate.burst };
  }
  get unprovedUsage(): { used: number; limit: number } {
    return { used: this.#unproved.fullest, limit: this.#unproved.burst };
  }
}

function withBurst(perSecond: number | undefined) {
  return { perSecond, burst: BURST_SECONDS * (perSecond ?? REMOTE_CREATIONS_PER_SECOND) };
}
