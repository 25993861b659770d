/**
 * How many connections there may be, and how fast each may say something.
 *
 * @module
 */

import { networkOf, Networks } from "../quota/address.ts";

/** Limits of connections. Those with `undefined` are {@linkcode REMOTE_LIMITS} for other machines and none for this one. */
export interface ConnectionLimits {
  /** Connections in all. */
  connections: number;
  /** Connections of one address. */
  addressConnections: number | undefined;
  /** Messages a second of one connection, after a burst of as many. */
  messageRate: number | undefined;
}

export const DEFAULT_CONNECTION_LIMITS: Readonly<ConnectionLimits> = {
  connections: 10_000,
  addressConnections: undefined,
  messageRate: undefined,
};

/** What holds for other machines where nothing is said: a program on this one can do worse than send messages. */
export const REMOTE_LIMITS = { addressConnections: 1000, messageRate: 1000 };

const LOOPBACK = new Networks(["127.0.0.0/8", "::1"]);

/** Whether an address is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.has(hostname);
}

/** Counts connections, and says which would be too many. */
export class ConnectionCounter {
  readonly #limits: ConnectionLimits;
  readonly #addresses = new Map<string, number>();
  #connections = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Counts one more from this address until {@linkcode remove}, or says which limit is in the way. */
  add(hostname: string): "added" | "too many connections" | "too many connections of an address" {
    if (this.#connections >= this.#limits.connections) return "too many connections";
    const network = networkOf(hostname), before = this.#addresses.get(network) ?? 0;
    const most = this.#limits.addressConnections ??
      (isLoopback(hostname) ? Infinity : REMOTE_LIMITS.addressConnections);
    if (before >= most) return "too many connections of an address";
    this.#addresses.set(network, before + 1);
    this.#connections++;
    return "added";
  }

  remove(hostname: string) {
    const network = networkOf(hostname), left = this.#addresses.get(network)! - 1;
    if (left === 0) this.#addresses.delete(network);
    else this.#addresses.set(network, left);
    this.#connections--;
  }
}

/** A token bucket: so many a second, and as many at once after a while of silence. */
export class RateLimit {
  readonly #rate: number;
  readonly #now: () => number;
  #tokens: number;
  #filled: number;

  /**
   * @param rate Messages a second.
   * @param monotonicClock Milliseconds of a clock that is never set back.
   */
  constructor(rate: number, monotonicClock: () => number) {
    this.#rate = rate;
    this.#now = monotonicClock;
    this.#tokens = rate;
    this.#filled = monotonicClock();
  }

  /** Takes one, and returns how many milliseconds it comes too early. */
  take(): number {
    this.#fill();
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : Math.ceil(-this.#tokens * 1000 / this.#rate);
  }

  /** Takes so many, however early that is: what comes next waits for it. */
  use(tokens: number) {
    this.#fill();
    this.#tokens -= tokens;
  }

  /** Takes one, unless it would come too early. */
  tryTake(): boolean {
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  #fill() {
    const now = this.#now();
    this.#tokens = Math.min(this.#rate, this.#tokens + (now - this.#filled) * this.#rate / 1000);
    this.#filled = now;
  }
}
