/** First and longest wait after `busy`, and how long a server is asked again in all (session.md 3.9, 3.10). */
const FIRST_PAUSE_MS = 1000, MAX_PAUSE_MS = 30_000, GIVE_UP_MS = 60_000;

/** Called when a server has no room for this client, and when it has room again. */
export type OnBusy = (busy: boolean) => unknown;

/** When a server that answers `busy` is asked again, and when it is given up. session.md 3.9 and 3.10. */
export class BusyBackoff {
  /** Nothing is asked before this time. */
  retryAt = -Infinity;
  readonly #onBusy: OnBusy | undefined;
  #busySince = Infinity;
  #pauseMs = FIRST_PAUSE_MS;

  constructor(onBusy: OnBusy | undefined) {
    this.#onBusy = onBusy;
  }

  /** Whether the server's last answer was `busy`. */
  get isBusy(): boolean {
    return this.#busySince !== Infinity;
  }

  /** When it may be asked again; Infinity if it may be asked now. */
  deadline(now: number): number {
    return this.retryAt > now ? this.retryAt : Infinity;
  }

  /** The server has answered `busy`. Returns whether to ask it again. */
  busy(now: number): boolean {
    if (!this.isBusy) {
      this.#busySince = now;
      this.#onBusy?.(true);
    }
    const leftMs = this.#busySince + GIVE_UP_MS - now;
    if (leftMs <= 0) return false;
    this.retryAt = now + Math.min(this.#pauseMs, leftMs);
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    return true;
  }

  /** The server has room. */
  hasRoom() {
    const wasBusy = this.isBusy;
    this.reset();
    if (wasBusy) this.#onBusy?.(false);
  }

  /** What was asked is given up: later requests have their own time. */
  reset() {
    this.#busySince = Infinity;
    this.#pauseMs = FIRST_PAUSE_MS;
  }

  /** The server was restarted, and may have room. */
  retryNow() {
    this.retryAt = -Infinity;
  }
}

/** The text of a `BusyError`. */
export function busyText(server = "the server"): string {
  return `Cannot be served by ${server}: it has had no room for one more client for ${GIVE_UP_MS / 1000} s`;
}
