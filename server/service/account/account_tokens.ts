/**
 * Tokens of accounts: what programs log in by instead of a password. seal.md 5.15 to 5.17 is the specification.
 *
 * @module
 */

import type { Token } from "../../store/requests/account.ts";

/** Invariant: it holds what the store holds, or what the store held before a change that is not on disk yet. */
export class AccountTokens {
  readonly #wallClock: () => number;
  /** Of accounts that have any, by name and ID. */
  readonly #tokens = new Map<string, Map<string, Token>>();

  /** The most that one account has. */
  get mostOfOne(): number {
    return this.#tokens.values().reduce((most, { size }) => Math.max(most, size), 0);
  }

  /** By ID, the accounts that have such a token: nearly always one. */
  readonly #owners = new Map<string, Set<string>>();
  readonly #onEnd: ((name: string, id: string) => void)[] = [];
  /** When the next token is over: at the latest by then it is looked for. */
  #nextEnd = 0;

  /** @param wallClock Milliseconds since 1970. */
  constructor(wallClock: () => number) {
    this.#wallClock = wallClock;
  }

  /** When a token is over that is good for `ttlMs` from now on. */
  untilOf(ttlMs: number | undefined): number | null {
    return ttlMs === undefined ? null : this.#wallClock() + ttlMs;
  }

  /** The token of this ID, if it is good. */
  good(name: string, id: string): Token | undefined {
    const token = this.#tokens.get(name)?.get(id);
    return token === undefined || this.isOver(token) ? undefined : token;
  }

  isOver({ until }: Token): boolean {
    return until !== null && until <= this.#wallClock();
  }

  /** The accounts that have a token of this ID. */
  owners(id: string): string[] {
    return [...this.#owners.get(id) ?? []];
  }

  /** Those of an account, in the order in which they were added. */
  of(name: string): Token[] {
    return [...this.#tokens.get(name)?.values() ?? []];
  }

  add(name: string, token: Token) {
    const tokens = this.#tokens.get(name) ?? new Map<string, Token>();
    this.#tokens.set(name, tokens.set(token.id, token));
    const owners = this.#owners.get(token.id);
    if (owners === undefined) this.#owners.set(token.id, new Set([name]));
    else owners.add(name);
    this.#nextEnd = Math.min(this.#nextEnd, token.until ?? Infinity);
  }

  remove(name: string, id: string) {
    this.#tokens.get(name)?.delete(id);
    this.#disown(name, id);
    this.#end(name, id);
  }

  /** The account is gone. */
  removeAll(name: string) {
    for (const { id } of this.of(name)) this.#disown(name, id);
    this.#tokens.delete(name);
  }

  #disown(name: string, id: string) {
    const owners = this.#owners.get(id);
    owners?.delete(name);
    if (owners?.size === 0) this.#owners.delete(id);
  }

  /** Calls back when a token is not good any more. */
  onEnd(callback: (name: string, id: string) => void) {
    this.#onEnd.push(callback);
  }

  #end(name: string, id: string) {
    for (const callback of this.#onEnd) callback(name, id);
  }

  /** Ends those whose time is over; to be called once a second. */
  endOver() {
    if (this.#wallClock() < this.#nextEnd) return;
    this.#nextEnd = Infinity;
    for (const [name, tokens] of this.#tokens) {
      for (const token of tokens.values()) {
        if (this.isOver(token)) this.#end(name, token.id);
        else this.#nextEnd = Math.min(this.#nextEnd, token.until ?? Infinity);
      }
    }
  }
}
