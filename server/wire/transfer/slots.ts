import type { Metrics } from "../../report/metrics.ts";
import type { TransferConnection } from "./transfer_connection.ts";

/** Most transfers at a time, and of one user. */
export const MAX_TRANSFERS = 32;
const MAX_USER_TRANSFERS = 4;

/** Bytes that a transfer moves at least within some 10 s, if it is to keep its place against a newcomer. */
const SLOW = 256 * 1024;

type Transfer = Pick<TransferConnection, "abort" | "lately">;
type Place = [transfer: Transfer, user: string];

export interface TransferSlotsOptions {
  metrics: Metrics;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
}

/** The transfers that run, of which there are only so many; one that is of little use makes room for a newcomer. */
export class TransferSlots {
  readonly #options: TransferSlotsOptions;
  /** Users, by their transfers. */
  readonly #places = new Map<Transfer, string>();

  constructor(options: TransferSlotsOptions) {
    this.#options = options;
  }

  /** Gives it a place until {@linkcode leave}; returns whether there was one. */
  take(transfer: Transfer, user: string): boolean {
    const { max = MAX_TRANSFERS, maxUser = MAX_USER_TRANSFERS, metrics } = this.#options;
    const own = [...this.#places].filter((place) => place[1] === user);
    const isFull = own.length >= maxUser || this.#places.size >= max;
    if (isFull) {
      const displaced = own.length >= maxUser
        ? slow(own)
        : slow([...this.#places]) ?? this.#spare(own.length);
      if (displaced === undefined) return false;
      this.#places.delete(displaced);
      displaced.abort("busy");
      metrics.add("files displaced");
    }
    this.#places.set(transfer, user);
    return true;
  }

  leave(transfer: Transfer) {
    this.#places.delete(transfer);
  }

  /** One of a user who has more than anybody else, for one who has none. */
  #spare(own: number): Transfer | undefined {
    if (own > 0) return undefined;
    const byUser = [...Map.groupBy(this.#places, ([, user]) => user).values()];
    const most = Math.max(...byUser.map((places) => places.length));
    if (most < 2) return undefined;
    return slowest(byUser.filter((places) => places.length === most).flat())![0];
  }
}

function slow(places: Place[]): Transfer | undefined {
  const place = slowest(places);
  return place !== undefined && place[0].lately < SLOW ? place[0] : undefined;
}

function slowest(places: Place[]): Place | undefined {
  return places.toSorted(([a], [b]) => a.lately === b.lately ? 0 : a.lately - b.lately)[0];
}
