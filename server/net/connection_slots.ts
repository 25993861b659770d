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

/** Invariant: no more connections have a slot than the limits say. */
export class ConnectionSlots {
  readonly #limits: SlotLimits;
  /** By network, the connections in the order in which they came. */
  readonly #networks = new Map<string, Set<SlottedConnection>>();
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
    return this.#networks.values().reduce((most, { size }) => Math.max(most, size), 0);
  }

  /**
   * Takes a slot until {@linkcode release}. At a limit, the oldest replaceable connection is closed, if there is one. If
   * none is replaceable, and all are taken, they are shared out: the address with most loses its newest one to an address
   * that has at least two less.
   */
  take(hostname: string, connection: SlottedConnection): SlotOutcome {
    const network = networkOf(hostname), own = this.#networks.get(network);
    const addressMax = this.#limits.addressConnections ??
      (isLoopback(hostname) ? Infinity : REMOTE_LIMITS.addressConnections);
    const isAddressFull = own !== undefined && own.size >= addressMax;
    let outcome: SlotOutcome = "taken";
    if (isAddressFull || this.taken >= this.#limits.connections) {
      const leaving = this.#canReplace
        ? oldestReplaceable(isAddressFull ? own : this.#mostReplaceable())
        : isAddressFull
        ? undefined
        : this.#newestOfMost(own?.size ?? 0);
      if (leaving === undefined) {
        return this.taken >= this.#limits.connections
          ? "too many connections"
          : "too many connections of an address";
      }
      this.release(leaving);
      leaving.close();
      outcome = "replaced";
    }
    const connections = this.#networks.get(network);
    if (connections === undefined) this.#networks.set(network, new Set([connection]));
    else connections.add(connection);
    this.#networkOf.set(connection, network);
    return outcome;
  }

  release(connection: SlottedConnection) {
    const network = this.#networkOf.get(connection);
    if (network === undefined) return;
    this.#networkOf.delete(connection);
    const connections = this.#networks.get(network)!;
    connections.delete(connection);
    if (connections.size === 0) this.#networks.delete(network);
  }

  /** The newest connection of the address with most, if that has at least two more than this. */
  #newestOfMost(count: number): SlottedConnection | undefined {
    let most: Set<SlottedConnection> | undefined;
    for (const each of this.#networks.values()) if (each.size > (most?.size ?? count + 1)) most = each;
    let newest: SlottedConnection | undefined;
    for (newest of most ?? []);
    return newest;
  }

  /** The connections of the address with the most replaceable ones. */
  #mostReplaceable(): Set<SlottedConnection> {
    let most = new Set<SlottedConnection>(), count = 0;
    for (const connections of this.#networks.values()) {
      if (connections.size <= count) continue;
      const size = [...connections].filter(({ isReplaceable }) => isReplaceable).length;
      if (size > count) [most, count] = [connections, size];
    }
    return most;
  }
}

function oldestReplaceable(connections: Set<SlottedConnection>): SlottedConnection | undefined {
  return connections.values().find(({ isReplaceable }) => isReplaceable);
}
