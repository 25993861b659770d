import { type Linked, OwnerLists, type UseCounter } from "./owner_lists.ts";

/** For whom a thing is counted. */
export interface Origin {
  /** The network at which it began, or {@linkcode LOOPBACK}. */
  readonly network: string;
  /** The account that it is logged in to, or `""` if it has none. */
  readonly account: string;
  /** The network at which a client has made that account, if one has: it can make many. */
  readonly maker?: string | undefined;
}

/** All addresses of this machine, as one network. */
export const LOOPBACK = "";

/** How many things a table may hold. */
export interface TableLimits {
  /** Things without an account. */
  all: number;
  /** Those of one network; for this machine only `all` counts. */
  ofNetwork: number;
  /** Things with an account; as many again by default. */
  loggedIn?: number;
  /** Those of one account. */
  ofAccount: number;
  /** Those of one network; a quarter of `loggedIn` by default. */
  loggedInOfNetwork?: number;
  /**
   * Whether the half with accounts is shared out: the fuller it is, the less one network may have. A table in a state from
   * before is not.
   */
  sharedOut?: boolean;
}

/** Limits of a table of sessions: those in memory, those in the store, and their seals (session.md section 10). */
export const SESSION_LIMITS: Readonly<TableLimits> = {
  all: 100_000,
  ofNetwork: 10_000,
  ofAccount: 1000,
  sharedOut: true,
};

/** Limits of the leases that run (session.md section 10). */
export const LEASE_LIMITS: Readonly<TableLimits> = {
  all: 100_000,
  ofNetwork: 10_000,
  ofAccount: 10_000,
  sharedOut: true,
};

/** How full a table is, and which networks and accounts have most of it. */
export interface TableUsage {
  anonymous: number;
  mostAnonymous: number;
  /** What one network may have of these; this machine has no such limit. */
  mostOfNetwork: number;
  loggedIn: number;
  mostLoggedIn: number;
  /** What one account may have of these. */
  mostOfAccount: number;
  /** The most that one network has of these, or its accounts have, and what it may have now. */
  loggedInOfOne: number;
  mostLoggedInOfOne: number;
  networks: [network: string, count: number][];
  accounts: [account: string, count: number][];
}

/** How many of the oldest things are passed over at most because they must stay. */
const MAX_PASSED = 64;

/** How many networks and accounts {@linkcode FairTable.usage} names. */
const NAMED = 3;

/**
 * A table that strangers can fill, in two halves. Things without an account: the one that was used longest ago makes room
 * for a new one. It is of the same network if that is at its limit, else of the network with most. Things with an
 * account: none makes room, but one account, and one network, has only a part of the half. If that is shared out, a
 * network gets a quarter of what the others have left, by default. So do the accounts together that were made at one
 * network, wherever they are logged in from.
 */
export class FairTable<T extends Linked<T>> {
  readonly #limits: TableLimits;
  readonly #originOf: (thing: T) => Origin;
  readonly #uses: UseCounter = { last: 0 };
  #anonymous = new OwnerLists<T>(this.#uses);
  #accounts = new OwnerLists<T>(this.#uses);
  /** How many things with an account each network has, and how many the accounts that were made there. */
  #networks = new Map<string, number>();
  #makers = new Map<string, number>();

  /** @param originOf For whom a thing is counted. That does not change while it is in the table. */
  constructor(limits: TableLimits, originOf: (thing: T) => Origin) {
    this.#limits = limits;
    this.#originOf = originOf;
  }

  /** Things in all. */
  get size(): number {
    return this.#anonymous.size + this.#accounts.size;
  }

