import type { Metrics } from "../../report/metrics.ts";
import type { TransferConnection } from "./transfer_connection.ts";

/** Most transfers at a time, and of one user (transfer.md section 8). */
export const MAX_TRANSFERS = 32;
const MAX_USER_TRANSFERS = 4;

/** A transfer that moved fewer bytes in the last 10 to 20 s may lose its slot to a new one (transfer.md 7.2). */
const SLOW_BYTES = 256 * 1024;

type Transfer = Pick<TransferConnection, "abort" | "recentBytes">;
type Slot = [transfer: Transfer, user: string];

export interface TransferSlotsOptions {
  metrics: Metrics;
  /** Most transfers at a time, 32 by default, and of one user, 4 by default. */
  max?: number;
  maxUser?: number;
}

/** The running transfers, whose number is limited. A slow one is aborted for a new one. */
export class TransferSlots {
  readonly #options: TransferSlotsOptions;
  readonly #users = new Map<Transfer, string>();

  constructor(options: TransferSlotsOptions) {
    this.#options = options;
  }

  /** How many transfers run. */
  get size(): number {
    return this.#users.size;
  }

  /** Takes a slot until {@linkcode leave}; returns whether there was one. */
  take(transfer: Transfer, user: string): boolean {
    const { max = MAX_TRANSFERS, maxUser = MAX_USER_TRANSFERS, metrics } = this.#options;
    const own = [...this.#users].filter((slot) => slot[1] === user);
    if (own.length >= maxUser || this.#users.size >= max) {
      const displaced = own.length >= maxUser
        ? slow(own)
        : slow([...this.#users]) ?? (own.length === 0 ? this.#spare() : undefined);
      if (displaced === undefined) return false;
      this.#users.delete(displaced);
      displaced.abort("busy");
      metrics.add("files displaced");
    }
    this.#users.set(transfer, user);
    return true;
  }

  leave(transfer: Transfer) {
    this.#users.delete(transfer);
  }

  /** The slowest transfer of the users who have most, if that is more than one. */
  #spare(): Transfer | undefined {
    const byUser = [...Map.groupBy(this.#users, ([, user]) => user).values()];
    const most = Math.max(...byUser.map((slots) => slots.length));
    return most < 2 ? undefined : slowest(byUser.filter((slots) => slots.length === most).flat());
  }
}

function slow(slots: Slot[]): Transfer | undefined {
  const transfer = slowest(slots);
  return transfer !== undefined && transfer.recentBytes < SLOW_BYTES ? transfer : undefined;
}

function slowest(slots: Slot[]): Transfer | undefined {
  // Infinity less Infinity is no number
  return slots.toSorted(([a], [b]) => a.recentBytes - b.recentBytes || 0)[0]?.[0];
}
