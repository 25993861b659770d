import { ADMIN } from "../../../protocol/mailbox.ts";
import type { Context } from "../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";
import {
  type Account,
  type AccountOutcome,
  type AccountRequest,
  type MailboxClaim,
  MAX_ACCOUNTS,
} from "../requests/account.ts";
import type { Messages } from "./message/messages.ts";

interface AccountRow {
  name: string;
  verifier: string;
  /** Number of the last message that was put before it covered the mailbox of its name; null: it does not. */
  last: number | null;
}

/** The accounts: a verifier for each name, and whether it covers the mailbox of that name. */
export class Accounts {
  readonly #transaction: Transaction;
  readonly #messages: Messages;
  readonly #sql;
  #count: number;

  constructor({ db, transaction }: Context, messages: Messages) {
    this.#transaction = transaction;
    this.#messages = messages;
    this.#sql = prepareAll(db, {
      get: "SELECT name, verifier, last FROM account WHERE name = ?",
      add: "INSERT INTO account (name, verifier, last) VALUES (?, ?, ?)",
      change: "UPDATE account SET verifier = ? WHERE name = ?",
      cover: "UPDATE account SET last = ? WHERE name = ?",
      remove: "DELETE FROM account WHERE name = ?",
      list: `SELECT name, verifier, last FROM account WHERE name > ? ORDER BY name ${LIMIT}`,
    });
    this.#count = firstRow<{ count: number }>(db.prepare("SELECT count(*) AS count FROM account"))!.count;
    const covering = db.prepare("SELECT name, last FROM account WHERE last > 0");
    for (const { name, last } of allRows<AccountRow>(covering)) messages.setCovered(name, last!);
  }

  /** @param canStore Whether what needs space may be tried. */
  request(request: AccountRequest, canStore: boolean): AccountOutcome {
    if (request.what === "list") return this.#list(request.after ?? "", request.limit);
    const { name } = request, account = firstRow<AccountRow>(this.#sql.get, name);
    if (request.what === "add") return account === undefined ? this.#add(request, canStore) : "exists";
    if (account === undefined) return "unknown";
    switch (request.what) {
      case "change":
        if (!canStore) return "storage";
        this.#transaction.begin();
        this.#sql.change.run(request.verifier, name);
        return "changed";
      case "cover":
        return this.#cover(account, canStore);
      case "remove":
        this.#transaction.run(this.#sql.remove, name);
        this.#messages.setCovered(name, 0);
        this.#count--;
        return "removed";
    }
  }

  #add({ name, verifier, mailbox }: AccountRequest & { what: "add" }, canStore: boolean): AccountOutcome {
    if (this.#count >= MAX_ACCOUNTS) return "full";
    if (!canStore) return "storage";
    let covered = this.#mayCover(name, mailbox) ? this.#messages.cover(name) : undefined;
    if (covered === "apart full") {
      // an empty mailbox may have dead letters
      if (mailbox !== "if empty") return covered;
      covered = undefined;
    }
    this.#transaction.begin();
    this.#sql.add.run(name, verifier, covered?.last ?? null);
    this.#count++;
    return { mailbox: covered !== undefined, apart: covered?.apart ?? 0 };
  }

  /** The original wire keeps `admin` for the administrator. */
  #mayCover(name: string, claim: MailboxClaim = "always"): boolean {
    if (name === ADMIN || claim === "never") return false;
    return claim === "always" || this.#messages.count(name).messages === 0;
  }

  #cover({ name, last }: AccountRow, canStore: boolean): AccountOutcome {
    if (name === ADMIN) return "reserved";
    if (last !== null) return { mailbox: true, apart: 0 };
    if (!canStore) return "storage";
    const covered = this.#messages.cover(name);
    if (covered === "apart full") return covered;
    this.#transaction.run(this.#sql.cover, covered.last, name);
    return { mailbox: true, apart: covered.apart };
  }

  #list(after: string, limit: number): Account[] {
    return allRows<AccountRow>(this.#sql.list, after, limit)
      .map(({ name, verifier, last }) => ({ name, verifier, mailbox: last !== null }));
  }
}
