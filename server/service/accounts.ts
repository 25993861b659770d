/**
 * Names that have an account, what their passwords are checked against, and how often one may guess.
 * `protocol/README.md`, "Log-in", is the specification.
 *
 * @module
 */

import { decodeVerifier, type Verifier } from "../../protocol/scram.ts";
import { RateLimit } from "../quota/rate_limit.ts";
import type { GroupCommit } from "../store/journal/group.ts";
import type { Account, AccountOutcome, AccountRequest, Coverage } from "../store/requests/account.ts";
import type { Store } from "../store/store.ts";

/** Accounts that are read from the store at a time. */
const PAGE = 1000;

/** Networks that are remembered as those of a name's owner, and names of which they are. */
const OWN_NETWORKS = 8, MAX_OWNERS = 10_000;

export interface AccountsOptions {
  store: Pick<GroupCommit, "ask">;
  /** What the store holds: see {@linkcode readAccounts}. */
  known: readonly Account[];
  /** Milliseconds, from any beginning. */
  monotonicClock(): number;
  /** Whether anybody who reaches the server may make one. */
  open?: boolean;
}

/** All accounts that a store holds. */
export async function readAccounts(store: Pick<Store, "apply">): Promise<Account[]> {
  const accounts: Account[] = [];
  for (;;) {
    const after = accounts.at(-1)?.name ?? "";
    const [page] = await store.apply([{ kind: "account", what: "list", after, limit: PAGE }]);
    accounts.push(...page as Account[]);
    if ((page as Account[]).length < PAGE) return accounts;
  }
}

/** What has become of an account. */
export type AccountEvent = "added" | "changed" | "removed";

/** Invariant: what it holds is what the store holds, or held before a change that is not on the disk yet. */
export class Accounts {
  /** Whether anybody who reaches the server may make one, and not the administrator alone. */
  readonly open: boolean;
  readonly #store: Pick<GroupCommit, "ask">;
  readonly #verifiers = new Map<string, string>();
  /** Names whose account covers the mailbox too. */
  readonly #withMailbox = new Set<string>();
  readonly #watchers: ((name: string, what: AccountEvent) => void)[] = [];
  readonly #mailboxWatchers: ((name: string) => void)[] = [];
  /** Whether somebody waits for a mailbox. */
  #isAwaited = (_mailbox: string) => false;
  /** By name: for networks that have guessed wrong there lately, and for all others. */
  readonly #guessesAtName: RateLimit;
  readonly #firstGuessesAtName: RateLimit;
  /** By name and network. */
  readonly #guessesAtNameFrom: RateLimit;
  readonly #guessesFrom: RateLimit;
  readonly #makingFrom: RateLimit;
  /** From where each name's owner logged in, the latest last. */
  readonly #ownNetworks = new Map<string, string[]>();

  constructor({ store, known, monotonicClock, open = true }: AccountsOptions) {
    this.#store = store;
    this.open = open;
    for (const { name, verifier, mailbox } of known) {
      this.#verifiers.set(name, verifier);
      if (mailbox) this.#withMailbox.add(name);
    }
    this.#guessesAtName = new RateLimit({ burst: 16, intervalMs: 3000, monotonicClock });
    this.#firstGuessesAtName = new RateLimit({ burst: 16, intervalMs: 3000, monotonicClock });
    this.#guessesAtNameFrom = new RateLimit({ burst: 4, intervalMs: 600_000, monotonicClock });
    this.#guessesFrom = new RateLimit({ burst: 64, intervalMs: 1000, monotonicClock });
    this.#makingFrom = new RateLimit({ burst: 100, intervalMs: 10_000, monotonicClock });
  }

  /** How many there are. */
  get count(): number {
    return this.#verifiers.size;
  }

  has(name: string): boolean {
    return this.#verifiers.has(name);
  }

  /** Whether the mailbox of this name is an account's, and the name too where the mailbox's wires name a sender. */
  ownsMailbox(name: string): boolean {
    return this.#withMailbox.has(name);
  }

