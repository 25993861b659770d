/**
 * Leases whose messages a program has received. What the program does with the messages of a lease until the next datagram
 * is made shares a request.
 *
 * Invariant: a lease is extended for as long as a message of it is open.
 *
 * @module
 */

import { failureFields } from "../../../protocol/session/mailbox_requests.ts";
import { atEndOfTurn } from "../../session/environment.ts";
import { type Finish, type Lease, LEASE_MS } from "./lease.ts";
import type { MailboxSession } from "../mailbox_session.ts";
import { ReceivedMessage } from "./received_message.ts";

/** How often a lease is extended. */
const EXTEND_EVERY_MS = 10_000;

/** Bytes that a message takes beside its text, about. */
const OVERHEAD_BYTES = 80;

interface Finished {
  id: number;
  resolve: (wasLeased: boolean) => void;
  reject: (error: Error) => void;
}

/** All leases with open messages. */
export class ReceivedLeases {
  readonly #session: MailboxSession;
  readonly #leases = new Set<ReceivedLease>();
  /** Messages that a loop was given in this turn. */
  #given: { lease: ReceivedLease; message: ReceivedMessage }[] = [];
  #cancelTimer: (() => void) | undefined;

  constructor(session: MailboxSession) {
    this.#session = session;
  }

  add(lease: Lease): ReceivedLease {
    const received = new ReceivedLease(lease, this.#session, this);
    this.#leases.add(received);
    this.#setTimer();
    return received;
  }

  #setTimer() {
    this.#cancelTimer ??= this.#session.environment.setTimer(EXTEND_EVERY_MS, () => {
      this.#cancelTimer = undefined;
      // if one fails, its messages are given to a client again, and acknowledging them reports that
      for (const lease of this.#leases) lease.extend().catch(() => this.remove(lease));
      if (this.#leases.size > 0) this.#setTimer();
    });
  }

  /** Extends it no more. */
  remove(lease: ReceivedLease) {
    this.#leases.delete(lease);
    if (this.#leases.size === 0) this.#stopTimer();
  }

  #stopTimer() {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** A message that was fetched ahead is given to a loop: if it is not finished in this turn, the attempt is counted. */
  given(lease: ReceivedLease, message: ReceivedMessage) {
    if (this.#given.length === 0) atEndOfTurn(this.#session.environment, () => this.begin());
    this.#given.push({ lease, message });
  }

  /** Counts an attempt at what was given and is not finished. Resolves when the server knows, or can't be reached. */
  async begin(): Promise<void> {
    const begun = new Map<ReceivedLease, number[]>(), given = this.#given;
    if (given.length === 0) return;
    this.#given = [];
    for (const { lease, message } of given) {
      if (!message.isOpen) continue;
      const ids = begun.get(lease);
      if (ids === undefined) begun.set(lease, [message.id]);
      else ids.push(message.id);
    }
    // if it fails, the lease ends, and it counts as no attempt
    if (begun.size > 0) await Promise.allSettled(begun.entries().map(([lease, ids]) => lease.begin(ids)));
  }

  /** Extends nothing any more. Messages that a loop has and did not finish count as an attempt. */
  close() {
    this.begin();
    this.#stopTimer();
  }
}

/** One lease. */
export class ReceivedLease {
  readonly messages: readonly ReceivedMessage[];
  /** Bytes of the messages, about. */
  readonly bytes: number;
  readonly #lease: Lease;
  readonly #session: MailboxSession;
  readonly #leases: ReceivedLeases;
  /** Messages that are not finished. */
  #open: number;
  /** Messages that were finished since the last datagram, by what is sent for them. */
  readonly #finished = new Map<string, { outcome: Finish; messages: Finished[] }>();

  constructor(lease: Lease, session: MailboxSession, leases: ReceivedLeases) {
    this.#lease = lease;
    this.#session = session;
    this.#leases = leases;
    this.messages = lease.messages.map((message) => new ReceivedMessage(message, this));
    this.bytes = lease.bytes + OVERHEAD_BYTES * this.messages.length;
    this.#open = this.messages.length;
  }

  async extend() {
    await this.#lease.extend(LEASE_MS);
  }

  /** The message is given to a loop. */
  given(message: ReceivedMessage) {
    if (this.#lease.ahead) this.#leases.given(this, message);
  }

  /** Counts an attempt at these messages. */
  begin(ids: readonly number[]): Promise<unknown> {
    return this.#lease.begin(ids);
  }

  /** Resolves to whether the message was still leased. */
  finish(message: ReceivedMessage, outcome: Finish): Promise<boolean> {
    return new Promise((resolve, reject) => {
      if (this.#finished.size === 0) this.#session.gather(this);
      if (message.isOpen && --this.#open === 0) this.#leases.remove(this);
      message.isOpen = false;
      const key = typeof outcome === "string" ? outcome : failureFields(outcome), { id } = message;
      const same = this.#finished.get(key);
      if (same === undefined) this.#finished.set(key, { outcome, messages: [{ id, resolve, reject }] });
      else same.messages.push({ id, resolve, reject });
    });
  }

  /** Sends what was finished: a datagram is about to be made. */
  collect() {
    const all = [...this.#finished.values()];
    this.#finished.clear();
    for (const { outcome, messages } of all) {
      const ids = messages.map(({ id }) => id);
      const settle = (error?: Error, lost?: readonly number[]) => {
        for (const { id, resolve, reject } of messages) {
          if (error === undefined) resolve(lost === undefined || !lost.includes(id));
          else reject(error);
        }
      };
      if (outcome === "ack") this.#lease.send("ack", "", ids, settle);
      else if (outcome === "release") this.#lease.send("back", "", ids, settle);
      else this.#lease.send("fail", `${failureFields(outcome)},`, ids, settle);
    }
  }
}
