/**
 * How many connections there may be, in all and of one address, and which of them make room for others.
 *
 * @module
 */

import { isLoopback, networkOf } from "../quota/address.ts";

/** Limits of connections. Those with `undefined` are {@linkcode REMOTE_LIMITS} for other machines and none for this one. */
export interface ConnectionLimits {
  /** Connections in all. */
  connections: number;
  /** Connections of one address. */
  addressConnections: number | undefined;
  /** Messages of one connection, after a burst of as many. */
  messagesPerSecond: number | undefined;
  /** New connections of one address, after a burst of as many as it may have. */
  connectionsPerSecond: number | undefined;
}

export const DEFAULT_CONNECTION_LIMITS: Readonly<ConnectionLimits> = {
  connections: 10_000,
  addressConnections: undefined,
  messagesPerSecond: undefined,
  connectionsPerSecond: undefined,
};

/**
 * Limits of other machines by default. A program on this one can do worse than send messages (channels.md section 6).
 */
export const REMOTE_LIMITS = { addressConnections: 1000, messagesPerSecond: 1000, connectionsPerSecond: 100 };

/** How often an address may connect: it may open as many connections at once as it may have. */
export function connectionRate(
  { addressConnections, connectionsPerSecond }: Pick<
    ConnectionLimits,
    "addressConnections" | "connectionsPerSecond"
  >,
): { perSecond: number | undefined; burst: number } {
  return { perSecond: connectionsPerSecond, burst: addressConnections ?? REMOTE_LIMITS.addressConnections };
}

type SlotLimits = Pick<ConnectionLimits, "connections" | "addressConnections">;

export interface SlottedConnection {
  /** Whether it may be closed to make room for a new connection. */
  readonly isReplaceable?: boolean;
  close(): void;
}

/** `replaced`: the connection has a slot, because another one was closed for it. */
export type SlotOutcome =
  | "taken"
  | "replaced"
  | "too many connections"
  | "too many connections of an address";

/** The connections of one network. */
class Network {
  /** In the order in which they came. */
  readonly connections = new Set<SlottedConnection>();
  /** The same, with some that have gone. */
  #order: SlottedConnection[] = [];

  get size(): number {
    return this.connections.size;
  }

  get newest(): SlottedConnection | undefined {
    while (this.#order.length > 0 && !this.connections.has(this.#order.at(-1)!)) this.#order.pop();
    return this.#order.at(-1);
  }

  add(connection: SlottedConnection) {
    if (this.#order.length > 2 * this.size) this.#order = [...this.connections];
    this.connections.add(connection);
    this.#order.push(connection);
  }
}

/**
 * Invariant: no more connections have a slot than the limits say. Whether there is one takes as long with many networks as
 * with few: clients that are refused come again at once.
 */
export class ConnectionSlots {
  readonly #limits: SlotLimits;
  readonly #networks = new Map<string, Network>();
  /** Networks by how many connections they have, and the most that one has. */
  readonly #bySize: Set<Network>[] = [];
  #fullest = 0;
  readonly #networkOf = new Map<SlottedConnection, string>();

  readonly #canReplace: boolean;

  constructor(limits: SlotLimits, { canReplace = false } = {}) {
    this.#limits = limits;
    this.#canReplace = canReplace;
  }

  /** How many slots are taken. */
  get taken(): number {
    return this.#networkOf.size;
  }

  /** The most that one address has. */
  get fullest(): number {
    return this.#fullest;
  }

  /** Why {@linkcode take} would give no slot, where that is known without a look at the connections. */
  refusal(hostname: string): "too many connections" | "too many connections of an address" | undefined {
    if (this.#canReplace) return undefined;
    const { isFull, isAddressFull, size } = this.#useOf(hostname);
    if (!isFull && !isAddressFull) return undefined;
    if (!isAddressFull && this.#fullest > size + 1) return undefined;
    return isFull ? "too many connections" : "too many connections of an address";
  }

  /**
   * Takes a slot until {@linkcode release}. At a limit, the oldest replaceable connection is closed, if there is one. If
   * none is replaceable, and all are taken, they are shared out: the address with most loses its newest one to an address
   * that has at least two less.
   */
  take(hostname: string, connection: SlottedConnection): SlotOutcome {
    const { network, own, isFull, isAddressFull, size } = this.#useOf(hostname);
    let outcome: SlotOutcome = "taken";
    if (isAddressFull || isFull) {
      const leaving = this.#canReplace
        ? oldestReplaceable(isAddressFull ? own! : this.#mostReplaceable())
        : isAddressFull
        ? undefined
        : this.#newestOfMost(size);
      if (leaving === undefined) {
        return isFull ? "too many connections" : "too many connections of an address";
      }
      this.release(leaving);
      leaving.close();
      outcome = "replaced";
    }
    let connections = this.#networks.get(network);
    if (connections === undefined) this.#networks.set(network, connections = new Network());
    this.#resize(connections, () => connections.add(connection));
    this.#networkOf.set(connection, network);
    return outcome;
  }

  release(connection: SlottedConnection) {
    const network = this.#networkOf.get(connection);
    if (network === undefined) return;
    this.#networkOf.delete(connection);
    const own = this.#networks.get(network)!;
    this.#resize(own, () => own.connections.delete(connection));
    if (own.size === 0) this.#networks.delete(network);
  }

  #useOf(hostname: string) {
    const network = networkOf(hostname), own = this.#networks.get(network), size = own?.size ?? 0;
    const addressMax = this.#limits.addressConnections ??
      (isLoopback(hostname) ? Infinity : REMOTE_LIMITS.addressConnections);
    return {
      network,
      own,
      size,
      isFull: this.taken >= this.#limits.connections,
      isAddressFull: size > 0 && size >= addressMax,
    };
  }

  #resize(network: Network, change: () => void) {
    this.#bySize[network.size]?.delete(network);
    change();
    const { size } = network;
    if (size > 0) (this.#bySize[size] ??= new Set()).add(network);
    this.#fullest = Math.max(this.#fullest, size);
    while (this.#fullest > 0 && this.#bySize[this.#fullest]!.size === 0) this.#fullest--;
  }

  /** The newest connection of an address with most, if that has at least two more than this. */
  #newestOfMost(count: number): SlottedConnection | undefined {
    if (this.#fullest <= count + 1) return undefined;
    const [most] = this.#bySize[this.#fullest]!;
    return most!.newest;
  }

  /** The connections of the address with the most replaceable ones. */
  #mostReplaceable(): Network {
    let most = new Network(), count = 0;
    for (const network of this.#networks.values()) {
      if (network.size <= count) continue;
      const size = [...network.connections].filter(({ isReplaceable }) => isReplaceable).length;
      if (size > count) [most, count] = [network, size];
    }
    return most;
  }
}

function oldestReplaceable({ connections }: Network): SlottedConnection | undefined {
  return connections.values().find(({ isReplaceable }) => isReplaceable);
}
