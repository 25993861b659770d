/**
 * Accounts: what their passwords are checked against, and how often a client may guess. seal.md sections 5 and 6
 * is the specification.
 *
 * @module
 */

import type { AccountAction, AccountRefusal } from "../../../protocol/admin.ts";
import {
  decodeVerifier,
  encodeVerifier,
  TOKEN_ITERATIONS,
  tokenId,
  type Verifier,
} from "../../../protocol/seal/scram.ts";
import { ownerOfUsers } from "../../quota/owner.ts";
import { RateLimit } from "../../quota/rate_limit.ts";
import type { Environment } from "../../quota/uptime.ts";
import type { Limit } from "../../report/limit.ts";
import type { GroupCommit } from "../../store/journaled/group.ts";
import type { Again } from "../../store/requests/again.ts";
import {
  type Account,
  type AccountOutcome,
  type AccountRequest,
  ACCOUNTS_OF_NETWORK,
  type Coverage,
  MAX_ACCOUNTS,
  MAX_MADE_ACCOUNTS,
  MAX_TOKENS,
  type Role,
  type Token,
} from "../../store/requests/account.ts";
import type { Store } from "../../store/store.ts";
import { AccountTokens } from "./account_tokens.ts";
import { Guesses } from "./guesses.ts";
import { isPassword, PasswordChecks } from "./password_checks.ts";

/** Accounts that are read from the store at a time. */
const PAGE_ACCOUNTS = 1000;

/** Accounts that one network makes or changes (seal.md 6.5). */
const NEW_ACCOUNTS = { burst: 100, intervalMs: 10_000 };

export interface AccountsOptions extends Pick<Environment, "monotonicClock"> {
  /** Milliseconds since 1970, for tokens; the store's, where there is one. */
  wallClock?: () => number;
  store: Pick<GroupCommit, "ask">;
  /** What the store holds: see {@linkcode readAccounts}. */
  known: readonly Account[];
  /** Whether every client may add one, or only the administrator. */
  open?: boolean;
  /** Whether names without an account are anybody's, or nobody is let in without a log-in (accounts.md 2.8). */
  auth?: Auth;
}

export type Auth = "open" | "required";

/** All accounts that a store holds. */
export async function readAccounts(store: Pick<Store, "apply">): Promise<Account[]> {
  const accounts: Account[] = [];
  for (;;) {
    const after = accounts.at(-1)?.name ?? "";
    const [outcome] = await store.apply([{ kind: "account", what: "list", after, limit: PAGE_ACCOUNTS }]);
    const page = outcome as Account[];
    accounts.push(...page);
    if (page.length < PAGE_ACCOUNTS) return accounts;
  }
}

/** What became of an account. */
export type AccountEvent = "added" | "changed" | "removed";

/** Invariant: it holds what the store holds, or what the store held before a change that is not on disk yet. */
export class Accounts {
  /** Whether every client may add one, or only the administrator. */
  open: boolean;
  readonly auth: Auth;
  readonly #store: Pick<GroupCommit, "ask">;
  readonly #verifiers = new Map<string, string>();
  /** Names whose account covers the mailbox too. */
  readonly #covered = new Set<string>();
  /** Names whose account has the role `admin`. */
  readonly #admins = new Set<string>();
  /** The network of each account that a client has made. */
  readonly #networks = new Map<string, string>();
  readonly #tokens: AccountTokens;
  readonly #onEvent: ((name: string, event: AccountEvent) => void)[] = [];
  readonly #onMailboxCovered: ((name: string) => void)[] = [];
  #isAwaited = (_mailbox: string) => false;
  readonly #guesses: Guesses;
  readonly #addedFrom: RateLimit;
  readonly #checks = new PasswordChecks();

  constructor(
    { store, known, monotonicClock, open = true, auth = "open", wallClock = Date.now }: AccountsOptions,
  ) {
    this.#store = store;
    this.open = open;
    this.auth = auth;
    this.#tokens = new AccountTokens(wallClock);
    for (const { name, verifier, mailbox, role, tokens, network } of known) {
      this.#verifiers.set(name, verifier);
      if (mailbox) this.#covered.add(name);
      if (role === "admin") this.#admins.add(name);
      if (network !== "") this.#networks.set(name, network);
      for (const token of tokens) this.#tokens.add(name, token);
    }
    this.#guesses = new Guesses(monotonicClock);
    this.#addedFrom = new RateLimit({ ...NEW_ACCOUNTS, monotonicClock });
  }

