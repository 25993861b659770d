/**
 * What a server that answers may take until something comes of it, as a multiple of the silence after which it is gone;
 * and one that says that it is busy, which may have to wait until others are forgotten.
 */
const PATIENCE = 6, BUSY_PATIENCE = 30;

/** How often a session begins anew at the server's word, and milliseconds after which one of these is forgotten. */
const MAX_RESTARTS = 16, RESTART_EVERY = 4000;

/** How long a server that answers, and lets nothing come of it, is put up with: `protocol/README.md`, "Loss". */
export class Patience {
  readonly #timeout: number;
  /** When it was busy no more. */
  #roomSince = -Infinity;
  /** How often the session has begun anew; and until when that was counted. */
  #restarts = 0;
  #restartedAt = 0;

  /** @param timeout Milliseconds of silence after which the server is gone. */
  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  /** When it ends, where nothing has come of anything since then: Infinity where nothing is waited for. */
  end(since: number, isBusy: boolean): number {
    const last = since + BUSY_PATIENCE * this.#timeout;
    return Math.min(Math.max(since, this.#roomSince) + this.#length(isBusy), last);
  }

  /** What the server does when it has ended. */
  complaint(isBusy: boolean): string {
    return `${isBusy ? "is busy" : "lets nothing come of it"}, for ${this.#length(isBusy) / 1000} s`;
  }

  #length(isBusy: boolean): number {
    return (isBusy ? BUSY_PATIENCE : PATIENCE) * this.#timeout;
  }

  /** The server has room again. */
  hasRoom(now: number) {
    this.#roomSince = now;
  }

  /** Counts that the session begins anew. Returns whether it may. */
  restart(now: number): boolean {
    const forgotten = (now - this.#restartedAt) / RESTART_EVERY;
    this.#restarts = Math.max(0, this.#restarts - forgotten) + 1;
    this.#restartedAt = now;
    return this.#restarts <= MAX_RESTARTS;
  }
}
