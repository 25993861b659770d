/**
 * The rows of messages, and of the mailboxes that hold them, in the SQLite store.
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { LIMIT } from "../../database/bound_limit.ts";
import { HolderRows } from "./holder_rows.ts";
import type { Lane, Mailbox, Mailboxes, Pending } from "./mailboxes.ts";
import { StoreLost } from "../../errors.ts";
import type { Transaction } from "../../database/transaction.ts";

/** A message that has a row. */
export interface Row {
  seq: number;
  sender: string;
  time: number;
  body: string;
  bytes: number;
  expires: number | null;
  attempts: number;
  /** Until when it is not given out; null where it may be. */
  due: number | null;
  /** Whether it is too long for a take: 0 or 1. */
  long: number;
}

/** A message, with the mailbox that it lies in and the last lease that it was given back from. */
export interface RowOf extends Row {
  /** Undefined where the mailbox was cleared. */
  mailbox: Mailbox | undefined;
  token: string | null;
}

/** How many rows one statement inserts, the most first: each statement that is run costs as much as half a row. */
const INSERTED = [32, 4, 1];

/** What every message has, and what few have: each value that is bound costs time. */
const COLUMNS = ["seq", "mailbox", "sender", "time", "body", "bytes", "holder"];
const RARE_COLUMNS = ["expires", "long"];

export class MessageRows {
  readonly holders: HolderRows;
  readonly #transaction: Transaction;
  readonly #mailboxes: Mailboxes;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #plain: RowInserter;
  readonly #rare: RowInserter;
  /** No row that expires before this one, or with it and has a lower number, is left to be removed: see `expired`. */
  #expired = { expires: -1, seq: 0 };

  constructor(db: DatabaseSync, transaction: Transaction, mailboxes: Mailboxes) {
    this.#transaction = transaction;
    this.#mailboxes = mailboxes;
    this.holders = new HolderRows(db, transaction, mailboxes.holders);
    this.#sql = prepare(db);
    this.#plain = new RowInserter(db, COLUMNS);
    this.#rare = new RowInserter(db, [...COLUMNS, ...RARE_COLUMNS]);
  }

