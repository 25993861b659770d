import { utf8Length } from "../../../../protocol/mailbox.ts";
import {
  encodeMailboxAnswer,
  type UnorderedMailboxRequest,
} from "../../../../protocol/session/mailbox_requests.ts";
import type { Linked } from "../../../quota/owner_lists.ts";
import type { Leased, LeaseRequest as StoreLeaseRequest } from "../../../store/requests/lease.ts";
import type { SessionClient } from "../handler.ts";
import { textLines } from "../text_lines.ts";

export type LeaseRequest = UnorderedMailboxRequest & { kind: "lease" };

/** After how long an answer is repeated that is not confirmed; twice as long each time (session.md 6.4). */
export const FIRST_REPEAT_MS = 200;

/**
 * Most bytes of text in one lease, unless its first message is longer: with the fields before each text, about the ten
 * datagrams that may be sent without an answer at first (RFC 9002, section 7.2).
 */
const MAX_LEASE_BYTES = 8192;

/** A request of a session for messages, and what became of it. Times are of the monotonic clock, in milliseconds. */
export class Receiver implements Linked<Receiver> {
  older: Receiver | undefined;
  newer: Receiver | undefined;
  use = 0;
  state: "at store" | "waiting" | "given" | "ended" = "at store";
  /** What it was given, and when. */
  leased: Leased | undefined;
  givenAt = 0;
  /** Whether its client has shown that the messages arrived. */
  isConfirmed = false;
  /** Whether it had to wait for what it was given. */
  hasWaited = false;
  readonly waitUntil: number;
  /** When the answer is repeated, and the pause before that. */
  repeatAt = 0;
  repeatPauseMs = FIRST_REPEAT_MS;

  constructor(
    readonly client: SessionClient,
    readonly request: LeaseRequest,
    /** When the request arrived last. */
    public requestedAt: number,
  ) {
    this.waitUntil = requestedAt + request.wait;
  }

  /** @param subscribe Whether the store is to report the next message if there is none. */
  toStore(subscribe: boolean): StoreLeaseRequest {
    const { id: session, account, network } = this.client;
    const { t: tag, mailbox, max, duration, ahead } = this.request;
    const lease = { session, account, network, tag, mailbox, max, maxBytes: MAX_LEASE_BYTES, duration };
    return { kind: "lease", ...lease, subscribe, ...ahead ? { ahead } : {} };
  }

  /** Sends the answer, as far as there is one. */
  answer() {
    const { client, request: { t }, state, leased } = this;
    if (state === "waiting") client.send(encodeMailboxAnswer({ kind: "pending", t }));
    else if (state === "ended") client.send(encodeMailboxAnswer({ kind: "none", t }));
    else if (leased !== undefined) { for (const line of messageLines(t, leased)) client.send(line); }
  }
}

/** The lines of the messages of a lease. */
function* messageLines(t: number, { token, messages }: Leased): Generator<string> {
  const k = messages.length;
  for (const [index, message] of messages.entries()) {
    const { id, attempt, time, sender, text } = message, i = index + 1, length = utf8Length(text);
    yield* textLines(
      text,
      (text) => encodeMailboxAnswer({ kind: "msg", t, i, k, token, id, attempt, time, sender, length, text }),
      (offset, text) => encodeMailboxAnswer({ kind: "piece", t, i, offset, text }),
    );
  }
}
