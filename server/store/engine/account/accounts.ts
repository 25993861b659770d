import { ADMIN } from "../../../../protocol/mailbox.ts";
import { checkedColumns, checksumOf } from "../../database/checksum.ts";
import type { Context } from "../../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import { Again } from "../../requests/again.ts";
import {
  type Account,
  type AccountOutcome,
  type AccountRequest,
  type MailboxClaim,
  MAX_ACCOUNTS,
  MAX_TOKENS,
  type Role,
  type SettingApart,
  type Token,
} from "../../requests/account.ts";
import type { Messages } from "../message/messages.ts";
import { type CheckedRow, isWholeRow } from "../whole_row.ts";
import type { AccountNetworks } from "./networks.ts";

type AccountRow = CheckedRow<{
  name: string;
  verifier: string;
  /** Number of the last message that was put before it covered the mailbox of its name; null: it does not. */
  last: number | null;
  role: Role;
  /** JSON of {@linkcode Token}s. */
  tokens: string;
  network: string;
}>;

/** The accounts: a verifier for each name, and whether it covers the mailbox of that name. */
export class Accounts {
  readonly #context: Context;
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #networks: AccountNetworks;
  readonly #sql;
  #count: number;

  constructor(context: Context, messages: Messages, networks: AccountNetworks) {
    const { db, transaction } = this.#context = context;
    this.#transaction = transaction;
    this.#messages = messages;
    this.#networks = networks;
    this.#sql = prepareAll(db, {
      get: `SELECT ${checkedColumns("account")} FROM account WHERE name = ?`,
      set: `REPLACE INTO account (name, verifier, last, role, tokens, network, checksum)
        VALUES (?, ?, ?, ?, ?, ?, ?)`,
      remove: "DELETE FROM account WHERE name = ?",
      list: `SELECT ${checkedColumns("account")} FROM account WHERE name > ? ORDER BY name ${LIMIT}`,
    });
    this.#count = firstRow<{ count: number }>(db.prepare("SELECT count(*) AS count FROM account"))!.count;
    // a damaged one too: it is better to keep a mailbox from others for nothing
    const covering = db.prepare("SELECT name, last FROM account WHERE last > 0");
    for (const { name, last } of allRows<AccountRow>(covering)) messages.tables.covered.set(name, last!);
  }

  /** @param canStore Whether what needs space may be tried. */
  request(request: AccountRequest, canStore: boolean): AccountOutcome {
    const outcome = this.#carryOut(request, canStore);
    if (request.what === "add" || request.what === "cover") {
      this.#messages.coverage.count(request.name, request.before === undefined, !(outcome instanceof Again));
    }
    return outcome;
  }

  #carryOut(request: AccountRequest, canStore: boolean): AccountOutcome {
    if (request.what === "list") return this.#list(request.after ?? "", request.limit);
    const { name } = request, account = firstRow<AccountRow>(this.#sql.get, name);
    if (request.what === "add") return account === undefined ? this.#add(request, canStore) : "exists";
    if (account === undefined) return "unknown";
    // to write it again would make what is damaged look whole; it can be removed
    if (request.what !== "remove" && !isWholeRow(this.#context, "account", name, account)) return "unknown";
    switch (request.what) {
      case "change":
        if (!canStore) return "storage";
        this.#set({ ...account, verifier: request.verifier });
        return "changed";
      case "role":
        if (!canStore) return "storage";
        this.#set({ ...account, role: request.role });
        return "changed";
      case "add token":
        return canStore ? this.#addToken(account, request.token) : "storage";
      case "remove token": {
        const tokens = tokensOf(account), left = tokens.filter(({ id }) => id !== request.id);
        if (left.length === tokens.length) return "unknown";
        this.#set({ ...account, tokens: JSON.stringify(left) });
        return "removed";
      }
      case "cover":
        return this.#cover(request, account, canStore);
      case "remove":
        this.#transaction.run(this.#sql.remove, name);
        this.#messages.tables.covered.set(name, 0);
        this.#networks.set(name, "");
        this.#count--;
        return "removed";
    }
  }

  #add(request: AccountRequest & { what: "add" }, canStore: boolean): AccountOutcome {
    const { name, verifier, mailbox, network = "", before } = request;
    if (this.#count >= MAX_ACCOUNTS) return "full";
    if (network !== "" && this.#networks.isFullFor(network, this.#count)) return "full";
    if (!canStore) return "storage";
    const mayCover = before !== undefined || this.#mayCover(name, mailbox);
    let covered = mayCover ? this.#messages.coverage.add(name, before) : undefined;
    if (covered === "apart full") {
      // an empty mailbox may have dead letters
      if (mailbox !== "if empty") return covered;
      covered = undefined;
    }
    if (covered?.isDone === false) return new Again({ ...request, before: stateOf(covered) });
    this.#set({ name, verifier, last: covered?.last ?? null, role: "user", tokens: "[]", network });
    this.#networks.set(name, network);
    this.#count++;
    return { mailbox: covered !== undefined, apart: covered?.apart ?? 0 };
  }

  /** The original wire keeps `admin` for the administrator. */
  #mayCover(name: string, claim: MailboxClaim = "always"): boolean {
    if (name === ADMIN || claim === "never") return false;
    return claim === "always" || this.#messages.count(name).messages === 0;
  }

  #addToken(account: AccountRow, token: Token): AccountOutcome {
    const tokens = tokensOf(account);
    if (tokens.some(({ id }) => id === token.id)) return "exists";
    if (tokens.length >= MAX_TOKENS) return "full";
    const { id, verifier, until } = token;
    this.#set({ ...account, tokens: JSON.stringify([...tokens, { id, verifier, until }]) });
    return "changed";
  }

  #set({ name, verifier, last, role, tokens, network }: Omit<AccountRow, "checksum">) {
    const values = [name, verifier, last, role, tokens, network] as const;
    this.#transaction.run(this.#sql.set, ...values, checksumOf(...values));
  }

  #cover(
    request: AccountRequest & { what: "cover" },
    account: AccountRow,
    canStore: boolean,
  ): AccountOutcome {
    const { name, last } = account;
    if (name === ADMIN) return "reserved";
    if (last !== null && account.network === "") return { mailbox: true, apart: 0 };
    if (!canStore) return "storage";
    if (last !== null) {
      this.#confirm(account);
      return { mailbox: true, apart: 0 };
    }
    const covered = this.#messages.coverage.add(name, request.before);
    if (covered === "apart full") return covered;
    if (!covered.isDone) return new Again({ ...request, before: stateOf(covered) });
    this.#confirm({ ...account, last: covered.last });
    return { mailbox: true, apart: covered.apart };
  }

  /** What it stores from now on counts for itself: the administrator knows its owner. */
  #confirm(account: AccountRow) {
    this.#set({ ...account, network: "" });
    this.#networks.set(account.name, "");
  }

  #list(after: string, limit: number): Account[] {
    return allRows<AccountRow>(this.#sql.list, after, limit)
      .filter((row) => isWholeRow(this.#context, "account", row.name, row))
      .map((row) => {
        const { name, verifier, last, role, network } = row;
        return { name, verifier, mailbox: last !== null, role, tokens: tokensOf(row), network };
      });
  }
}

function tokensOf({ tokens }: AccountRow): Token[] {
  return JSON.parse(tokens);
}

function stateOf({ last, apart, short, long }: SettingApart): SettingApart {
  return { last, apart, short, long };
}
