import { ownerOfUsers } from "../../../quota/owner.ts";
import { shareOfLeft } from "../../../quota/share.ts";
import { allRows } from "../../database/statements.ts";
import type { Context } from "../../database/context.ts";
import { ACCOUNTS_OF_NETWORK, MAX_MADE_ACCOUNTS } from "../../requests/account.ts";

/** Called when what an account stores counts for another owner than before. */
type OnMoved = (name: string, before: string, after: string) => void;

/** An IPv6 /48 may make as many accounts as so many networks (seal.md 6.8). */
const NETWORKS_OF_SITE = 2;

/**
 * At which network each account was made that a client has made: its owner has one share together with the others that were
 * made there (mailbox.md 5.2), and together they leave some accounts to others (seal.md 6.6).
 *
 * Invariant: it has what the column `network` of `account` has.
 */
export class AccountNetworks {
  readonly #networks = new Map<string, string>();
  /** How many accounts were made at each network, and in each IPv6 /48. */
  readonly #counts = new Map<string, number>();
  #onMoved: OnMoved | undefined;

  constructor({ db }: Context) {
    const rows = db.prepare("SELECT name, network FROM account WHERE network <> ''");
    for (const { name, network } of allRows<{ name: string; network: string }>(rows)) this.set(name, network);
  }

  /** Calls back when an account is made, removed or confirmed. */
  onMoved(callback: OnMoved) {
    this.#onMoved = callback;
  }

  /** For whom it counts what this user stores. */
  ownerOf(name: string): string {
    const network = this.#networks.get(name);
    return network === undefined ? name : ownerOfUsers(network);
  }

  /** Sets the network of an account; `""` if no client has made it, or it is removed. */
  set(name: string, network: string) {
    const before = this.ownerOf(name), old = this.#networks.get(name);
    if (old !== undefined) this.#count(old, -1);
    if (network === "") this.#networks.delete(name);
    else {
      this.#networks.set(name, network);
      this.#count(network, 1);
    }
    const after = this.ownerOf(name);
    if (after !== before) this.#onMoved?.(name, before, after);
  }

  #count(network: string, by: 1 | -1) {
    for (const key of keysOf(network)) {
      const count = (this.#counts.get(key) ?? 0) + by;
      if (count > 0) this.#counts.set(key, count);
      else this.#counts.delete(key);
    }
  }

  /** Whether clients at this network may make no more, while there are so many accounts in all. */
  isFullFor(network: string, accounts: number): boolean {
    return accounts >= MAX_MADE_ACCOUNTS || keysOf(network).some((key, i) => {
      const own = this.#counts.get(key) ?? 0, networks = i === 0 ? 1 : NETWORKS_OF_SITE;
      return own >= shareOfLeft(networks * ACCOUNTS_OF_NETWORK, MAX_MADE_ACCOUNTS, accounts - own);
    });
  }
}

/** A network, and the IPv6 /48 that it is in. */
function keysOf(network: string): string[] {
  return network.includes(":") ? [network, `${network.split(":").slice(0, 3).join(":")}::/48`] : [network];
}
