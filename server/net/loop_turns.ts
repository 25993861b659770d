import { setImmediate } from "node:timers";
import type { Rounds } from "./rounds.ts";

/**
 * Who has much to do at once does it piece by piece, one in each turn of the event loop: so however many they are, a
 * datagram that comes meanwhile waits for one piece. Where a round is over by then, the sockets are looked at first.
 */
export class LoopTurns {
  readonly #rounds: Pick<Rounds, "next">;
  readonly #waiting: (() => void)[] = [];

  constructor(rounds: Pick<Rounds, "next">) {
    this.#rounds = rounds;
  }

  /** Resolves in a turn that nobody else has; those who wait have theirs in the order in which they came. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(() => this.#turn());
    });
  }

  async #turn() {
    const round = this.#rounds.next;
    if (round !== undefined) await round;
    this.#waiting[0]!();
    this.#waiting.shift();
    if (this.#waiting.length > 0) setImmediate(() => this.#turn());
  }
}
