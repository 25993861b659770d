import { FairTable, type TableLimits } from "../../../quota/fair_table.ts";
import type { Linked } from "../../../quota/owner_lists.ts";
import { UNCONFIRMED_LEASE_MS } from "../../requests/lease.ts";
import { Deadlines } from "./deadlines.ts";

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
  /** Whether its messages are removed when it ends by itself, and not given out again. */
  taken: boolean;
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
  #byToken = new Map<string, Lease>();
  #bySession = new Map<string, Map<number, Lease>>();
  #byId = new Map<number, Lease>();
  #byMailbox = new Map<string, MailboxLeases>();
  readonly table: FairTable<Lease>;
  #deadlines = newDeadlines();

  /** @param limits How many may run at a time. */
  constructor(limits: TableLimits) {
    this.table = new FairTable(limits, (entry) => entry);
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
    return this.#bySession.get(session)?.get(tag);
  }

  /** How many there are. */
  get count(): number {
    return this.#byToken.size;
  }

  /** All of them. */
  all(): Lease[] {
    return [...this.#byToken.values()];
  }

  /** Those of one mailbox. */
  in(mailbox: string): Lease[] {
    return [...this.#byMailbox.get(mailbox)?.leases ?? []];
  }

  /** Adds a lease, as the one that was used last. */
  add(lease: Lease) {
    this.table.add(lease);
    this.#index(lease);
  }

  /** Adds a lease that has a row; those that were used before it have been added. */
  load(lease: Lease) {
    this.table.load(lease);
    this.#index(lease);
  }

  #index(lease: Lease) {
    this.#byToken.set(lease.token, lease);
    const ofSession = this.#bySession.get(lease.session);
    if (ofSession === undefined) this.#bySession.set(lease.session, new Map([[lease.tag, lease]]));
    else ofSession.set(lease.tag, lease);
    let own = this.#byMailbox.get(lease.mailbox);
    if (own === undefined) this.#byMailbox.set(lease.mailbox, own = { leases: new Set(), messages: 0 });
    own.leases.add(lease);
    own.messages += lease.messages.size;
    for (const id of lease.messages.keys()) this.#byId.set(id, lease);
    this.#deadlines.add(lease);
  }

  /** Must be called when the lease may end earlier than before. */
  mayEndEarlier(lease: Lease) {
    this.#deadlines.add(lease);
  }

  /** Removes messages from their lease, which ends when it is empty. */
  removeMessages(lease: Lease, ids: Iterable<number>) {
    const own = this.#byMailbox.get(lease.mailbox)!;
    for (const id of ids) {
      this.#byId.delete(id);
      lease.messages.delete(id);
      own.messages--;
    }
    if (lease.messages.size > 0) return;
    this.#byToken.delete(lease.token);
    this.table.remove(lease);
    const ofSession = this.#bySession.get(lease.session)!;
    ofSession.delete(lease.tag);
    if (ofSession.size === 0) this.#bySession.delete(lease.session);
    own.leases.delete(lease);
    if (own.leases.size === 0) this.#byMailbox.delete(lease.mailbox);
  }

  /** Removes all at once, and returns them: takes the same time for any number. */
  clear(): IterableIterator<Lease> {
    const leases = this.#byToken.values();
    this.#byToken = new Map();
    this.#bySession = new Map();
    this.#byId = new Map();
    this.#byMailbox = new Map();
    this.table.clear();
    this.#deadlines = newDeadlines();
    return leases;
  }

  /** The lease that has ended first, if one has: of those that ended at the same time, the one with the lowest token. */
  ended(now: number): Lease | undefined {
    return this.#deadlines.due(now);
  }

  /** When the first lease ends. */
  get nextEnd(): number | undefined {
    return this.#deadlines.next;
  }
}

function newDeadlines(): Deadlines<Lease> {
  return new Deadlines({
    timeOf: (lease) => lease.messages.size === 0 ? undefined : endOf(lease),
    isBefore: (a, b) => a.token < b.token,
  });
}

function endOf({ until, given, confirmed }: Lease): number {
  return confirmed ? until : Math.min(until, given + UNCONFIRMED_LEASE_MS);
}
