import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Context } from "../../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../database/statements.ts";
import { StoreLost } from "../../errors.ts";
import type { Mailbox, Pending, ReadyQueue } from "../mailbox/mailbox.ts";
import type { Mailboxes } from "../mailbox/mailboxes.ts";

/** A message that has a row. */
export interface Row {
  seq: number;
  sender: string;
  time: number;
  text: string;
  bytes: number;
  expires: number | null;
  attempts: number;
  /** When its next attempt may be; null if it waits for none. */
  due: number | null;
  /** Whether it is too long for a take: 0 or 1. */
  long: number;
}

/** A message with its mailbox, and with the token of the last lease that released it. */
export interface RowOf extends Row {
  /** Undefined if the mailbox was cleared. */
  mailbox: Mailbox | undefined;
  token: string | null;
}

/** A row without what may be long. */
export type NumberRow = Pick<Row, "seq" | "due">;

/** Reads the rows of one mailbox, whole or in part. */
export interface RowSource<R extends NumberRow> {
  /** The oldest of a queue, from its cursor. */
  from(mailbox: Mailbox, queue: Pick<ReadyQueue, "isLong" | "cursor">, limit: number): R[];
  /** The one with this number, if it is in the mailbox. */
  get(mailbox: Mailbox, seq: number): R | undefined;
}

/** How many rows one statement inserts, the most first: to run a statement costs as much as half a row. */
const ROWS_PER_INSERT = [32, 4, 1];

/** What every message has, and what few have: each value that is bound costs time. */
const COLUMNS = ["seq", "mailbox", "sender", "time", "text", "bytes", "owner"];
const RARE_COLUMNS = ["expires", "long"];

/** The rows of messages that are neither delayed nor dead letters. */
export class MessageRows {
  readonly whole: RowSource<Row>;
  readonly numbers: RowSource<NumberRow>;
  readonly #context: Context;
  readonly #mailboxes: Mailboxes;
  readonly #sql;
  readonly #plain: RowInserter;
  readonly #rare: RowInserter;
  /** No row that expires before this one, or with it and has a lower number, is left to be removed: see `expired`. */
  #expired = { expires: -1, seq: 0 };

