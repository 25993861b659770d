/** First and longest wait after `busy`, and for how long it is tried in all, in milliseconds. */
const FIRST_PAUSE = 1000, LAST_PAUSE = 30_000, LIMIT = 60_000;

/** Is told when a server has no room for this client, and when it has some again. */
export type OnBusy = (busy: boolean) => unknown;

/** A server that may be `busy`: when it is asked again, and when no more. `protocol/README.md`, "Answers". */
export class Busy {
  /** Nothing is asked before this. */
  until = -Infinity;
  readonly #onBusy: OnBusy | undefined;
  #since = Infinity;
  #pause = FIRST_PAUSE;

  constructor(onBusy: OnBusy | undefined) {
    this.#onBusy = onBusy;
  }

  /** Whether that was the server's last word. */
  get isOn(): boolean {
    return this.#since !== Infinity;
  }

  /** The server has said so. Returns whether to ask it again: it has not said so for too long. */
  begin(now: number): boolean {
    if (this.#since === Infinity) {
      this.#since = now;
      this.#onBusy?.(true);
    }
    const left = this.#since + LIMIT - now;
    if (left <= 0) return false;
    this.until = now + Math.min(this.#pause, left);
    this.#pause = Math.min(2 * this.#pause, LAST_PAUSE);
    return true;
  }

  /** The server has room. */
  end() {
    this.#pause = FIRST_PAUSE;
    if (this.#since === Infinity) return;
    this.#since = Infinity;
    this.#onBusy?.(false);
  }

  /** What was asked for is given up: what is asked for next has its own time. */
  giveUp() {
    this.#since = Infinity;
    this.#pause = FIRST_PAUSE;
  }

  /** It is another server now, which may have room. */
  forget() {
    this.until = -Infinity;
  }
}

/** What is wrong, where it is not asked any more. */
export function busyText(server = "the server"): string {
  return `Cannot be served by ${server}: it has had no room for one more client for ${LIMIT / 1000} s`;
}
