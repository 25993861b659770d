/**
 * Looks at passwords that came as they are. Each costs a tenth of a second of computing and more, so only a few are looked
 * at at a time (channels.md 9.8).
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";
import {
  clientKeysOf,
  preparePassword,
  saltPassword,
  type Verifier,
  verifierOf,
} from "../../protocol/scram.ts";

/** Passwords that are looked at at a time, those that wait, and both of one network. */
const MAX_RUNNING = 2, MAX_WAITING = 1024, MAX_OF_NETWORK = 4;

/** Whether it is the password of this verifier. The hashing is done in another thread. */
export async function isPassword(password: string, verifier: Verifier): Promise<boolean> {
  let prepared: string;
  try {
    prepared = preparePassword(password);
  } catch {
    // nobody has such a password
    return false;
  }
  const { salt, iterations, storedKey } = verifier;
  const keys = clientKeysOf(await saltPassword(prepared, salt, iterations));
  return timingSafeEqual(verifierOf(keys, salt, iterations).storedKey, storedKey);
}

/** Runs checks in the order in which they came, a few at a time. */
export class PasswordChecks {
  readonly #ofNetwork = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** What `check` resolves to; undefined if too many wait, of this network or of all. */
  async run<T>(network: string, check: () => Promise<T>): Promise<T | undefined> {
    const ofNetwork = this.#ofNetwork.get(network) ?? 0;
    if (ofNetwork >= MAX_OF_NETWORK || this.#waiting.length >= MAX_WAITING) return undefined;
    this.#ofNetwork.set(network, ofNetwork + 1);
    if (this.#running < MAX_RUNNING) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await check();
    } finally {
      const left = this.#ofNetwork.get(network)! - 1;
      if (left > 0) this.#ofNetwork.set(network, left);
      else this.#ofNetwork.delete(network);
      // the next one takes this one's place
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