  /** Gives these messages rows. */
  insert(messages: readonly Pending[]) {
    const plain: SQLInputValue[] = [], rare: SQLInputValue[] = [];
    for (const { seq, mailbox, holder, isLong, put } of messages) {
      const { sender, time, text, bytes, expires } = put;
      this.#transaction.begin(bytes);
      this.#giveRow(mailbox);
      const isRare = isLong || expires !== undefined;
      const values = isRare ? rare : plain;
      values.push(seq, mailbox.id, sender, time, text, bytes, this.holders.idOf(holder));
      if (isRare) values.push(expires ?? null, Number(isLong));
      if (expires !== undefined && expires <= this.#expired.expires) this.#expired = { expires, seq: 0 };
      mailbox.stored++;
      (isLong ? mailbox.long : mailbox.short).mayHave = true;
    }
    this.#plain.insert(plain);
    this.#rare.insert(rare);
  }

  /** Brings the row of a mailbox up to date. */
  store(mailbox: Mailbox) {
    const { messages, bytes } = mailbox, holder = this.holders.idOf(mailbox.holder);
    const isSame = messages === mailbox.rowMessages && bytes === mailbox.rowBytes;
    if (!isSame || holder !== mailbox.rowHolder) {
      this.#transaction.begin();
      this.#giveRow(mailbox);
      if (!isSame) this.#sql.setMailbox.run(messages, bytes, mailbox.id);
      if (holder !== mailbox.rowHolder) this.#sql.setHolder.run(holder, mailbox.id);
      mailbox.rowMessages = messages;
      mailbox.rowBytes = bytes;
      mailbox.rowHolder = holder;
    }
    this.holders.store(mailbox);
  }

  #giveRow(mailbox: Mailbox) {
    if (mailbox.id === 0) mailbox.id = Number(this.#sql.addMailbox.run(mailbox.name).lastInsertRowid);
  }

  /** Removes the rows of mailboxes that hold nothing. */
  drop(mailboxes: readonly Mailbox[]) {
    for (const { id } of mailboxes) {
      this.#transaction.begin();
      this.#sql.dropMailbox.run(id);
    }
  }

  /** The oldest of a lane of a mailbox, from its cursor. */
  from({ id }: Mailbox, { isLong, cursor }: Pick<Lane, "isLong" | "cursor">, limit: number): Row[] {
    return this.#sql.from.all(id, Number(isLong), cursor, limit) as unknown as Row[];
  }

  /** Their numbers alone, and until when they wait. */
  numbersFrom({ id }: Mailbox, { isLong, cursor }: Lane, limit: number): Pick<Row, "seq" | "due">[] {
    return this.#sql.numbersFrom.all(id, Number(isLong), cursor, limit) as unknown as Pick<
      Row,
      "seq" | "due"
    >[];
  }

  /** Whether a mailbox has a message of this number that does not wait. */
  isIn({ id }: Mailbox, seq: number): boolean {
    return this.#sql.isIn.get(seq, id) !== undefined;
  }

  get(seq: number): RowOf | undefined {
    const row = this.#sql.row.get(seq) as unknown as
      | Row & { name: string | null; token: string | null }
      | undefined;
    if (row === undefined) return undefined;
    return { ...row, mailbox: row.name === null ? undefined : this.#mailboxes.get(row.name) };
  }

  /** Those that have expired, none a second time: whoever has one of them removes it when it comes back. */
  expired(
    now: number,
    limit: number,
  ): (Pick<Row, "seq" | "bytes" | "due"> & { mailbox: Mailbox | undefined })[] {
    const { expires, seq } = this.#expired;
    const rows = this.#sql.expired.all(
      expires,
      seq,
      now,
      limit,
    ) as unknown as (Row & { expires: number; name: string | null })[];
    this.#expired = rows.at(-1) ?? this.#expired;
    return rows.map(({ seq, bytes, due, name }) => (
      { seq, bytes, due, mailbox: name === null ? undefined : this.#mailboxes.get(name) }
    ));
  }

  /** Comes after the transaction was rolled back: what had expired is there again. */
  rollback() {
    this.#expired = { expires: -1, seq: 0 };
  }

  /** Whether there are any that will expire. */
  get hasExpiring(): boolean {
    return this.#sql.expiring.get() !== undefined;
  }

  /** Removes the messages of a mailbox that have these numbers, of which there are as many as `last - first + 1`. */
  remove(mailbox: Mailbox, first: number, last: number, bytes: number) {
    const messages = last - first + 1;
    this.#transaction.begin(0, messages);
    if (mailbox.otherMessages > 0) return this.#removeShared(mailbox, first, last);
    if (Number(this.#sql.remove.run(first, last).changes) !== messages) throw lacksMessage(mailbox);
    mailbox.stored -= messages;
    this.#mailboxes.change(mailbox, mailbox.holder, -messages, -bytes);
  }

  /** The same of a mailbox that several have filled: who is charged for each stands with it. */
  #removeShared(mailbox: Mailbox, first: number, last: number) {
    const removed = this.#sql.removeShared.all(first, last) as { holder: number; bytes: number }[];
    if (removed.length !== last - first + 1) throw lacksMessage(mailbox);
    mailbox.stored -= removed.length;
    for (const { holder, bytes } of removed) {
      this.#mailboxes.change(mailbox, this.holders.get(holder), -1, -bytes);
    }
  }

  /** Notes how often a message was given out, and the lease that it comes back from. */
  giveBack(seq: number, attempts: number, token: string) {
    this.#transaction.begin();
    this.#sql.giveBack.run(attempts, token, seq);
  }

  /** Lets a mailbox begin again under a new number; the rows of the old one are left to {@linkcode sweep}. */
  clear(mailbox: Mailbox) {
    this.#transaction.begin();
    this.#sql.clear.run(mailbox.id);
    this.#sql.dropMailbox.run(mailbox.id);
    this.#mailboxes.clear(mailbox, this.holders.of(mailbox));
    this.holders.drop(mailbox);
    mailbox.id =
      mailbox.stored =
      mailbox.rowMessages =
      mailbox.rowBytes =
      mailbox.rowHolder =
        0;
  }

  /** Whether there are rows of cleared mailboxes. */
  get hasCleared(): boolean {
    return this.#sql.nextCleared.get() !== undefined;
  }

  /** Removes up to `rows` rows of what was cleared. Returns whether there is nothing left. */
  sweep(rows: number): boolean {
    for (let left = rows; left > 0; left--) {
      const row = this.#sql.nextCleared.get() as { mailbox: number } | undefined;
      if (row === undefined) return true;
      this.#transaction.begin();
      const changes = Number(this.#sql.sweep.run(row.mailbox, left).changes);
      if (changes === left) return false;
      this.#sql.swept.run(row.mailbox);
      left -= changes;
    }
    return false;
  }

  /** Mailboxes that hold messages, by the bytes of their names. */
  list(after: string, limit: number): { mailbox: string; messages: number }[] {
    return this.#sql.list.all(after, limit) as { mailbox: string; messages: number }[];
  }
}

/** Inserts rows of `message` that have these columns. */
class RowInserter {
  readonly #columns: number;
  readonly #inserts: { rows: number; statement: StatementSync }[];

  constructor(db: DatabaseSync, columns: readonly string[]) {
    this.#columns = columns.length;
    this.#inserts = INSERTED.map((rows) => {
      const values = Array(rows).fill(`(${columns.map(() => "?").join(", ")})`);
      const statement = db.prepare(
        `INSERT INTO message (${columns.join(", ")}) VALUES ${values.join(", ")}`,
      );
      return { rows, statement };
    });
  }

  /** @param values Of one row behind the other, each in the order of the columns. */
  insert(values: readonly SQLInputValue[]) {
    let at = 0;
    for (const { rows, statement } of this.#inserts) {
      const length = rows * this.#columns;
      for (; values.length - at >= length; at += length) statement.run(...values.slice(at, at + length));
    }
  }
}

function lacksMessage({ name }: Mailbox): StoreLost {
  return new StoreLost(`Mailbox ${name} lacks a message that it should have`);
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  const lane = `FROM message WHERE mailbox = ? AND long = ? AND seq >= ? ORDER BY seq ${LIMIT}`;
  return {
    from: sql(`SELECT seq, sender, time, body, bytes, expires, attempts, due, long ${lane}`),
    numbersFrom: sql(`SELECT seq, due ${lane}`),
    isIn: sql("SELECT 1 FROM message WHERE seq = ? AND mailbox = ? AND due IS NULL"),
    row: sql("SELECT message.*, name FROM message LEFT JOIN mailbox ON mailbox.id = mailbox WHERE seq = ?"),
    remove: sql("DELETE FROM message WHERE seq BETWEEN ? AND ?"),
    removeShared: sql("DELETE FROM message WHERE seq BETWEEN ? AND ? RETURNING holder, bytes"),
    giveBack: sql("UPDATE message SET attempts = ?, token = ? WHERE seq = ?"),
    expired: sql(
      `SELECT seq, message.bytes, expires, due, name FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
        WHERE (expires, seq) > (?, ?) AND expires <= ? ORDER BY expires, seq ${LIMIT}`,
    ),
    expiring: sql("SELECT 1 FROM message WHERE expires IS NOT NULL LIMIT 1"),
    addMailbox: sql("INSERT INTO mailbox (name, messages, bytes) VALUES (?, 0, 0)"),
    setMailbox: sql("UPDATE mailbox SET messages = ?, bytes = ? WHERE id = ?"),
    setHolder: sql("UPDATE mailbox SET holder = ? WHERE id = ?"),
    dropMailbox: sql("DELETE FROM mailbox WHERE id = ?"),
    list: sql(
      `SELECT name AS mailbox, messages FROM mailbox WHERE messages > 0 AND name > ? ORDER BY name ${LIMIT}`,
    ),
    clear: sql("INSERT INTO cleared (mailbox) VALUES (?)"),
    nextCleared: sql("SELECT mailbox FROM cleared LIMIT 1"),
    sweep: sql(
      `DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE mailbox = ? ${LIMIT})`,
    ),
    swept: sql("DELETE FROM cleared WHERE mailbox = ?"),
  };
}
