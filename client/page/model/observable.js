// @ts-check

/**
 * A state that views follow: it says that it has changed, and they read it again.
 *
 * @module
 */

import { useEffect, useState } from "../preact.js";

/** How long a change waits at most for others, so that a busy channel is drawn 30 times a second and no more. */
const DRAW_MS = 33;

export class Observable {
  /** @type {Set<() => void>} */
  #followers = new Set();
  #drawn = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => void} follower Called after a change, once for several of them.
   * @returns {() => void} Ends it.
   */
  follow(follower) {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** Has those who follow read again. */
  changed() {
    if (this.#timer !== undefined) return;
    const waits = Math.max(0, this.#drawn + DRAW_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#drawn = performance.now();
      for (const follower of [...this.#followers]) follower();
    }, waits);
  }
}

/**
 * Draws the component again whenever the state changes.
 *
 * @param {Observable} state
 */
export function useFollow(state) {
  const [, draw] = useState(0);
  useEffect(() => state.follow(() => draw((count) => count + 1)), [state]);
}
