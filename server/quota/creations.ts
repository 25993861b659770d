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

/** How much each address creates: sessions, mailboxes, channels and threads together. */
export class Creations {
  readonly #rate: NetworkRate;
  readonly #isMailbox: (name: string) => boolean;
  readonly #counted = new Set<string>();

  constructor({ perSecond, isMailbox = () => true, monotonicClock }: CreationsOptions) {
    const remotePerSecond = REMOTE_CREATIONS_PER_SECOND;
    this.#rate = new NetworkRate({ ...withBurst(perSecond), remotePerSecond, monotonicClock });
    this.#isMailbox = isMailbox;
  }

  /** Takes another rate from now on. */
  configure(perSecond: number | undefined) {
    this.#rate.configure(withBurst(perSecond));
  }

  /** Whether one more thing may be created from this address now, which then counts. */
  take(hostname: string): boolean {
    return this.#rate.take(hostname);
  }

  /** Whether a message may be put into this mailbox: it counts if there is no such mailbox yet. */
  takeMailbox(name: string, hostname: string): boolean {
    if (this.#rate.isFree(hostname) || this.#isMailbox(name) || this.#counted.has(name)) return true;
    if (!this.take(hostname)) return false;
    if (this.#counted.size >= MAX_COUNTED) this.#counted.clear();
    this.#counted.add(name);
    return true;
  }

  /** Tokens of a full bucket, and how many are missing of the one that lacks most. */
  get usage(): { used: number; limit: number } {
    return { used: this.#rate.fullest, limit: this.#rate.burst };
  }
}

function withBurst(perSecond: number | undefined) {
  return { perSecond, burst: BURST_SECONDS * (perSecond ?? REMOTE_CREATIONS_PER_SECOND) };
}
