import { RateLimit } from "./limits.ts";
import type { Log } from "./log.ts";

/** Lines a second about clients, after a burst of as many. */
const RATE = 50;

/**
 * Log lines about clients. Of these a stranger could cause any number, by connecting again and again: what is too much
 * is left out, and how many lines that were is said with the next one. Where every request is logged, all are.
 */
export class ClientLog {
  readonly #log: Pick<Log, "line">;
  readonly #logging: { readonly requests: boolean };
  readonly #rate: RateLimit;
  #omitted = 0;

  /** @param now Milliseconds of a clock that is never set back. */
  constructor(log: Pick<Log, "line">, logging: { readonly requests: boolean }, now: () => number) {
    this.#log = log;
    this.#logging = logging;
    this.#rate = new RateLimit(RATE, now);
  }

  line(text: string) {
    if (!this.#rate.tryTake() && !this.#logging.requests) {
      this.#omitted++;
      return;
    }
    if (this.#omitted > 0) this.#log.line(`(${this.#omitted} lines about clients left out)`);
    this.#omitted = 0;
    this.#log.line(text);
  }
}
