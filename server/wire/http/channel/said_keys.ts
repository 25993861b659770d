/**
 * What was said with an Idempotency-Key, so that the same request says nothing twice. http.md 9.5.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { Refusal } from "../../../../protocol/http/problem.ts";

/** Keys that are remembered, and for how long, in milliseconds. */
const MAX_KEYS = 10_000, KEPT_MS = 24 * 60 * 60 * 1000;

/** What a request has said: the last of its messages. */
export interface Said {
  readonly id: string;
  readonly number: number;
  readonly time: number;
  readonly lines: number;
}

export class SaidKeys {
  readonly #monotonicClock: () => number;
  /** The oldest first. */
  readonly #keys = new Map<string, { request: string; said: Said; atMs: number }>();

  /** @param monotonicClock Milliseconds. */
  constructor(monotonicClock: () => number) {
    this.#monotonicClock = monotonicClock;
  }

  /**
   * What the request said when it came before, or says now.
   *
   * @param who Account or network, and what it is about.
   * @param request All that has to be the same.
   * @throws {Refusal} `other body`.
   */
  once(who: readonly string[], key: string | undefined, request: string, say: () => Said): Said {
    if (key === undefined) return say();
    const id = JSON.stringify([...who, key]), now = this.#monotonicClock();
    const digest = createHash("sha256").update(request).digest("base64");
    const known = this.#keys.get(id);
    if (known !== undefined && now - known.atMs < KEPT_MS) {
      if (known.request !== digest) throw new Refusal("other body");
      return known.said;
    }
    const said = say();
    this.#keys.delete(id);
    this.#keys.set(id, { request: digest, said, atMs: now });
    if (this.#keys.size > MAX_KEYS) this.#keys.delete(this.#keys.keys().next().value!);
    return said;
  }
}
