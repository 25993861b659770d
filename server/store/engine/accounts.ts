import type { DatabaseSync } from "node:sqlite";
import { ADMIN } from "../../../protocol/mailbox.ts";
import {
  type Account,
  type AccountOutcome,
  type AccountRequest,
  type Coverage,
  type MailboxClaim,
  MAX_ACCOUNTS,
} from "../requests/account.ts";
import { LIMIT } from "../database/bound_limit.ts";
import type { Messages } from "./message/messages.ts";
import type { Transaction } from "../database/transaction.ts";

/** What the SQLite store knows of accounts: a verifier for each name, and whether it covers the mailbox too. */
export class Accounts {
  readonly #transaction: Transaction;
  readonly #messages: Pick<Messages, "isEmpty" | "own" | "owned">;
  readonly #sql: ReturnType<typeof prepare>;
  #count: number;

  constructor(
    db: DatabaseSync,
    transaction: Transaction,
    messages: Pick<Messages, "isEmpty" | "own" | "owned">,
  ) {
    this.#transaction = transaction;
    this.#messages = messages;
    this.#sql = prepare(db);
    this.#count = (db.prepare("SELECT count(*) AS count FROM account").get() as { count: number }).count;
    for (const row of db.prepare("SELECT name, last FROM account WHERE last > 0").iterate()) {
      messages.owned.load(row.name as string, row.last as number);
    }
  }

  /** @param storing Whether what needs space may be tried. */
  request(request: AccountRequest, storing: boolean): AccountOutcome {
    switch (request.what) {
      case "add":
        return this.#add(request, storing);
      case "change": {
        const { name, verifier } = request;
        if (this.#sql.get.get(name) === undefined) return "unknown";
        if (!storing) return "storage";
        this.#transaction.begin(name.length + verifier.length);
        this.#sql.change.run(verifier, name);
        return "changed";
      }
      case "cover":
        return this.#cover(request.name, storing);
      case "remove":
        if (this.#sql.get.get(request.name) === undefined) return "unknown";
        this.#transaction.begin();
        this.#sql.remove.run(request.name);
        this.#messages.owned.set(request.name, undefined);
        this.#counted(-1);
        return "removed";
      case "list":
        return this.#list(request.after ?? "", request.limit);
    }
  }

  #add({ name, verifier, mailbox }: AccountRequest & { what: "add" }, storing: boolean): AccountOutcome {
    if (this.#sql.get.get(name) !== undefined) return "exists";
    if (this.#count >= MAX_ACCOUNTS) return "full";
    if (!storing) return "storage";
    let owned = this.#mayOwn(name, mailbox) ? this.#messages.own(name) : undefined;
    if (owned === "apart full") {
      // what is left of an empty mailbox is dead letters: as good as messages
      if (mailbox === "if empty") owned = undefined;
      else return owned;
    }
    this.#transaction.begin(name.length + verifier.length);
    this.#sql.add.run(name, verifier, owned?.last ?? null);
    this.#counted(1);
    return { mailbox: owned !== undefined, apart: owned?.apart ?? 0 };
  }

  /** The original wire keeps `admin` for the administrator. */
  #mayOwn(name: string, claim: MailboxClaim = "always"): boolean {
    if (name === ADMIN || claim === "never") return false;
    return claim === "always" || this.#messages.isEmpty(name);
  }

  #cover(name: string, storing: boolean): Coverage | "unknown" | "reserved" | "apart full" | "storage" {
    const account = this.#sql.get.get(name) as { last: number | null } | undefined;
    if (account === undefined) return "unknown";
    if (name === ADMIN) return "reserved";
    if (account.last !== null) return { mailbox: true, apart: 0 };
    if (!storing) return "storage";
    const owned = this.#messages.own(name);
    if (owned === "apart full") return owned;
    this.#transaction.begin();
    this.#sql.cover.run(owned.last, name);
    return { mailbox: true, apart: owned.apart };
  }

  #list(after: string, limit: number): Account[] {
    const rows = this.#sql.list.all(after, limit) as {
      name: string;
      verifier: string;
      last: number | null;
    }[];
    return rows.map(({ name, verifier, last }) => ({ name, verifier, mailbox: last !== null }));
  }

  #counted(by: number) {
    this.#count += by;
    this.#transaction.onRollback(() => this.#count -= by);
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    get: sql("SELECT last FROM account WHERE name = ?"),
    add: sql("INSERT INTO account (name, verifier, last) VALUES (?, ?, ?)"),
    change: sql("UPDATE account SET verifier = ? WHERE name = ?"),
    cover: sql("UPDATE account SET last = ? WHERE name = ?"),
    remove: sql("DELETE FROM account WHERE name = ?"),
    list: sql(`SELECT name, verifier, last FROM account WHERE name > ? ORDER BY name ${LIMIT}`),
  };
}