  /** Its limits, with their use now. */
  limits(): Limit[] {
    return [
      { name: "accounts", used: this.count, limit: MAX_ACCOUNTS },
      { name: "accounts until clients make no more", used: this.count, limit: MAX_MADE_ACCOUNTS },
      { name: "tokens of one account", used: this.#tokens.mostOfOne, limit: MAX_TOKENS },
      ...this.#guesses.limits(),
      ...this.#checks.limits(),
      { name: "new accounts of one address", used: this.#addedFrom.mostTaken, limit: NEW_ACCOUNTS.burst },
      { name: "accounts made by one address", used: this.#mostOfNetwork, limit: ACCOUNTS_OF_NETWORK },
    ];
  }

  get #mostOfNetwork(): number {
    const counts = new Map<string, number>();
    for (const network of this.#networks.values()) counts.set(network, (counts.get(network) ?? 0) + 1);
    return counts.values().reduce((most, count) => Math.max(most, count), 0);
  }

  /** How many there are. */
  get count(): number {
    return this.#verifiers.size;
  }

  has(name: string): boolean {
    return this.#verifiers.has(name);
  }

  /** Whether an account covers the mailbox of this name; then it covers the name as a sender too. */
  coversMailbox(name: string): boolean {
    return this.#covered.has(name);
  }

  /** Whether a name may be used only after a log-in: its account covers more than the forum (accounts.md 1.6). */
  isProtected(name: string): boolean {
    return this.coversMailbox(name);
  }

  /** What the owner of this account may do; `user` if there is none. */
  role(name: string): Role {
    return this.#admins.has(name) ? "admin" : "user";
  }

  /** The network at which a client has made this account; undefined if no client has, or it was confirmed. */
  networkOf(name: string): string | undefined {
    return this.#networks.get(name);
  }

  /** For whom it counts what its owner stores (mailbox.md 5.2). */
  ownerOf(name: string): string {
    const network = this.#networks.get(name);
    return network === undefined ? name : ownerOfUsers(network);
  }

  /** What the password is checked against, or the token of this ID. */
  verifier(name: string, token?: string): Verifier | undefined {
    if (token !== undefined) {
      return decodeVerifier(this.#tokens.good(name, token)?.verifier ?? "", TOKEN_ITERATIONS);
    }
    return decodeVerifier(this.#verifiers.get(name) ?? "");
  }

  /** Calls back for every account that is added, changed or removed, once that is on disk. */
  onEvent(callback: (name: string, event: AccountEvent) => void) {
    this.#onEvent.push(callback);
  }

  /** Calls back for every account that begins to cover its mailbox, once that is on disk. */
  onMailboxCovered(callback: (name: string) => void) {
    this.#onMailboxCovered.push(callback);
  }

  /** An account that a client adds doesn't cover a mailbox for which this is true: another client waits for it. */
  setAwaited(isAwaited: (mailbox: string) => boolean) {
    this.#isAwaited = isAwaited;
  }

  /** Those with names after `after`, in the order of their bytes. */
  async list(after: string, limit: number): Promise<Account[] | "storage"> {
    return await this.#ask({ kind: "account", what: "list", after, limit }) as Account[] | "storage";
  }

  /** Does what the administrator asks for. The name, and the verifier or role in `value`, are checked by the caller. */
  async administer(
    action: AccountAction,
    name: string,
    value: string,
  ): Promise<Pick<Coverage, "apart"> | AccountRefusal> {
    const outcome = action === "add"
      ? await this.add(name, value)
      : action === "confirm"
      ? await this.#cover(name)
      : action === "set-password"
      ? await this.setVerifier(name, value)
      : action === "role"
      ? await this.#setRole(name, value as Role)
      : await this.remove(name);
    return outcome === "changed" || outcome === "removed" ? { apart: 0 } : outcome;
  }

  /**
   * Adds an account. Name and verifier are checked by the caller.
   *
   * @param network The name of the network where a client adds it; undefined: the administrator does. One that a client adds
   * covers the mailbox only if that is empty and no client waits for it.
   */
  async add(
    name: string,
    verifier: string,
    network?: string,
  ): Promise<Coverage | "exists" | "full" | "apart full" | "storage"> {
    const mailbox = network === undefined ? "always" : this.#isAwaited(name) ? "never" : "if empty";
    const made = network === undefined ? {} : { network };
    const outcome = await this.#ask({ kind: "account", what: "add", name, verifier, mailbox, ...made });
    if (isCoverage(outcome)) {
      this.#verifiers.set(name, verifier);
      if (network !== undefined) this.#networks.set(name, network);
      this.#notify(name, "added");
      if (outcome.mailbox) this.#setCovered(name);
    }
    return outcome as Coverage | "exists" | "full" | "apart full" | "storage";
  }

  /** Lets an account cover the mailbox of its name too. */
  async #cover(name: string): Promise<Coverage | "unknown" | "reserved" | "apart full" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "cover", name });
    if (isCoverage(outcome)) {
      this.#networks.delete(name);
      if (!this.coversMailbox(name)) this.#setCovered(name);
    }
    return outcome as Coverage | "unknown" | "reserved" | "apart full" | "storage";
  }

  #setCovered(name: string) {
    this.#covered.add(name);
    for (const callback of this.#onMailboxCovered) callback(name);
  }

  /** Gives an account another verifier, which is checked by the caller. */
  async setVerifier(name: string, verifier: string): Promise<"changed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "change", name, verifier });
    if (outcome === "changed") {
      this.#verifiers.set(name, verifier);
      this.#notify(name, "changed");
    }
    return outcome as "changed" | "unknown" | "storage";
  }

  async #setRole(name: string, role: Role): Promise<"changed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "role", name, role });
    if (outcome === "changed") {
      if (role === "admin") this.#admins.add(name);
      else this.#admins.delete(name);
    }
    return outcome as "changed" | "unknown" | "storage";
  }

  /** The tokens of an account, in the order in which they were added. */
  tokens(name: string): Token[] {
    return this.#tokens.of(name);
  }

  /** The accounts that have a token of this ID, for wires on which a token comes without a name. */
  tokenOwners(id: string): string[] {
    return this.#tokens.owners(id);
  }

  /** Calls back when a token is not good any more. */
  onTokenEnd(callback: (name: string, id: string) => void) {
    this.#tokens.onEnd(callback);
  }

  /**
   * Adds a token, whose ID and verifier are checked by the caller. Those that are over make room.
   *
   * @param ttlMs How long it is good, in milliseconds; for good by default.
   */
  async addToken(
    name: string,
    { id, verifier, ttlMs }: { id: string; verifier: string; ttlMs?: number | undefined },
  ): Promise<"changed" | "unknown" | "exists" | "full" | "storage"> {
    const token = { id, verifier, until: this.#tokens.untilOf(ttlMs) };
    for (const other of this.tokens(name)) {
      if (this.#tokens.isOver(other)) await this.removeToken(name, other.id);
    }
    const outcome = await this.#ask({ kind: "account", what: "add token", name, token });
    if (outcome === "changed") this.#tokens.add(name, token);
    return outcome as "changed" | "unknown" | "exists" | "full" | "storage";
  }

  async removeToken(name: string, id: string): Promise<"removed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "remove token", name, id });
    if (outcome === "removed") this.#tokens.remove(name, id);
    return outcome as "removed" | "unknown" | "storage";
  }

  /** Ends the log-ins by tokens whose time is over; to be called once a second. */
  endTokens() {
    this.#tokens.endOver();
  }

  async remove(name: string): Promise<"removed" | "unknown" | "storage"> {
    const outcome = await this.#ask({ kind: "account", what: "remove", name });
    if (outcome === "removed") {
      this.#verifiers.delete(name);
      this.#covered.delete(name);
      this.#admins.delete(name);
      this.#networks.delete(name);
      this.#tokens.removeAll(name);
      this.#guesses.forget(name);
      this.#notify(name, "removed");
    }
    return outcome as "removed" | "unknown" | "storage";
  }

  #notify(name: string, event: AccountEvent) {
    for (const callback of this.#onEvent) callback(name, event);
  }

  #ask(request: AccountRequest): Promise<Exclude<AccountOutcome, Again>> {
    return this.#store.ask(request).catch(() => "storage");
  }

  /** Milliseconds until a proof for this name from this network is checked. */
  loginWaitMs(name: string, network: string): number {
    return this.#guesses.waitMs(name, network);
  }

  /**
   * Looks at a password that came as it is, for wires that carry it so where nobody else can read it. `wait`: there were too
   * many wrong ones, or too many are being looked at.
   */
  async checkPassword(name: string, password: string, network: string): Promise<"right" | "wrong" | "wait"> {
    const check = async () => {
      // one that waited may come behind many that were wrong
      if (this.loginWaitMs(name, network) > 0) return "wait";
      const token = tokenId(password), verifier = this.verifier(name, token);
      if (verifier === undefined || !await isPassword(password, verifier)) this.loginFailed(name, network);
      // the account may have been removed or changed meanwhile
      else if (isSameVerifier(this.verifier(name, token), verifier)) {
        this.loginSucceeded(name, network);
        return "right";
      }
      return "wrong";
    };
    if (this.loginWaitMs(name, network) > 0) return "wait";
    const isOwn = this.#guesses.isOwn(name, network);
    if (this.has(name)) return await this.#checks.run(name, network, check, isOwn) ?? "wait";
    this.#guesses.failedWithoutAccount(network);
    return "wrong";
  }

  loginFailed(name: string, network: string) {
    this.#guesses.failed(name, network);
  }

  loginSucceeded(name: string, network: string) {
    this.#guesses.succeeded(name, network);
  }

  /** Milliseconds until this network may add an account, or change a password; 0 counts as one of these. */
  addWaitMs(network: string): number {
    const wait = this.#addedFrom.waitMs(network);
    if (wait === 0) this.#addedFrom.take(network);
    return wait;
  }
}

function isCoverage(outcome: Exclude<AccountOutcome, Again>): outcome is Coverage {
  return typeof outcome === "object" && "apart" in outcome;
}

function isSameVerifier(one: Verifier | undefined, other: Verifier): boolean {
  return one !== undefined && encodeVerifier(one) === encodeVerifier(other);
}
