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
} from "../../../protocol/seal/scram.ts";
import type { Limit } from "../../report/limit.ts";

/** Passwords that are looked at at a time: two, if that leaves a core for everything else. And those that wait. */
const MAX_RUNNING = navigator.hardwareConcurrency > 2 ? 2 : 1, MAX_WAITING = 1024;

/** Both of one network, and of one name there: so nobody takes the place of another user at the same address. */
const MAX_OF_NETWORK = 32, MAX_OF_NAME = 2;

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

/** Runs checks, a few at a time: first those of an owner's own network, then one of each other network in turn. */
export class PasswordChecks {
  readonly #maxRunning: number;
  /** How many of each network, and of each name there. */
  readonly #counts = new Map<string, number>();
  /** Those of own networks, and all others by their network, in the order of their turns. */
  readonly #own: (() => void)[] = [];
  readonly #others = new Map<string, (() => void)[]>();
  #waiting = 0;
  #running = 0;

  /** @param maxRunning How many at a time; as many as the machine can well do by default. */
  constructor(maxRunning = MAX_RUNNING) {
    this.#maxRunning = maxRunning;
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    // a name has a space in it there, a network has none
    const most = (isName: boolean) =>
      Math.max(
        0,
        ...this.#counts.entries().filter(([key]) => key.includes(" ") === isName).map(([, n]) => n),
      );
    return [
      { name: "passwords that are checked", used: this.#running, limit: this.#maxRunning },
      { name: "passwords that wait", used: this.#waiting, limit: MAX_WAITING },
      { name: "passwords of one address", used: most(false), limit: MAX_OF_NETWORK },
      { name: "passwords of one address for one name", used: most(true), limit: MAX_OF_NAME },
    ];
  }

  /**
   * What `check` resolves to; undefined if too many wait: for this name, of this network, or of all.
   *
   * @param isOwn Whether the name's owner has logged in from this network before: it waits for no stranger.
   */
  async run<T>(
    name: string,
    network: string,
    check: () => Promise<T>,
    isOwn = false,
  ): Promise<T | undefined> {
    const ofName = `${name} ${network}`;
    if (this.#count(ofName) >= MAX_OF_NAME || this.#count(network) >= MAX_OF_NETWORK) return undefined;
    const own = this.#own.length;
    if ((isOwn ? own : this.#waiting - own) >= MAX_WAITING) return undefined;
    for (const key of [ofName, network]) this.#counts.set(key, this.#count(key) + 1);
    if (this.#running < this.#maxRunning) this.#running++;
    else await new Promise<void>((resolve) => this.#wait(network, isOwn, resolve));
    try {
      return await check();
    } finally {
      for (const key of [ofName, network]) this.#release(key);
      // the next one takes this one's place
      const next = this.#next();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #wait(network: string, isOwn: boolean, begin: () => void) {
    this.#waiting++;
    if (isOwn) return void this.#own.push(begin);
    const others = this.#others.get(network);
    if (others === undefined) this.#others.set(network, [begin]);
    else others.push(begin);
  }

  /** What begins next; undefined if nothing waits. */
  #next(): (() => void) | undefined {
    if (this.#waiting === 0) return undefined;
    this.#waiting--;
    const own = this.#own.shift();
    if (own !== undefined) return own;
    const [network, others] = this.#others.entries().next().value!, next = others.shift();
    // behind all others
    this.#others.delete(network);
    if (others.length > 0) this.#others.set(network, others);
    return next;
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #release(key: string) {
    const left = this.#count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
