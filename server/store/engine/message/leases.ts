import { FairTable, type TableLimits } from "../../../quota/fair_table.ts";
import type { Linked } from "../../../quota/owner_lists.ts";
import { UNCONFIRMED_LEASE_MS } from "../../requests/lease.ts";

/** Leases that may run at a time. */
const LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 10_000 };

/** Messages that are with a session. */
export interface Lease extends Linked<Lease> {
  network: string;
  account: string;
  token: string;
  session: string;
  tag: number;
  mailbox: string;
  /** Milliseconds. */
  duration: number;
  /** The messages that are not acknowledged or released yet: the bytes of each, by its number. */
  messages: Map<number, number>;
  /** The messages for which an attempt counts; undefined: for all. */
  begun: Set<number> | undefined;
  /** When it was given, and when it ends, in milliseconds of a monotonic clock. */
  given: number;
  until: number;
  /** Whether its client has received it. */
  confirmed: boolean;
  /** Whether it has a row. */
  stored: boolean;
}

/** Leases of one mailbox, and how many messages they hold. */
interface MailboxLeases {
  leases: Set<Lease>;
  messages: number;
}

/** The leases that run, by token, by session and tag, by message and by mailbox. */
export class Leases {
  readonly #byToken = new Map<string, Lease>();
  readonly #byTag = new Map<string, Lease>();
  readonly #byId = new Map<number, Lease>();
  readonly #byMailbox = new Map<string, MailboxLeases>();
  readonly table = new FairTable<Lease>(LIMITS, (entry) => entry);
  /** No lease ends before this. */
  #nextEnd = Infinity;

  get size(): number {
    return this.#byToken.size;
  }

  /** No lease ends before this. */
  get nextEnd(): number {
    return this.#nextEnd;
  }

  /** All of them. */
  all(): Lease[] {
    return [...this.#byToken.values()];
  }

  /** How many messages of a mailbox, or of all, are leased. */
  messages(mailbox?: string): number {
    return mailbox === undefined ? this.#byId.size : this.#byMailbox.get(mailbox)?.messages ?? 0;
  }

  has(id: number): boolean {
    return this.#byId.has(id);
  }

  get(token: string): Lease | undefined {
    return this.#byToken.get(token);
  }

  of(session: string, tag: number): Lease | undefined {
    return this.#byTag.get(`${session} ${tag}`);
  }

  /** Those of one mailbox. */
  in(mailbox: string): Lease[] {
    return [...this.#byMailbox.get(mailbox)?.leases ?? []];
  }

  add(lease: Lease) {
    if (!this.#byToken.has(lease.token)) this.table.add(lease);
    this.#byToken.set(lease.token, lease);
    this.#byTag.set(`${lease.session} ${lease.tag}`, lease);
    const own = this.#byMailbox.get(lease.mailbox) ?? { leases: new Set(), messages: 0 };
    this.#byMailbox.set(lease.mailbox, own);
    own.leases.add(lease);
    for (const id of lease.messages.keys()) {
      if (!this.#byId.has(id)) own.messages++;
      this.#byId.set(id, lease);
    }
    this.mayEndEarlier(lease);
  }

  /** Must be called when the lease may end earlier than before. */
  mayEndEarlier(lease: Lease) {
    this.#nextEnd = Math.min(this.#nextEnd, endOf(lease));
  }

  remove(lease: Lease) {
    if (this.#byToken.delete(lease.token)) this.table.remove(lease);
    this.#byTag.delete(`${lease.session} ${lease.tag}`);
    this.#forget(lease, lease.messages.keys());
    const own = this.#byMailbox.get(lease.mailbox);
    own?.leases.delete(lease);
    if (own?.leases.size === 0) this.#byMailbox.delete(lease.mailbox);
  }

  /** Puts messages back into the lease that they were removed from. */
  restore(lease: Lease, messages: ReadonlyMap<number, number>) {
    // in their order: the answer to a repeated request is the same as before
    lease.messages = new Map([...lease.messages, ...messages].sort(([a], [b]) => a - b));
    this.add(lease);
  }

  /** Removes messages from their lease, which ends when it is empty. */
  removeMessages(lease: Lease, messages: ReadonlyMap<number, number>) {
    this.#forget(lease, messages.keys());
    for (const id of messages.keys()) lease.messages.delete(id);
    if (lease.messages.size === 0) this.remove(lease);
  }

  #forget(lease: Lease, ids: Iterable<number>) {
    const own = this.#byMailbox.get(lease.mailbox);
    for (const id of ids) if (this.#byId.delete(id) && own !== undefined) own.messages--;
  }

  /** Leases that have ended, with about `limit` messages together, and whether there may be more. */
  ended(now: number, limit: number): { leases: Lease[]; isMore: boolean } {
    const leases: Lease[] = [];
    if (now < this.#nextEnd) return { leases, isMore: false };
    this.#nextEnd = Infinity;
    let messages = 0;
    for (const lease of this.#byToken.values()) {
      const end = endOf(lease);
      if (end > now) {
        this.#nextEnd = Math.min(this.#nextEnd, end);
        continue;
      }
      if (messages >= limit) {
        this.#nextEnd = now;
        return { leases, isMore: true };
      }
      leases.push(lease);
      messages += lease.messages.size;
    }
    return { leases, isMore: false };
  }
}

function endOf({ until, given, confirmed }: Lease): number {
  return confirmed ? until : Math.min(until, given + UNCONFIRMED_LEASE_MS);
}
