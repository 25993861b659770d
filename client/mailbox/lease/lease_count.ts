import { MAX_LEASE_MESSAGES } from "../../../protocol/session/mailbox_requests.ts";
import type { ReceivedLease } from "./received_lease.ts";
import type { ReceivedMessage } from "./received_message.ts";

/**
 * Most leases at a time, and about how many bytes in all of them: they have to fit in the socket's buffer twice, because a
 * server that is slow may have been asked again.
 */
const MAX_LEASES = 16, MAX_LEASED_BYTES = 40 * 1024;

/** Bytes from which a lease has rather reached its own limit than the end of the mailbox. */
const FULL_LEASE_BYTES = 4096;

/**
 * How many leases to request at a time. It begins with one, and doubles as long as every lease brings something: a
 * receiver of few messages takes nothing from others, and one of very long messages is not flooded. It goes down with the
 * messages, but not at once: between two bursts of them the mailbox is empty for a moment.
 */
export class LeaseCount {
  #leases = 1;

  /** How many messages to request in each lease, if `messages` are wanted in all. */
  split(messages: number): number[] {
    const sizes: number[] = [];
    for (let left = messages; left > 0 && sizes.length < this.#leases; left -= MAX_LEASE_MESSAGES) {
      sizes.push(Math.min(left, MAX_LEASE_MESSAGES));
    }
    return sizes;
  }

  /** Leases of these sizes were requested, and these came. Returns whether they reach to the end of the mailbox. */
  received(leases: readonly ReceivedLease[], sizes: readonly number[]): boolean {
    const next = this.#next(leases.length, sizes.length);
    const fitting = Math.floor(MAX_LEASED_BYTES / Math.max(1, ...leases.map(({ bytes }) => bytes)));
    this.#leases = Math.max(1, Math.min(next, MAX_LEASES, fitting));
    return leases.length < sizes.length || leases.some(({ messages: { length }, bytes }, i) => {
      return length < sizes[i]! && length < MAX_LEASE_MESSAGES && bytes < FULL_LEASE_BYTES;
    });
  }

  /** So many leases were requested, and so many brought something. */
  #next(brought: number, requested: number): number {
    if (brought === requested) return 2 * this.#leases;
    // one alone was waited for
    return brought > 1 ? 2 * brought : Math.floor(this.#leases / 2);
  }
}

/** The messages of all leases, in their order: leases that are requested at the same time may overtake each other. */
export function inOrder(leases: readonly ReceivedLease[]): readonly ReceivedMessage[] {
  if (leases.length === 1) return leases[0]!.messages;
  return leases.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
}
