/**
 * Messages that wait for a time: those that were put with a delay, and those whose last attempt failed.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import { allRows, LIMIT, prepareAll } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Put } from "../../requests/message.ts";
import { MailboxCounts } from "../mailbox/mailbox_counts.ts";

export interface DelayedMessage extends Omit<Put, "kind" | "expires" | "owner"> {
  id: number;
  expires: number | null;
  /** The owner's number. */
  owner: number;
}

/** Messages that were put with a delay. They get a row in `message` when it is over. */
export class DelayedMessages {
  readonly counts: MailboxCounts;
  readonly #transaction: Transaction;
  readonly #sql;

  constructor({ db, transaction }: Pick<Context, "db" | "transaction">) {
    this.#transaction = transaction;
    const select = "SELECT id, mailbox, sender, time, text, bytes, expires, owner FROM delayed";
    this.#sql = prepareAll(db, {
      add: `INSERT INTO delayed (id, due, mailbox, sender, time, text, bytes, expires, owner)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      due: `${select} WHERE due <= ? ORDER BY due, id ${LIMIT}`,
      of: `${select} WHERE mailbox = ?`,
      remove: "DELETE FROM delayed WHERE id = ?",
      clear: "DELETE FROM delayed WHERE mailbox = ?",
    });
    const counts = db.prepare("SELECT mailbox, count(*) AS count FROM delayed GROUP BY mailbox");
    this.counts = new MailboxCounts(transaction, allRows(counts));
  }

  /** @param owner The owner's number. */
  add(id: number, { mailbox, sender, time, text, bytes, expires, delay = 0 }: Put, owner: number) {
    this.#transaction.begin(bytes);
    this.#sql.add.run(id, time + delay, mailbox, sender, time, text, bytes, expires ?? null, owner);
    this.counts.add(mailbox, 1);
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): DelayedMessage[] {
    return allRows(this.#sql.due, now, limit);
  }

  /** Those of one mailbox. */
  of(mailbox: string): DelayedMessage[] {
    return this.counts.of(mailbox) === 0 ? [] : allRows(this.#sql.of, mailbox);
  }

  remove({ id, mailbox }: DelayedMessage) {
    this.#transaction.run(this.#sql.remove, id);
    this.counts.add(mailbox, -1);
  }

  /** Removes those of one mailbox. */
  clear(mailbox: string) {
    if (this.counts.clear(mailbox) > 0) this.#transaction.run(this.#sql.clear, mailbox);
  }
}

/** A message that waits for its next attempt. */
export interface Retry {
  seq: number;
  /** Null if its mailbox was cleared. */
  mailbox: string | null;
}

/**
 * Messages that wait for their next attempt. They keep their rows, and with them their place in the order.
 *
 * Invariant: the row of a message has a `due` exactly while it waits, and it is in no lease then. `counts` leaves out
 * messages of cleared mailboxes; what removes a row that waits has to change it.
 */
export class Retries {
  readonly counts: MailboxCounts;
  readonly #transaction: Transaction;
  readonly #sql;

  constructor({ db, transaction }: Context) {
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      set: "UPDATE message SET due = ? WHERE seq = ?",
      due: `SELECT seq, name AS mailbox FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
        WHERE due <= ? ORDER BY due, seq ${LIMIT}`,
    });
    const counts = db.prepare(
      `SELECT name AS mailbox, count(*) AS count FROM message JOIN mailbox ON mailbox.id = mailbox
        WHERE due IS NOT NULL GROUP BY name`,
    );
    this.counts = new MailboxCounts(transaction, allRows(counts));
  }

  /** Makes a message with a row wait until `due`, in milliseconds since 1970. */
  add(mailbox: string, seq: number, due: number) {
    this.#transaction.run(this.#sql.set, due, seq);
    this.counts.add(mailbox, 1);
  }

  /** Those whose time has come, in the order of these times. */
  due(now: number, limit: number): Retry[] {
    return allRows(this.#sql.due, now, limit);
  }

  /** Ends the wait of a message. */
  end({ seq, mailbox }: Retry) {
    this.#transaction.run(this.#sql.set, null, seq);
    if (mailbox !== null) this.counts.add(mailbox, -1);
  }
}
