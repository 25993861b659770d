import type { Clock } from "./clock.ts";
import type { Random } from "./random.ts";

/** Source or destination of a datagram. */
export interface Address {
  hostname: string;
  port: number;
}

/** What the network does to the datagrams of one direction. Probabilities are from 0 to 1, times in milliseconds. */
export interface Conditions {
  loss: number;
  /** How many arrive twice. */
  repeated: number;
  /** How many are held up by up to `late`, so that later ones overtake them. */
  reordered: number;
  late: number;
  /** Least and most time that a datagram takes; those that are not held up stay in their order. */
  delay: [number, number];
}

/** A network that does nothing to what it carries. */
export const PERFECT: Conditions = { loss: 0, repeated: 0, reordered: 0, late: 0, delay: [1, 1] };

/** Counts of the datagrams by outcome. */
export interface Counts {
  sent: number;
  lost: number;
  repeated: number;
  reordered: number;
  /** Sent to an address that nobody had. */
  refused: number;
}

type Receive = (datagram: Uint8Array<ArrayBuffer>, from: Address) => void;

/** Carries datagrams between addresses, in simulated time; what it does to them is determined by a seed. */
export class Network {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #conditions: (from: Address, to: Address) => Conditions;
  readonly #sockets = new Map<string, Receive>();
  /** When the last datagram that kept its place arrives, by direction. */
  readonly #last = new Map<string, number>();
  readonly counts: Counts = { sent: 0, lost: 0, repeated: 0, reordered: 0, refused: 0 };

  constructor(clock: Clock, random: Random, conditions: (from: Address, to: Address) => Conditions) {
    this.#clock = clock;
    this.#random = random;
    this.#conditions = conditions;
  }

  /** Takes datagrams at an address. The result ends that, as the death of a process does. */
  bind(address: Address, receive: Receive): () => void {
    const key = keyOf(address);
    this.#sockets.set(key, receive);
    return () => {
      if (this.#sockets.get(key) === receive) this.#sockets.delete(key);
    };
  }

  send(datagram: Uint8Array<ArrayBuffer>, from: Address, to: Address) {
    const conditions = this.#conditions(from, to);
    this.counts.sent++;
    if (this.#random.chance(conditions.loss)) {
      this.counts.lost++;
    } else {
      this.#deliver(datagram, from, to, conditions);
    }
    if (this.#random.chance(conditions.repeated)) {
      this.counts.repeated++;
      this.#deliver(datagram, from, to, conditions);
    }
  }

  #deliver(datagram: Uint8Array<ArrayBuffer>, from: Address, to: Address, conditions: Conditions) {
    const direction = `${keyOf(from)} ${keyOf(to)}`, now = this.#clock.now();
    const [least, most] = conditions.delay;
    let at = Math.max(
      now + least + this.#random.fraction() * (most - least),
      this.#last.get(direction) ?? 0,
    );
    if (this.#random.chance(conditions.reordered)) {
      this.counts.reordered++;
      at += this.#random.fraction() * conditions.late;
    } else {
      this.#last.set(direction, at);
    }
    // as a receive buffer that is used again for the next one
    const copy = datagram.slice();
    this.#clock.setTimer(at - now, () => {
      const receive = this.#sockets.get(keyOf(to));
      if (receive === undefined) this.counts.refused++;
      else receive(copy, from);
    });
  }
}

function keyOf({ hostname, port }: Address): string {
  return `${hostname} ${port}`;
}
