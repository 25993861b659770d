import { setImmediate } from "node:timers";

/**
 * Who has much to do at once does it piece by piece, one in each turn of the event loop: so however many they are, a
 * datagram that comes meanwhile waits for one piece.
 */
export class LoopTurns {
  readonly #waiting: (() => void)[] = [];

  /** Resolves in a turn that nobody else has; those who wait have theirs in the order in which they came. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#turn());
    });
  }

  #turn() {
    this.#waiting[0]!();
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(() => this.#turn());
  }
}
