import type { SessionEnvironment } from "../environment.ts";

/** What has datagrams to send. */
interface Sender {
  /** The next one, if there is one. */
  nextDatagram(now: number): Uint8Array<ArrayBuffer> | undefined;
  /** When {@linkcode due} has something to do. */
  deadline(now: number): number;
  due(now: number): void;
}

/**
 * Sends datagrams at the end of a turn, so that the requests of one turn share datagrams, and when a timer has run out.
 * One datagram is sent after another: concurrent sends of a Deno socket may overtake each other.
 */
export class SendLoop {
  readonly #environment: SessionEnvironment;
  readonly #sender: Sender;
  #isDeferred = false;
  #isSending = false;
  #isStopped = false;
  #timerAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(environment: SessionEnvironment, sender: Sender) {
    this.#environment = environment;
    this.#sender = sender;
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
    return this.#isStopped ? undefined : this.#sender.nextDatagram(this.#environment.monotonicClock());
  }

  #setTimer() {
    if (this.#isStopped) return;
    const now = this.#environment.monotonicClock(), at = this.#sender.deadline(now);
    // a timer that runs out too early is set again then: most deadlines move with every answer
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#environment.setTimer(Math.max(0, Math.ceil(at - now)), () => this.#due());
  }

  #due() {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    this.#sender.due(this.#environment.monotonicClock());
    if (!this.#isStopped) this.#send();
  }
}
