import { FairTable, type Origin, type TableLimits, type TableUsage } from "../../../quota/fair_table.ts";
import type { Linked } from "../../../quota/owner_lists.ts";
import { UNCONFIRMED_LEASE_MS } from "../../requests/lease.ts";

/** Leases that may run at a time. */
const LIMITS: Readonly<TableLimits> = { all: 100_000, ofNetwork: 10_000, ofAccount: 10_000 };

/** Messages that are with a session. */
export interface Lease extends Linked<Lease>, Origin {
  token: string;
  session: string;
  tag: number;
  mailbox: string;
  /** For how long they were given, in milliseconds. */
  duration: number;
  /** The messages that are not acknowledged or given back yet: the bytes of each, by its number. */
  messages: Map<number, number>;
  /** The messages that count as given out; undefined where all do. */
  begun: Set<number> | undefined;
  /** When it was given, and when it ends, in milliseconds of a clock that is never set. */
  given: number;
  until: number;
  /** Whether it is known that its messages have arrived. */
  confirmed: boolean;
  /** Whether it has a row. */
  stored: boolean;
}

/** Those of one mailbox, and how many messages they hold. */
interface MailboxLeases {
  leases: Set<Lease>;
  messages: number;
}

/** The leases that run, by all that they are looked up by. */
export class Leases {
  readonly #byToken = new Map<string, Lease>();
  readonly #byTag = new Map<string, Lease>();
  readonly #byId = new Map<number, Lease>();
  readonly #byMailbox = new Map<string, MailboxLeases>();
  readonly #table = new FairTable<Lease>(LIMITS, (lease) => lease);
  /** No lease ends before this. */
  #nextEnd = Infinity;

  get size(): number {
    return this.#byToken.size;
  }

  get usage(): TableUsage {
    return this.#table.usage;
  }

  /** What has to end before another one is given there: nothing, a lease, or `full` where it can't be given. */
  roomFor(place: Origin): Lease | "full" | undefined {
    return this.#table.roomFor(place);
  }

  /** The lease was prolonged. */
  use(lease: Lease) {
    this.#table.use(lease);
  }

  /** Messages of a mailbox, or of all, that are leased. */
  messages(mailbox: string | undefined): number {
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
    if (!this.#byToken.has(lease.token)) this.#table.add(lease);
    this.#byToken.set(lease.token, lease);
    this.#byTag.set(`${lease.session} ${lease.tag}`, lease);
    const own = this.#byMailbox.get(lease.mailbox) ?? { leases: new Set(), messages: 0 };
    this.#byMailbox.set(lease.mailbox, own);
    own.leases.add(lease);
    for (const id of lease.messages.keys()) {
      if (!this.#byId.has(id)) own.messages++;
      this.#byId.set(id, lease);
    }
    this.heed(lease);
  }

  /** To be called when the lease may end earlier than before. */
  heed(lease: Lease) {
    this.#nextEnd = Math.min(this.#nextEnd, endOf(lease));
  }

  remove(lease: Lease) {
    if (this.#byToken.delete(lease.token)) this.#table.remove(lease);
    this.#byTag.delete(`${lease.session} ${lease.tag}`);
    this.#forget(lease, lease.messages.keys());
    const own = this.#byMailbox.get(lease.mailbox);
    own?.leases.delete(lease);
    if (own?.leases.size === 0) this.#byMailbox.delete(lease.mailbox);
  }

  /** Puts messages back into the lease that they were taken out of. */
  restore(lease: Lease, messages: ReadonlyMap<number, number>) {
    // at their place: the answer to a repeated request is the same as before
    lease.messages = new Map([...lease.messages, ...messages].sort(([a], [b]) => a - b));
    this.add(lease);
  }

  /** Takes messages out of their lease, which ends when it is empty. */
  take(lease: Lease, messages: ReadonlyMap<number, number>) {
    this.#forget(lease, messages.keys());
    for (const id of messages.keys()) lease.messages.delete(id);
    if (lease.messages.size === 0) this.remove(lease);
  }

  #forget(lease: Lease, ids: Iterable<number>) {
    const own = this.#byMailbox.get(lease.mailbox);
    for (const id of ids) if (this.#byId.delete(id) && own !== undefined) own.messages--;
  }

  /** Those that have ended, until they have about so many messages, and whether there may be more. */
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
