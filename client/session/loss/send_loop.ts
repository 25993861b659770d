import type { SessionEnvironment } from "../environment.ts";

/**
 * Sends datagrams at the end of a turn, so that the requests of one turn share datagrams, and when a timer has run out.
 * One datagram is sent after another: concurrent sends of a Deno socket may overtake each other.
 */
export class SendLoop {
  readonly #environment: SessionEnvironment;
  readonly #next: (now: number) => Uint8Array<ArrayBuffer> | undefined;
  readonly #deadline: (now: number) => number;
  readonly #onDeadline: (now: number) => void;
  #isDeferred = false;
  #isSending = false;
  #isStopped = false;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  /**
   * @param next Gives the next datagram to send, if there is one.
   * @param deadline Gives the time at which `onDeadline` has something to do.
   */
  constructor(
    environment: SessionEnvironment,
    next: (now: number) => Uint8Array<ArrayBuffer> | undefined,
    deadline: (now: number) => number,
    onDeadline: (now: number) => void,
  ) {
    this.#environment = environment;
    this.#next = next;
    this.#deadline = deadline;
    this.#onDeadline = onDeadline;
  }

  /** Sends what there is at the end of this turn. */
  sendLater() {
    if (this.#isDeferred || this.#isStopped) return;
    this.#isDeferred = true;
    queueMicrotask(() => {
      this.#isDeferred = false;
      this.#send();
    });
  }

  stop() {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let datagram; (datagram = this.#nextDatagram()) !== undefined;) {
      try {
        const sent = this.#environment.send(datagram);
        if (sent !== undefined) await sent;
      } catch {
        // as if the network had lost it
      }
    }
    this.#isSending = false;
    this.#setTimer();
  }

  #nextDatagram(): Uint8Array<ArrayBuffer> | undefined {
    return this.#isStopped ? undefined : this.#next(this.#environment.monotonicClock());
  }

  #setTimer() {
    if (this.#isStopped) return;
    const now = this.#environment.monotonicClock(), at = this.#deadline(now);
    // a timer that runs out too early is set again then: most deadlines move with every answer
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#environment.setTimer(Math.max(0, Math.ceil(at - now)), () => this.#due());
  }

  #due() {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    this.#onDeadline(this.#environment.monotonicClock());
    if (!this.#isStopped) this.#send();
  }
}
