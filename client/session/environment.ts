import type { OnBusy } from "./busy_backoff.ts";
import type { KnownRoundTrip } from "./loss/round_trips.ts";
import type { SessionState } from "./identity.ts";

/** What a session and a seal need from where they run: they have no socket, clock or randomness of their own. */
export interface Environment {
  /** Milliseconds of a monotonic clock. */
  monotonicClock(): number;
  /** Calls back once, after `ms` milliseconds; the function returned cancels that. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Calls back once, at the end of this turn of the event loop; by default that is a timer of 0 ms. */
  endOfTurn?(callback: () => void): void;
  /** `bytes` random bytes. */
  random(bytes: number): Uint8Array;
  /** Sends a datagram to the server. A session does not call it again before this is done. */
  send(datagram: Uint8Array<ArrayBuffer>): Promise<void> | void;
  /** Milliseconds without any valid datagram after which the server is given up; 10 s by default. */
  readonly timeout?: number | undefined;
  /** The server's name in errors. */
  readonly server?: string;
  /** What earlier sessions with the server have measured; nothing by default. */
  readonly roundTrip?: KnownRoundTrip;
  /** Called when the server has no room for this client, and when it has room again. */
  readonly onBusy?: OnBusy | undefined;
}

export interface SessionEnvironment extends Environment {
  /**
   * Called with what a later session needs to go on as this one, before the first number is sent, which waits for it. It
   * is called again if the session has to begin anew, and not at all under a seal.
   */
  readonly onBegin?: ((state: SessionState) => Promise<void>) | undefined;
}

/** Calls back at the end of this turn. */
export function atEndOfTurn(environment: Environment, callback: () => void) {
  if (environment.endOfTurn !== undefined) environment.endOfTurn(callback);
  else environment.setTimer(0, callback);
}
