import { checksumOf } from "../../database/checksum.ts";
import type { Context } from "../../database/context.ts";
import { allRows, prepareAll } from "../../database/statements.ts";
import { type CheckedRow, isWholeRow } from "../whole_row.ts";

/** A mailbox of which messages are being set apart. */
interface Covering {
  /** The number of the last message that was put before. */
  last: number;
  /** Requests of which a piece was done, and others are to come. */
  requests: number;
  /** Messages that were set apart between the pieces. */
  apart: number;
}

type CoveringRow = CheckedRow<Covering & { mailbox: string }>;

/**
 * Which mailboxes accounts cover, and which are about to be covered: up to which number their messages were put before that.
 *
 * Invariant: while an account is asked for in pieces, what was put before the first one is known to be so, whatever number
 * it would get in between (store 11.3). That is part of the state, and ends with the process that asks for the pieces.
 */
export class CoveredMailboxes {
  readonly #covered = new Map<string, number>();
  readonly #covering = new Map<string, Covering>();
  readonly #context: Pick<Context, "transaction">;
  readonly #sql;

  constructor(context: Pick<Context, "db" | "transaction" | "onEvent">) {
    const { db } = this.#context = context;
    this.#sql = prepareAll(db, {
      set: "REPLACE INTO covering (mailbox, last, requests, apart, checksum) VALUES (?, ?, ?, ?, ?)",
      remove: "DELETE FROM covering WHERE mailbox = ?",
      clear: "DELETE FROM covering",
    });
    for (const row of allRows<CoveringRow>(db.prepare("SELECT * FROM covering ORDER BY mailbox"))) {
      // it is relied on all the same: more may become dead letters by it, and nothing is given out
      isWholeRow(context, "covering", row.mailbox, row);
      const { mailbox, last, requests, apart } = row;
      this.#covering.set(mailbox, { last, requests, apart });
    }
  }

  /** An account covers the mailbox. `last`: the number of the last message that was put before; 0: none covers it. */
  set(mailbox: string, last: number) {
    if (last > 0) this.#covered.set(mailbox, last);
    else this.#covered.delete(mailbox);
  }

  /** Up to this number the messages of a mailbox are none of the account's that covers it; 0 if none does. */
  last(mailbox: string): number {
    return this.#covered.get(mailbox) ?? 0;
  }

  /** The same of the account that was asked for last, and is to cover it, and what was set apart for that by others. */
  coming(mailbox: string): Readonly<Pick<Covering, "last" | "apart">> {
    return this.#covering.get(mailbox) ?? { last: 0, apart: 0 };
  }

  /**
   * Whether a message that would get another number now was put before an account covered its mailbox, or was asked to: the
   * caller sets it apart.
   */
  mustSetApart(mailbox: string, id: number): boolean {
    const covering = this.#covering.get(mailbox);
    if (covering === undefined || id > covering.last) return id <= this.last(mailbox);
    this.#store(mailbox, { ...covering, apart: covering.apart + 1 });
    return true;
  }

  /** The first piece of a request was done, and others follow. `last`: the number of the last message until now. */
  begin(mailbox: string, last: number) {
    const { requests, apart } = this.#covering.get(mailbox) ?? { requests: 0, apart: 0 };
    this.#store(mailbox, { last, requests: requests + 1, apart });
  }

  /** The last piece of such a request was done, whatever it came to. */
  end(mailbox: string) {
    const covering = this.#covering.get(mailbox);
    if (covering === undefined) return;
    if (covering.requests > 1) return this.#store(mailbox, { ...covering, requests: covering.requests - 1 });
    this.#covering.delete(mailbox);
    this.#context.transaction.run(this.#sql.remove, mailbox);
  }

  #store(mailbox: string, covering: Covering) {
    this.#covering.set(mailbox, covering);
    const values = [mailbox, covering.last, covering.requests, covering.apart] as const;
    this.#context.transaction.run(this.#sql.set, ...values, checksumOf(...values));
  }

  /** A server has started: nobody asks for the pieces that were left. */
  start() {
    if (this.#covering.size === 0) return;
    this.#covering.clear();
    this.#context.transaction.run(this.#sql.clear);
  }
}