  constructor(context: Context, mailboxes: Mailboxes) {
    this.#context = context;
    this.#mailboxes = mailboxes;
    const { db } = context;
    this.#sql = prepareAll(db, {
      row: "SELECT message.*, name FROM message LEFT JOIN mailbox ON mailbox.id = mailbox WHERE seq = ?",
      remove: "DELETE FROM message WHERE seq BETWEEN ? AND ?",
      removeShared: "DELETE FROM message WHERE seq BETWEEN ? AND ? RETURNING owner, bytes",
      release: "UPDATE message SET attempts = ?, token = ? WHERE seq = ?",
      expired: `SELECT seq, message.bytes, expires, due, name
        FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
        WHERE (expires, seq) > (?, ?) AND expires <= ? ORDER BY expires, seq ${LIMIT}`,
      expiring: "SELECT 1 FROM message WHERE expires IS NOT NULL LIMIT 1",
    });
    this.whole = rowSource(db, "seq, sender, time, text, bytes, expires, attempts, due, long");
    this.numbers = rowSource(db, "seq, due");
    this.#plain = new RowInserter(db, COLUMNS);
    this.#rare = new RowInserter(db, [...COLUMNS, ...RARE_COLUMNS]);
  }

  /** Gives these messages rows. */
  insert(messages: readonly Pending[]) {
    const plain: SQLInputValue[] = [], rare: SQLInputValue[] = [];
    for (const { seq, mailbox, owner, isLong, put } of messages) {
      const { sender, time, text, bytes, expires } = put;
      this.#context.transaction.begin(bytes);
      const id = this.#mailboxes.idOf(mailbox);
      const isRare = isLong || expires !== undefined;
      const values = isRare ? rare : plain;
      values.push(seq, id, sender, time, text, bytes, this.#mailboxes.owners.idOf(owner));
      if (isRare) values.push(expires ?? null, Number(isLong));
      if (expires !== undefined && expires <= this.#expired.expires) this.#expired = { expires, seq: 0 };
      mailbox.stored++;
      (isLong ? mailbox.long : mailbox.short).mayHaveReady = true;
    }
    this.#plain.insert(plain);
    this.#rare.insert(rare);
  }

  get(seq: number): RowOf | undefined {
    const row = firstRow<Omit<RowOf, "mailbox"> & { name: string | null }>(this.#sql.row, seq);
    return row && { ...row, mailbox: this.#mailboxOf(row) };
  }

  #mailboxOf({ name }: { name: string | null }): Mailbox | undefined {
    return name === null ? undefined : this.#mailboxes.get(name);
  }

  /** Those that have expired, each once: one that is leased is removed when it is released. */
  expired(now: number, limit: number): (Pick<RowOf, "seq" | "bytes" | "due" | "mailbox">)[] {
    const { expires, seq } = this.#expired;
    const rows = allRows<Row & { expires: number; name: string | null }>(
      this.#sql.expired,
      expires,
      seq,
      now,
      limit,
    );
    this.#expired = rows.at(-1) ?? this.#expired;
    return rows.map((row) => ({ ...row, mailbox: this.#mailboxOf(row) }));
  }

  /** Whether {@linkcode expired} would find one. */
  isExpired(now: number): boolean {
    return this.#sql.expired.get(this.#expired.expires, this.#expired.seq, now, 1) !== undefined;
  }

  /** Whether there are any that will expire. */
  get hasExpiring(): boolean {
    return this.#sql.expiring.get() !== undefined;
  }

  /** Removes a message. */
  remove(mailbox: Mailbox, { seq, bytes }: Pick<Row, "seq" | "bytes">) {
    this.removeRange(mailbox, seq, seq, bytes);
  }

  /** Removes the messages with these consecutive numbers: all of them must be there. */
  removeRange(mailbox: Mailbox, first: number, last: number, bytes: number) {
    const messages = last - first + 1;
    this.#context.transaction.begin(undefined, messages);
    let removed: number;
    if (mailbox.otherMessages === 0) {
      removed = Number(this.#sql.remove.run(first, last).changes);
      this.#mailboxes.change(mailbox, mailbox.owner, -messages, -bytes);
    } else {
      const rows = allRows<{ owner: number; bytes: number }>(this.#sql.removeShared, first, last);
      removed = rows.length;
      for (const { owner, bytes } of rows) {
        this.#mailboxes.change(mailbox, this.#mailboxes.owners.withId(owner), -1, -bytes);
      }
    }
    if (removed !== messages) {
      throw new StoreLost(`Mailbox ${mailbox.name} lacks a message that it should have`);
    }
    mailbox.stored -= messages;
  }

  /** Notes how often a message was attempted, and the lease that released it. */
  release(seq: number, attempts: number, token: string) {
    this.#context.transaction.run(this.#sql.release, attempts, token, seq);
  }
}

function rowSource<R extends NumberRow>(db: DatabaseSync, columns: string): RowSource<R> {
  const { queue, one } = prepareAll(db, {
    queue: `SELECT ${columns} FROM message WHERE mailbox = ? AND long = ? AND seq >= ? ORDER BY seq ${LIMIT}`,
    one: `SELECT ${columns} FROM message WHERE mailbox = ? AND seq = ?`,
  });
  return {
    from: ({ id }, { isLong, cursor }, limit) => allRows(queue, id, Number(isLong), cursor, limit),
    get: ({ id }, seq) => firstRow(one, id, seq),
  };
}

/** Inserts rows of `message` that have these columns. */
class RowInserter {
  readonly #columns: number;
  readonly #inserts: { rows: number; statement: StatementSync }[];

  constructor(db: DatabaseSync, columns: readonly string[]) {
    this.#columns = columns.length;
    this.#inserts = ROWS_PER_INSERT.map((rows) => {
      const values = Array(rows).fill(`(${columns.map(() => "?").join(", ")})`);
      const statement = db.prepare(
        `INSERT INTO message (${columns.join(", ")}) VALUES ${values.join(", ")}`,
      );
      return { rows, statement };
    });
  }

  /** @param values Those of one row after the other, each in the order of the columns. */
  insert(values: readonly SQLInputValue[]) {
    let at = 0;
    for (const { rows, statement } of this.#inserts) {
      const length = rows * this.#columns;
      for (; values.length - at >= length; at += length) statement.run(...values.slice(at, at + length));
    }
  }
}