  /**
   * What has to go before one more of this origin can be added: nothing, a thing, or `full` if nothing can go.
   *
   * @param stays Whether a thing may not go now.
   */
  roomFor(origin: Origin, stays: (thing: T) => boolean = () => false): T | "full" | undefined {
    const { network, account } = origin;
    if (account !== "") return this.isFullFor(origin) ? "full" : undefined;
    const { all, ofNetwork } = this.#limits, anonymous = this.#anonymous;
    const isOwnFull = network !== LOOPBACK && anonymous.count(network) >= ofNetwork;
    if (!isOwnFull && anonymous.size < all) return undefined;
    const from = isOwnFull ? network : anonymous.largest!;
    for (let passed = 0; passed < MAX_PASSED; passed++) {
      const oldest = anonymous.oldest(from);
      if (oldest === undefined) break;
      if (!stays(oldest)) return oldest;
      anonymous.use(from, oldest);
    }
    return "full";
  }

  /** Whether as many are there as may be; of the anonymous, one may make room all the same. */
  isFullFor({ network, account, maker = "" }: Origin): boolean {
    const { all, ofNetwork, ofAccount, loggedIn = all } = this.#limits;
    if (account === "") {
      return this.#anonymous.size >= all ||
        network !== LOOPBACK && this.#anonymous.count(network) >= ofNetwork;
    }
    const ofOne = Math.max(this.#networks.get(network) ?? 0, this.#makers.get(maker) ?? 0);
    return this.#accounts.size >= loggedIn || this.#accounts.count(account) >= ofAccount ||
      ofOne >= this.#loggedInOfNetwork;
  }

  /** What one network may have now of the half with accounts. */
  get #loggedInOfNetwork(): number {
    const { all, loggedIn = all, loggedInOfNetwork: most = loggedIn / 4, sharedOut } = this.#limits;
    return sharedOut && most < loggedIn ? most / (loggedIn - most) * (loggedIn - this.#accounts.size) : most;
  }

  add(thing: T) {
    const origin = this.#originOf(thing), { network, account } = origin;
    if (account === "") return this.#anonymous.add(network, thing);
    this.#accounts.add(account, thing);
    this.#count(origin, 1);
  }

  #count({ network, maker }: Origin, by: 1 | -1) {
    countOne(this.#networks, network, by);
    if (maker !== undefined) countOne(this.#makers, maker, by);
  }

  /** Adds a thing with the use that it had in an earlier table; those that were used before it have been added. */
  load(thing: T) {
    const origin = this.#originOf(thing), { network, account } = origin;
    if (account === "") return this.#anonymous.load(network, thing);
    this.#accounts.load(account, thing);
    this.#count(origin, 1);
  }

  /** The thing, which is in the table, was used. */
  use(thing: T) {
    const { network, account } = this.#originOf(thing);
    if (account === "") this.#anonymous.use(network, thing);
    else this.#accounts.use(account, thing);
  }

  /** Removes a thing that is in the table. */
  remove(thing: T) {
    const origin = this.#originOf(thing), { network, account } = origin;
    if (account === "") return this.#anonymous.remove(network, thing);
    this.#accounts.remove(account, thing);
    this.#count(origin, -1);
  }

  /** Removes all at once: takes the same time for any number. */
  clear() {
    this.#anonymous = new OwnerLists(this.#uses);
    this.#accounts = new OwnerLists(this.#uses);
    this.#networks = new Map();
    this.#makers = new Map();
  }

  get usage(): TableUsage {
    const { all, loggedIn = all, ofNetwork, ofAccount } = this.#limits;
    return {
      anonymous: this.#anonymous.size,
      mostAnonymous: all,
      mostOfNetwork: ofNetwork,
      mostOfAccount: ofAccount,
      loggedInOfOne: Math.max(highest(this.#networks), highest(this.#makers)),
      mostLoggedInOfOne: Math.ceil(this.#loggedInOfNetwork),
      loggedIn: this.#accounts.size,
      mostLoggedIn: loggedIn,
      networks: this.#anonymous.top(NAMED),
      accounts: this.#accounts.top(NAMED),
    };
  }
}

function highest(counts: Map<string, number>): number {
  return counts.values().reduce((most, count) => Math.max(most, count), 0);
}

function countOne(counts: Map<string, number>, key: string, by: 1 | -1) {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
