import { networkOf } from "../../quota/address.ts";
import { type Linked, OwnerLists } from "../../quota/owner_lists.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";
import { FairScheduler, MAX_TASKS } from "../fairness.ts";

/**
 * The share of the time that all handshakes may take. One counts what it took on a machine of two cores, with a key of
 * P-256 or RSA: so there are 166 a second, after 42 at once (channels.md 10.9).
 */
const WORK = { share: 0.25, minTaskMs: 1.5, burstMs: 64 };

/** Handshakes of one network that wait (channels.md section 10). */
const MAX_NETWORK_WAITING = 512;

/** Handshakes that have begun, and are not done (channels.md 10.10). */
const MAX_OPEN = 1024;

interface Open extends Linked<Open> {
  network: string;
  giveUp(): void;
}

export interface HandshakesOptions extends Pick<Environment, "monotonicClock" | "setTimer"> {
  /** Most that have begun and are not done. */
  max?: number;
}

/**
 * The handshakes of TLS on all ports: which may begin, and which has to make room. Networks take turns, so one that begins
 * many, or leaves many half open, waits itself and holds up no other.
 */
export class Handshakes {
  readonly #scheduler: FairScheduler;
  readonly #max: number;
  /** By network, those that have begun. */
  readonly #open = new OwnerLists<Open>();
  #names = 0;

  constructor({ max = MAX_OPEN, ...environment }: HandshakesOptions) {
    this.#max = max;
    this.#scheduler = new FairScheduler({ ...WORK, ...environment, maxClientTasks: MAX_NETWORK_WAITING });
  }

  /** Limits of handshakes, with their use now. */
  limits(): Limit[] {
    return [
      { name: "TLS handshakes that wait", used: this.#scheduler.tasks, limit: MAX_TASKS },
      { name: "half-open TLS handshakes", used: this.#open.size, limit: this.#max },
    ];
  }

  /**
   * Waits until a client at this address may begin one.
   *
   * @param giveUp Called when it is to end, to make room for one of another network.
   * @returns To be called when it is done, or has failed; undefined: it may not begin.
   */
  begin(hostname: string, giveUp: () => void): Promise<(() => void) | undefined> {
    const network = networkOf(hostname);
    return new Promise((resolve) => {
      const onStale = () => resolve(undefined);
      const run = () => {
        this.#makeRoom();
        resolve(this.#add(network, giveUp));
      };
      if (!this.#scheduler.schedule(network, `${this.#names++}`, { run, onStale })) onStale();
    });
  }

  /** Ends the oldest one of the network with most, if there are too many. */
  #makeRoom() {
    const most = this.#open.largest;
    if (this.#open.size < this.#max || most === undefined) return;
    const oldest = this.#open.oldest(most)!;
    this.#open.remove(most, oldest);
    oldest.giveUp();
  }

  #add(network: string, giveUp: () => void): () => void {
    const open: Open = { network, giveUp, older: undefined, newer: undefined, use: 0 };
    let isOpen = true;
    const end = () => {
      if (isOpen) this.#open.remove(network, open);
      isOpen = false;
    };
    open.giveUp = () => {
      isOpen = false;
      giveUp();
    };
    this.#open.add(network, open);
    return end;
  }

  /** Lets none begin any more. */
  close() {
    this.#scheduler.close();
  }
}
