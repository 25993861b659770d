import { networkOf } from "../quota/address.ts";

/** A connection of the file transfer, as the room sees it. */
export interface Guest {
  /** Whether it has shown a valid ticket. */
  readonly hasTicket: boolean;
  /** Ends it at once. */
  close(): void;
}

export interface ConnectionRoomLimits {
  /** Connections in all, and of one address. */
  connections: number;
  addressConnections: number;
}

/**
 * The connections that there are, of which there may be only so many. One without a valid ticket makes room for a
 * newcomer: so whoever connects and says nothing, however often, keeps out nobody who comes for a file.
 */
export class ConnectionRoom {
  readonly #limits: ConnectionRoomLimits;
  /** By network, those of each in the order in which they came. */
  readonly #networks = new Map<string, Set<Guest>>();
  /** The network of each. */
  readonly #at = new Map<Guest, string>();

  constructor(limits: ConnectionRoomLimits) {
    this.#limits = limits;
  }

  /**
   * Lets one more in, until {@linkcode leave}.
   *
   * @returns Whether there was room, or one of the others made some by being closed; `full` where all have tickets.
   */
  enter(hostname: string, guest: Guest): "entered" | "displaced" | "full" {
    const network = networkOf(hostname), own = this.#networks.get(network);
    const { connections, addressConnections } = this.#limits;
    let outcome: "entered" | "displaced" = "entered";
    if ((own?.size ?? 0) >= addressConnections || this.#at.size >= connections) {
      const from = (own?.size ?? 0) >= addressConnections ? own! : this.#mostStrangers();
      const stranger = oldestStranger(from);
      if (stranger === undefined) return "full";
      this.leave(stranger);
      stranger.close();
      outcome = "displaced";
    }
    const guests = this.#networks.get(network);
    if (guests === undefined) this.#networks.set(network, new Set([guest]));
    else guests.add(guest);
    this.#at.set(guest, network);
    return outcome;
  }

  /** It has ended. */
  leave(guest: Guest) {
    const network = this.#at.get(guest);
    if (network === undefined) return;
    const guests = this.#networks.get(network)!;
    guests.delete(guest);
    if (guests.size === 0) this.#networks.delete(network);
    this.#at.delete(guest);
  }

  /** Those of the address that has most without a ticket. */
  #mostStrangers(): Set<Guest> {
    let most = new Set<Guest>(), count = 0;
    for (const guests of this.#networks.values()) {
      if (guests.size <= count) continue;
      const strangers = [...guests].filter(({ hasTicket }) => !hasTicket).length;
      if (strangers > count) [most, count] = [guests, strangers];
    }
    return most;
  }
}

function oldestStranger(guests: Set<Guest>): Guest | undefined {
  for (const guest of guests) if (!guest.hasTicket) return guest;
}
