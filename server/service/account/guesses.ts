/**
 * How often a client may guess a password: seal.md section 6 is the specification.
 *
 * @module
 */

import { RateLimit } from "../../quota/rate_limit.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";

/** Networks that are remembered for each name from which its owner logged in, and names for which they are. */
const MAX_OWN_NETWORKS = 8, MAX_OWNERS = 10_000;

/** Wrong passwords at one name, and of one network. */
const AT_NAME = { burst: 16, intervalMs: 3000 }, FROM_NETWORK = { burst: 64, intervalMs: 1000 };

/** Wrong passwords of one network at one name, after which it guesses (seal.md 6.2). */
const AT_NAME_FROM = { burst: 4, intervalMs: 600_000 };

/** Wrong passwords, by name and network: who goes on guessing must not keep out the owner. */
export class Guesses {
  /** By name: for networks that failed to log in by it lately, and for all others. */
  readonly #atName: RateLimit;
  readonly #firstAtName: RateLimit;
  /** By name and network. */
  readonly #atNameFrom: RateLimit;
  readonly #from: RateLimit;
  /** Networks from which each name's owner logged in, the latest last. */
  readonly #ownNetworks = new Map<string, string[]>();

  constructor(monotonicClock: Environment["monotonicClock"]) {
    this.#atName = new RateLimit({ ...AT_NAME, monotonicClock });
    this.#firstAtName = new RateLimit({ ...AT_NAME, monotonicClock });
    this.#atNameFrom = new RateLimit({ ...AT_NAME_FROM, monotonicClock });
    this.#from = new RateLimit({ ...FROM_NETWORK, monotonicClock });
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    const atName = Math.max(this.#atName.mostTaken, this.#firstAtName.mostTaken);
    return [
      { name: "wrong log-ins of one address", used: this.#from.mostTaken, limit: FROM_NETWORK.burst },
      { name: "wrong log-ins as one user", used: atName, limit: AT_NAME.burst },
    ];
  }

  /** Milliseconds until a proof for this name from this network is checked. */
  waitMs(name: string, network: string): number {
    const atName = this.isOwn(name, network) ? 0 : this.#limitOf(name, network).waitMs(name);
    return Math.max(this.#from.waitMs(network), atName);
  }

  failed(name: string, network: string) {
    this.#from.take(network);
    if (this.isOwn(name, network)) return;
    this.#limitOf(name, network).take(name);
    this.#atNameFrom.take(pair(name, network));
  }

  /** A password for a name that has no account was wrong. */
  failedWithoutAccount(network: string) {
    this.#from.take(network);
  }

  succeeded(name: string, network: string) {
    const networks = this.#ownNetworks.get(name)?.filter((other) => other !== network) ?? [];
    this.#ownNetworks.delete(name);
    this.#ownNetworks.set(name, [...networks, network].slice(-MAX_OWN_NETWORKS));
    if (this.#ownNetworks.size > MAX_OWNERS) {
      this.#ownNetworks.delete(this.#ownNetworks.keys().next().value!);
    }
  }

  /** The account was removed: its name may be another one's. */
  forget(name: string) {
    this.#ownNetworks.delete(name);
  }

  /** Whether the owner of the name logged in from this network before. */
  isOwn(name: string, network: string): boolean {
    return this.#ownNetworks.get(name)?.includes(network) ?? false;
  }

  /** A client that goes on guessing must not use up the tokens of an owner who comes from a new network. */
  #limitOf(name: string, network: string): RateLimit {
    const guesses = this.#atNameFrom.waitMs(pair(name, network)) > 0;
    return guesses ? this.#atName : this.#firstAtName;
  }
}

function pair(name: string, network: string): string {
  return `${name} ${network}`;
}
