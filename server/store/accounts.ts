import type { DatabaseSync } from "node:sqlite";
import { type AccountOutcome, type AccountRequest, MAX_ACCOUNTS } from "./account_requests.ts";
import type { Transaction } from "./transaction.ts";

/** What the SQLite store knows of accounts: a verifier for each name. */
export class Accounts {
  readonly #transaction: Transaction;
  readonly #sql: ReturnType<typeof prepare>;
  #count: number;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#sql = prepare(db);
    this.#count = (db.prepare("SELECT count(*) AS count FROM account").get() as { count: number }).count;
  }

  /** @param storing Whether what needs space may be tried. */
  request(request: AccountRequest, storing: boolean): AccountOutcome {
    switch (request.what) {
      case "add": {
        const { name, verifier } = request;
        if (this.#sql.has.get(name) !== undefined) return "exists";
        if (this.#count >= MAX_ACCOUNTS) return "full";
        if (!storing) return "storage";
        this.#transaction.begin(name.length + verifier.length);
        this.#sql.add.run(name, verifier);
        this.#counted(1);
        return "added";
      }
      case "change": {
        const { name, verifier } = request;
        if (this.#sql.has.get(name) === undefined) return "unknown";
        if (!storing) return "storage";
        this.#transaction.begin(name.length + verifier.length);
        this.#sql.change.run(verifier, name);
        return "changed";
      }
      case "remove":
        if (this.#sql.has.get(request.name) === undefined) return "unknown";
        this.#transaction.begin();
        this.#sql.remove.run(request.name);
        this.#counted(-1);
        return "removed";
      case "list":
        return this.#sql.list.all(request.after ?? "", request.limit) as {
          name: string;
          verifier: string;
        }[];
    }
  }

  #counted(by: number) {
    this.#count += by;
    this.#transaction.onRollback(() => this.#count -= by);
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    has: sql("SELECT 1 FROM account WHERE name = ?"),
    add: sql("INSERT INTO account (name, verifier) VALUES (?, ?)"),
    change: sql("UPDATE account SET verifier = ? WHERE name = ?"),
    remove: sql("DELETE FROM account WHERE name = ?"),
    list: sql("SELECT name, verifier FROM account WHERE name > ? ORDER BY name LIMIT ?"),
  };
}