  verifier(name: string): Verifier | undefined {
    return decodeVerifier(this.#verifiers.get(name) ?? "");
  }

  /** Has every account that is made, changed or removed from now on told, once that is on the disk. */
  watch(watcher: (name: string, what: AccountEvent) => void) {
    this.#watchers.push(watcher);
  }

  /** Has the name of every account told that begins to own its mailbox, once that is on the disk. */
  watchMailboxes(watcher: (name: string) => void) {
    this.#mailboxWatchers.push(watcher);
  }

  /** From now on an account that anybody makes does not get a mailbox that somebody waits for. */
  heedWaits(isAwaited: (mailbox: string) => boolean) {
    this.#isAwaited = isAwaited;
  }

  /** Those with names behind `after`, in the order of their bytes. */
  async list(after: string, limit: number): Promise<Account[] | "storage"> {
    const page = await this.#ask({ kind: "account", what: "list", after, limit });
    return Array.isArray(page) ? page : "storage";
  }

  /**
   * Makes an account. Name and verifier are checked by the caller.
   *
   * @param by Who makes it: anybody's account covers the mailbox only where nothing and nobody is there.
   */
  async add(
    name: string,
    verifier: string,
    by: "administrator" | "anybody" = "administrator",
  ): Promise<Coverage | "exists" | "full" | "apart full" | "storage"> {
    const mailbox = by === "administrator" ? "always" : this.#isAwaited(name) ? "never" : "if empty";
    const outcome = await this.#ask({ kind: "account", what: "add", name, verifier, mailbox }) as
      | Coverage
      | "exists"
      | "full"
      | "apart full"
      | "storage";
    if (typeof outcome === "object") {
      this.#verifiers.set(name, verifier);
      this.#tell(name, "added");
      if (outcome.mailbox) this.#own(name);
    }
    return outcome;
  }

  /** Lets an account cover the mailbox of its name too. */
  async cover(name: string): Promise<Coverage | "unknown" | "reserved" | "apart full" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "cover", name }) as
      | Coverage
      | "unknown"
      | "reserved"
      | "apart full"
      | "storage";
    if (typeof outcome === "object" && !this.ownsMailbox(name)) this.#own(name);
    return outcome;
  }

  #own(name: string) {
    this.#withMailbox.add(name);
    for (const watcher of this.#mailboxWatchers) watcher(name);
  }

  /** Has an account's password checked against another verifier, which is checked by the caller. */
  async change(name: string, verifier: string): Promise<"changed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "change", name, verifier });
    if (outcome === "changed") {
      this.#verifiers.set(name, verifier);
      this.#tell(name, "changed");
    }
    return outcome as "changed" | "unknown" | "storage";
  }

  async remove(name: string): Promise<"removed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "remove", name });
    if (outcome === "removed") {
      this.#verifiers.delete(name);
      this.#withMailbox.delete(name);
      this.#ownNetworks.delete(name);
      this.#tell(name, "removed");
    }
    return outcome as "removed" | "unknown" | "storage";
  }

  #tell(name: string, what: AccountEvent) {
    for (const watcher of this.#watchers) watcher(name, what);
  }

  #ask(request: AccountRequest): Promise<AccountOutcome> {
    return this.#store.ask(request).catch(() => "storage");
  }

  /** Milliseconds until a proof for this name from this network may be looked at. */
  guessWait(name: string, network: string): number {
    const atName = this.#isOwn(name, network) ? 0 : this.#chancesOf(name, network).waitMs(name);
    return Math.max(this.#guessesFrom.waitMs(network), atName);
  }

  guessedWrong(name: string, network: string) {
    this.#guessesFrom.take(network);
    if (this.#isOwn(name, network)) return;
    this.#chancesOf(name, network).take(name);
    this.#guessesAtNameFrom.take(pair(name, network));
  }

  #isOwn(name: string, network: string): boolean {
    return this.#ownNetworks.get(name)?.includes(network) ?? false;
  }

  /** Whoever goes on guessing must not use up the chances of an owner who comes from somewhere new. */
  #chancesOf(name: string, network: string): RateLimit {
    const guesses = this.#guessesAtNameFrom.waitMs(pair(name, network)) > 0;
    return guesses ? this.#guessesAtName : this.#firstGuessesAtName;
  }

  guessedRight(name: string, network: string) {
    const networks = this.#ownNetworks.get(name)?.filter((other) => other !== network) ?? [];
    this.#ownNetworks.delete(name);
    this.#ownNetworks.set(name, [...networks, network].slice(-OWN_NETWORKS));
    if (this.#ownNetworks.size > MAX_OWNERS) {
      this.#ownNetworks.delete(this.#ownNetworks.keys().next().value!);
    }
  }

  /** Milliseconds until an account may be made, or given another password, from this network; 0 uses a chance up. */
  makeWait(network: string): number {
    const wait = this.#makingFrom.waitMs(network);
    if (wait === 0) this.#makingFrom.take(network);
    return wait;
  }
}

function pair(name: string, network: string): string {
  return `${name} ${network}`;
}
