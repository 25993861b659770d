import { atEndOfTurn, type SessionEnvironment } from "../environment.ts";
import type { InFlight } from "./in_flight.ts";

/** What has datagrams to send. */
interface Sender {
  /** Takes into account what was gathered since the last time. */
  prepare(): void;
  /** The next one, if there is one. */
  nextDatagram(now: number): Uint8Array<ArrayBuffer> | undefined;
  /** When {@linkcode due} has something to do. */
  deadline(now: number): number;
  /** @param lateMs For how long this process did not run: so much later than it should have been is this. */
  due(now: number, lateMs: number): void;
}

/**
 * Sends datagrams so that the requests of one turn share them, and when a timer has run out. One datagram is sent after
 * another: concurrent sends of a Deno socket may overtake each other.
 */
export class SendLoop {
  readonly #environment: SessionEnvironment;
  readonly #inFlight: Pick<InFlight, "isEmpty">;
  readonly #sender: Sender;
  /** When it sends next: not before it is asked to, after the current microtask, or at the end of this turn. */
  #next: "idle" | "microtask" | "end of turn" = "idle";
  #isEndAwaited = false;
  #isSending = false;
  #isPreparing = false;
  #isStopped = false;
  #timerAt = Infinity;
  /** When the timer runs out; that is now if the deadline has passed. */
  #timerDueAt = Infinity;
  #cancelTimer: (() => void) | undefined;

  constructor(environment: SessionEnvironment, inFlight: Pick<InFlight, "isEmpty">, sender: Sender) {
    this.#environment = environment;
    this.#inFlight = inFlight;
    this.#sender = sender;
  }

  /**
   * Sends what there is: at once if nothing else is on its way, as the request of a program that awaits each one; or else
   * at the end of this turn, with what is added until then.
   */
  sendSoon(): void {
    if (this.#next === "microtask" || this.#isStopped) return;
    if (!this.#inFlight.isEmpty) return this.sendAtEnd();
    this.#next = "microtask";
    queueMicrotask(() => this.#flush());
  }

  /** Sends what there is at the end of this turn. */
  sendAtEnd() {
    if (this.#isStopped) return;
    if (this.#next === "idle") this.#next = "end of turn";
    if (this.#isEndAwaited) return;
    this.#isEndAwaited = true;
    atEndOfTurn(this.#environment, () => {
      this.#isEndAwaited = false;
      // otherwise it was sent since
      if (this.#next !== "idle") this.#flush();
    });
  }

  stop() {
    this.#isStopped = true;
    this.#cancelTimer?.();
  }

  #flush() {
    this.#next = "idle";
    this.#isPreparing = true;
    if (!this.#isSending) this.#send();
  }

  async #send() {
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
    if (this.#isStopped) return undefined;
    if (this.#isPreparing) {
      this.#isPreparing = false;
      this.#sender.prepare();
    }
    return this.#sender.nextDatagram(this.#environment.monotonicClock());
  }

  #setTimer() {
    if (this.#isStopped) return;
    const now = this.#environment.monotonicClock(), at = this.#sender.deadline(now);
    // a timer that runs out too early is set again then: most deadlines move with every answer
    if (at >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#timerDueAt = Math.max(at, now);
    this.#cancelTimer = this.#environment.setTimer(Math.max(0, Math.ceil(at - now)), () => this.#due());
  }

  #due() {
    this.#timerAt = Infinity;
    this.#cancelTimer = undefined;
    const now = this.#environment.monotonicClock();
    this.#sender.due(now, Math.max(0, now - this.#timerDueAt));
    if (!this.#isStopped) this.#flush();
  }
}
