import type { Metrics } from "../../report/metrics.ts";
import type { TransferConnection } from "./transfer_connection.ts";

/** Most transfers at a time, and of one user (transfer.md section 8). */
export const MAX_TRANSFERS = 32, MAX_USER_TRANSFERS = 4;

/** A transfer that moved fewer bytes in the last 10 to 20 s may lose its slot to a new one (transfer.md 7.2). */
const SLOW_BYTES = 256 * 1024;

type Transfer = Pick<TransferConnection, "abort" | "recentBytes">;
interface Owner {
  user: string;
  /** Where its client is. */
  network: string;
}
type Slot = [transfer: Transfer, owner: Owner];

export interface TransferSlotsOptions {
  metrics: Metrics;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
}

/** The running transfers, whose number is limited. A slow one is aborted for a new one. */
export class TransferSlots {
  readonly #options: TransferSlotsOptions;
  readonly #owners = new Map<Transfer, Owner>();

  constructor(options: TransferSlotsOptions) {
    this.#options = options;
  }

  /** How many transfers run. */
  get size(): number {
    return this.#owners.size;
  }

  /** The most that one user has, and one network. */
  get fullest(): { ofUser: number; ofNetwork: number } {
    const most = (key: keyof Owner) =>
      Math.max(0, ...this.#grouped(key).values().map((slots) => slots.length));
    return { ofUser: most("user"), ofNetwork: most("network") };
  }

  /** Takes a slot until {@linkcode leave}; returns whether there was one. */
  take(transfer: Transfer, user: string, network: string): boolean {
    const { max = MAX_TRANSFERS, maxUser = MAX_USER_TRANSFERS, metrics } = this.#options;
    const own = this.#grouped("user").get(user) ?? [];
    if (own.length >= maxUser || this.#owners.size >= max) {
      const displaced = own.length >= maxUser
        ? slow(own)
        : slow([...this.#owners]) ?? (own.length === 0 ? this.#spare(network) : undefined);
      if (displaced === undefined) return false;
      this.#owners.delete(displaced);
      displaced.abort("busy");
      metrics.add("files displaced");
    }
    this.#owners.set(transfer, { user, network });
    return true;
  }

  leave(transfer: Transfer) {
    this.#owners.delete(transfer);
  }

  #grouped(key: keyof Owner): Map<string, Slot[]> {
    return Map.groupBy(this.#owners, ([, owner]) => owner[key]);
  }

  /**
   * The slowest transfer of the networks that have most, if that is at least two more than this one has: an address can
   * make users of its own. Else that of the users of this network who have most, if that is more than one.
   */
  #spare(network: string): Transfer | undefined {
    const byNetwork = this.#grouped("network"), own = byNetwork.get(network) ?? [];
    const others = largest(byNetwork.values());
    if (others.most > own.length + 1) return slowest(others.slots);
    const users = largest(Map.groupBy(own, ([, { user }]) => user).values());
    return users.most < 2 ? undefined : slowest(users.slots);
  }
}

/** How many slots the largest groups have, and the slots of all of these groups. */
function largest(groups: Iterable<Slot[]>): { most: number; slots: Slot[] } {
  const all = [...groups], most = Math.max(0, ...all.map((slots) => slots.length));
  return { most, slots: all.filter((slots) => slots.length === most).flat() };
}

function slow(slots: Slot[]): Transfer | undefined {
  const transfer = slowest(slots);
  return transfer !== undefined && transfer.recentBytes < SLOW_BYTES ? transfer : undefined;
}

function slowest(slots: Slot[]): Transfer | undefined {
  // Infinity less Infinity is no number
  return slots.toSorted(([a], [b]) => a.recentBytes - b.recentBytes || 0)[0]?.[0];
}
