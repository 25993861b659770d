/**
 * While as many datagrams as these are in flight, requests that do not fill another one wait for others to share it, until
 * something comes, or for so long after the last datagram (session.md 9.11); the timer of a socket takes 2 ms more.
 */
const SHARE_FROM_DATAGRAMS = 4, SHARE_MS = 1;

/** When requests wait for others to share their datagram: a server takes each datagram by itself. */
export class DatagramSharing {
  #sentAt = -Infinity;
  /** Whether something has come since datagrams were made last, and whether it had when the last were begun. */
  #hasReceived = false;
  #isAnswering = false;
  /** When requests that wait are sent; Infinity if none do. */
  deadline = Infinity;

  /** A datagram has come. */
  received() {
    this.#hasReceived = true;
  }

  /** Datagrams are about to be made. */
  begin() {
    this.#isAnswering = this.#hasReceived;
    this.#hasReceived = false;
    // if nothing may be sent now, it is not asked again whether they wait
    this.deadline = Infinity;
  }

  /** A datagram is made. */
  sent(now: number) {
    this.#sentAt = now;
  }

  /**
   * Whether the requests that there are wait for others.
   *
   * @param isScarce Whether they do not fill a datagram, and each may wait.
   * @param inFlight Datagrams in flight.
   */
  waits(isScarce: boolean, inFlight: number, now: number): boolean {
    const end = this.#sentAt + SHARE_MS;
    const waits = isScarce && inFlight >= SHARE_FROM_DATAGRAMS && !this.#isAnswering && now < end;
    this.deadline = waits ? end : Infinity;
    return waits;
  }
}
