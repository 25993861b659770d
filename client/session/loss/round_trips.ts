/**
 * Round-trip times of the servers that this program has talked to. A new session with one of them begins with what the last
 * one has measured (RFC 9002, 6.2.2): that its first datagram was lost is noticed after three round trips, not after a second.
 *
 * @module
 */

/** Servers that are remembered; then those that were added first are forgotten. */
const MAX_SERVERS = 64;

/** What is known of one server, shared by all sessions with it. */
export interface KnownRoundTrip {
  /** Smoothed, in milliseconds; undefined before one was measured. */
  ms: number | undefined;
}

export class RoundTrips {
  readonly #servers = new Map<string, KnownRoundTrip>();

  /** What is known of a server, by its address and port. */
  of(server: string): KnownRoundTrip {
    let known = this.#servers.get(server);
    if (known === undefined) {
      if (this.#servers.size >= MAX_SERVERS) this.#servers.delete(this.#servers.keys().next().value!);
      this.#servers.set(server, known = { ms: undefined });
    }
    return known;
  }
}
