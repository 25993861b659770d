import { networkOf } from "../../quota/address.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";
import { FairScheduler } from "../fairness.ts";
import { Places } from "./places.ts";

/**
 * What a handshake counts as taking, in milliseconds: half of it for the answer to the hello, and as much for the rest. All of
 * it counts before the answer. If the rest did only once it is there, clients that finish theirs together would leave no time
 * to those that come then.
 */
const HANDSHAKE_MS = 1.5;

/**
 * The share of the time that all handshakes may take. Both parts take what they count on a machine of two cores, with a
 * key of P-256: so there are 166 a second, after 42 at once (channels.md 10.9).
 */
const WORK = { share: 0.25, minTaskMs: HANDSHAKE_MS, burstMs: 64 };

/** Handshakes that have begun, and have had no turn yet (channels.md 10.10). */
const MAX_WAITING = 4096;

/** Handshakes whose hello was answered, and which are not done (channels.md 10.10). */
const MAX_OPEN = 1024;

export interface HandshakesOptions extends Pick<Environment, "monotonicClock" | "setTimer"> {
  /** Most that wait, and most that are half open. */
  maxWaiting?: number;
  maxOpen?: number;
}

/** A handshake that a client has begun. */
export interface Handshake {
  /** The client's hello is there. Resolves when it may be answered; false if it never may. Once at most. */
  turn(): Promise<boolean>;
  /** It is over: done, or failed. Once at least. */
  end(): void;
}

/**
 * The handshakes of TLS on all ports: which may be computed, and which has to make room. Only what is computed has a share
 * of the time, networks in turn; one that waits for bytes has a place, which is one of its own network's.
 */
export class Handshakes {
  readonly #scheduler: FairScheduler;
  readonly #waiting: Places;
  readonly #open: Places;
  #names = 0;

  constructor({ maxWaiting = MAX_WAITING, maxOpen = MAX_OPEN, ...environment }: HandshakesOptions) {
    this.#waiting = new Places(maxWaiting);
    this.#open = new Places(maxOpen);
    this.#scheduler = new FairScheduler({
      ...WORK,
      ...environment,
      // who may wait is decided by the places
      maxClients: maxWaiting,
      maxClientTasks: maxWaiting,
    });
  }

  /** Limits of handshakes, with their use now. */
  limits(): Limit[] {
    return [
      { name: "TLS handshakes that wait", used: this.#waiting.used, limit: this.#waiting.max },
      { name: "half-open TLS handshakes", used: this.#open.used, limit: this.#open.max },
    ];
  }

  /** @param onGivenUp Called when it has to end, to make room for another one. */
  begin(hostname: string, onGivenUp: () => void): Handshake {
    const network = networkOf(hostname), name = `${this.#names++}`;
    let places: Places | undefined = this.#waiting;
    const leave = () => {
      this.#scheduler.cancel(network, name);
      places = undefined;
    };
    const giveUp = () => {
      leave();
      onGivenUp();
    };
    let place = this.#waiting.take(network, giveUp);
    const answer = () => {
      this.#waiting.leave(place);
      places = this.#open;
      place = this.#open.take(network, giveUp);
    };
    return {
      turn: () =>
        new Promise((resolve) => {
          const onStale = () => resolve(false);
          const run = () => {
            answer();
            resolve(true);
          };
          if (places === undefined || !this.#scheduler.schedule(network, name, { run, onStale })) onStale();
        }),
      end: () => {
        if (places === undefined) return;
        places.leave(place);
        leave();
      },
    };
  }

  /** Lets none begin any more. */
  close() {
    this.#scheduler.close();
  }
}
