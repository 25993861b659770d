import { MAX_LEASE_MESSAGES } from "../../protocol/mailbox_requests.ts";
import { bytesOf, type ReceivedLease } from "./received_message.ts";

/** Most messages that are asked for at a time, over all leases. */
export const MAX_PREFETCH = 1024;

/** Most leases, and about so many bytes in all of them, that are to come at a time: the socket holds them meanwhile. */
const MAX_LEASES = MAX_PREFETCH / MAX_LEASE_MESSAGES, MAX_BYTES = 64 * 1024;

/**
 * How many leases a receiver asks for at a time. It begins with one, and doubles for as long as every one brings
 * something: a receiver of a trickle takes nothing from others, and one of very long messages is not flooded.
 */
export class PrefetchSize {
  readonly #leases: number;

  constructor(leases = 1) {
    this.#leases = leases;
  }

  /** How many messages to ask each lease for, where so many are wanted. */
  of(messages: number): number[] {
    const asked: number[] = [];
    for (let left = messages; left > 0 && asked.length < this.#leases; left -= MAX_LEASE_MESSAGES) {
      asked.push(Math.min(left, MAX_LEASE_MESSAGES));
    }
    return asked;
  }

  /** What comes next, where so many leases were asked for, and these came. */
  next(leases: readonly ReceivedLease[], asked: number): PrefetchSize {
    if (leases.length < asked) return new PrefetchSize();
    const most = Math.max(...leases.map(bytesOf));
    return new PrefetchSize(
      Math.max(1, Math.min(2 * this.#leases, MAX_LEASES, Math.floor(MAX_BYTES / most))),
    );
  }
}
