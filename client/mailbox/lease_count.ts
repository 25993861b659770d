import { MAX_LEASE_MESSAGES } from "../../protocol/mailbox_requests.ts";
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
 * receiver of few messages takes nothing from others, and one of very long messages is not flooded. It goes down to as
 * many as brought something, but halves at most: messages that come in bursts leave it as it is.
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
    const isEach = leases.length === sizes.length;
    const next = isEach ? 2 * this.#leases : Math.max(leases.length, Math.floor(this.#leases / 2));
    const fitting = Math.floor(MAX_LEASED_BYTES / Math.max(1, ...leases.map(({ bytes }) => bytes)));
    this.#leases = Math.max(1, Math.min(next, MAX_LEASES, fitting));
    return leases.length < sizes.length || leases.some(({ messages: { length }, bytes }, i) => {
      return length < sizes[i]! && length < MAX_LEASE_MESSAGES && bytes < FULL_LEASE_BYTES;
    });
  }
}

/** The messages of all leases, in their order: leases that are requested at the same time may overtake each other. */
export function inOrder(leases: readonly ReceivedLease[]): readonly ReceivedMessage[] {
  if (leases.length === 1) return leases[0]!.messages;
  return leases.flatMap(({ messages }) => messages).sort((a, b) => a.id - b.id);
}
