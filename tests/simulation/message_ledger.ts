/**
 * What the senders and receivers of a run know about its messages, and what has to hold of it: each is stored once, in its
 * sender's order, and with the outcome that its sender was told.
 *
 * @module
 */

import type { Lease } from "../../client/mailbox/lease/lease.ts";

/** What a message's sender knows about it. */
export interface Sent {
  text: string;
  mailbox: string;
  /** Which session put it, and as which of its messages. */
  session: string;
  outcome: "open" | "stored" | "withdrawn" | "unknown" | "not sent";
  /** Whether the server had forgotten the session. */
  named?: true;
  /** Whether an earlier life of its session may have sent it. */
  again?: true;
}

/** What became of the messages. */
export interface Summary {
  outcomes: Record<Sent["outcome"], number>;
  /** Of the puts with an unknown outcome: how many are stored, and how many are not. */
  named: { there: number; missing: number };
  /** Messages that were withdrawn, and stored all the same. */
  withdrawnButStored: number;
  delivered: number;
}

export class MessageLedger {
  readonly sent: Sent[] = [];
  /** What the store made of a text: one message, if it was stored once. */
  readonly #stored = new Map<string, Set<string>>();
  /** Messages with a confirmed acknowledgement. */
  readonly #removed = new Set<string>();
  #delivered = 0;

  deliver({ messages }: Lease) {
    this.#delivered += messages.length;
    for (const { text, time, id } of messages) this.found(text, time, id);
  }

  /** The store has a message. */
  found(text: string, time: number, id: number) {
    const known = this.#stored.get(text) ?? new Set();
    this.#stored.set(text, known.add(placeOf(time, id)));
  }

  /** Acknowledges the messages of a lease, but for the first ones. */
  async acknowledge(lease: Lease, from: number) {
    const acknowledged = lease.messages.slice(from);
    const lost = await lease.ack(acknowledged.map(({ id }) => id));
    for (const { text, time, id } of acknowledged) {
      if (lost.includes(id)) continue;
      const place = placeOf(time, id);
      if (this.#removed.has(place)) throw new Error(`'${text.slice(0, 20)}' was removed twice`);
      this.#removed.add(place);
    }
  }

  summary(): Summary {
    const outcomes = { open: 0, stored: 0, withdrawn: 0, unknown: 0, "not sent": 0 };
    for (const { outcome } of this.sent) outcomes[outcome]++;
    const named = this.sent.filter(({ named }) => named),
      isThere = ({ text }: Sent) => this.#stored.has(text);
    const there = named.filter(isThere).length;
    return {
      outcomes,
      named: { there, missing: named.length - there },
      withdrawnButStored:
        this.sent.filter((message) => message.outcome === "withdrawn" && isThere(message)).length,
      delivered: this.#delivered,
    };
  }

  /** @throws {Error} What was promised does not hold. */
  check() {
    const fail = (message: Sent, what: string) => {
      throw new Error(
        `'${message.text.slice(0, 20)}' to ${message.mailbox} ${what} (${message.outcome})`,
      );
    };
    const last = new Map<string, string>();
    for (const message of this.sent) {
      const { text, mailbox, session, outcome } = message;
      const places = [...this.#stored.get(text) ?? []];
      if (places.length > 1) fail(message, `is there ${places.length} times: ${places}`);
      if (outcome === "open") fail(message, "has no outcome");
      if (outcome === "stored" && places.length === 0) fail(message, "was acknowledged and is not there");
      if (outcome === "withdrawn" && places.length > 0) fail(message, "is there though it was withdrawn");
      if (outcome === "not sent" && places.length > 0) fail(message, "is there though it was not sent");
      const [place] = places, line = `${session} ${mailbox}`;
      if (place === undefined) continue;
      if (place < (last.get(line) ?? "")) fail(message, "is out of its order");
      last.set(line, place);
    }
    const known = new Set(this.sent.map(({ text }) => text));
    for (const text of this.#stored.keys()) {
      if (!known.has(text)) throw new Error(`nobody sent '${text.slice(0, 40)}'`);
    }
  }
}

/** A message's place in the order of arrival: the store's numbers begin anew when it was empty. */
function placeOf(time: number, id: number): string {
  return `${time} ${`${id}`.padStart(9)}`;
}
