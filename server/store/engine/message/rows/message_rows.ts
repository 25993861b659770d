import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { Context } from "../../../database/context.ts";
import { checksumOf } from "../../../database/checksum.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../../database/statements.ts";
import { StoreLost } from "../../../errors.ts";
import type { Mailbox, MailboxQueue, PendingMessage } from "../../mailbox/mailbox.ts";
import type { Mailboxes } from "../../mailbox/mailboxes.ts";
import { TimedRows } from "./timed_rows.ts";

/** A message, whether it has a row or only memory has it. */
export interface Message {
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

/** A message that has a row, with what its checksum covers. */
export interface StoredMessage extends Message {
  /** The owner's number. */
  owner: number;
  /** The token of the last lease that released it. */
  token: string | null;
  /** Null in a row of the version before the journal. */
  checksum: number | null;
}

/** The columns of a {@linkcode StoredMessage}. */
export const STORED_COLUMNS =
  "seq, sender, time, text, bytes, owner, expires, attempts, due, token, long, checksum";

/** A message with its mailbox, and with the token of the last lease that released it. */
export interface MessageOf extends Message {
  /** Undefined if the mailbox was cleared. */
  mailbox: Mailbox | undefined;
  token: string | null;
}

/** A message without what may be long. */
export type NumberedMessage = Pick<Message, "seq" | "due" | "expires">;

/** Reads the rows of one mailbox, whole or in part. */
export interface RowSource<M extends NumberedMessage> {
  /** The oldest of a queue, from its cursor. */
  from(mailbox: Mailbox, queue: Pick<MailboxQueue, "isLong" | "cursor">, limit: number): M[];
  /** The one with this number, if it is in the mailbox. */
  get(mailbox: Mailbox, seq: number): M | undefined;
}

/** How many rows one statement inserts, the most first: to run a statement costs as much as half a row. */
const ROWS_PER_INSERT = [32, 4, 1];

/** What every message has, and what few have: each value that is bound costs time. */
const COLUMNS = ["seq", "mailbox", "sender", "time", "text", "bytes", "owner", "checksum"];
const RARE_COLUMNS = ["expires", "long", "attempts", "due", "token"];

/** The rows of messages that are neither delayed nor dead letters. */
export class MessageRows {
  readonly whole: RowSource<StoredMessage>;
  readonly numbers: RowSource<NumberedMessage>;
  /** Those that will expire, and those that wait for their next attempt. */
  readonly expiring: TimedRows;
  readonly waiting: TimedRows;
  readonly #context: Context;
  readonly #mailboxes: Mailboxes;
  readonly #sql;
  readonly #plain: RowInserter;
  readonly #rare: RowInserter;

  constructor(context: Context, mailboxes: Mailboxes) {
    this.#context = context;
    this.#mailboxes = mailboxes;
    const { db } = context;
    this.#sql = prepareAll(db, {
      row: "SELECT message.*, name FROM message LEFT JOIN mailbox ON mailbox.id = mailbox WHERE seq = ?",
      remove: "DELETE FROM message WHERE seq BETWEEN ? AND ?",
      removeShared: "DELETE FROM message WHERE seq BETWEEN ? AND ? RETURNING owner, bytes",
      update: "UPDATE message SET attempts = ?, due = ?, token = ?, checksum = ? WHERE seq = ?",
    });
    this.whole = rowSource(db, STORED_COLUMNS);
    this.numbers = rowSource(db, "seq, due, expires");
    this.expiring = new TimedRows(db, "expires");
    this.waiting = new TimedRows(db, "due");
    this.#plain = new RowInserter(db, COLUMNS);
    this.#rare = new RowInserter(db, [...COLUMNS, ...RARE_COLUMNS]);
  }

  /** Gives these messages rows. */
  insert(messages: readonly PendingMessage[]) {
    const plain: SQLInputValue[] = [], rare: SQLInputValue[] = [];
    for (const message of messages) {
      const { seq, mailbox, owner, sender, time, text, bytes, expires, long, attempts, due, token } = message;
      this.#context.transaction.begin();
      const id = this.#mailboxes.idOf(mailbox);
      const isRare = long !== 0 || expires !== null || token !== null;
      const values = isRare ? rare : plain, ownerId = this.#mailboxes.owners.idOf(owner);
      const { name } = mailbox;
      const checksum = checksumOf(
        seq,
        name,
        sender,
        time,
        text,
        bytes,
        ownerId,
        expires,
        attempts,
        due,
        token,
      );
      values.push(seq, id, sender, time, text, bytes, ownerId, checksum);
      if (isRare) values.push(expires, long, attempts, due, token);
      if (expires !== null) this.expiring.add(expires);
      if (due !== null) this.waiting.add(due);
      mailbox.stored++;
    }
    this.#plain.insert(plain);
    this.#rare.insert(rare);
  }

  get(seq: number): MessageOf | undefined {
    const row = firstRow<Omit<MessageOf, "mailbox"> & { mailbox: number; name: string | null }>(
      this.#sql.row,
      seq,
    );
    return row && { ...row, mailbox: this.mailboxOf(row) };
  }

  /** The mailbox of a row; undefined if it was cleared: the row is there a while longer, and its name is another one's. */
  mailboxOf({ name, mailbox: id }: { name: string | null; mailbox: number }): Mailbox | undefined {
    const mailbox = name === null ? undefined : this.#mailboxes.get(name);
    return mailbox?.id === id ? mailbox : undefined;
  }

  /** Removes the messages with these consecutive numbers: all of them must be there. */
  remove(mailbox: Mailbox, first: number, last: number, bytes: number) {
    const messages = last - first + 1;
    this.#context.transaction.begin();
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

  /** Changes what a message, which has this in its row, has of attempts. */
  update(
    mailbox: Mailbox,
    message: StoredMessage,
    change: Partial<Pick<StoredMessage, "attempts" | "due" | "token">>,
  ) {
    const changed = { ...message, ...change }, { attempts, due, token, seq } = changed;
    const checksum = checksumOfMessage(mailbox.name, changed);
    this.#context.transaction.run(this.#sql.update, attempts, due, token, checksum, seq);
    if (due !== null) this.waiting.add(due);
  }
}

/** Whether a message of this mailbox is as it was written. */
export function isWhole(mailbox: string, message: Message | StoredMessage): boolean {
  if (!("checksum" in message) || message.checksum === null) return true;
  return message.checksum === checksumOfMessage(mailbox, message);
}

/**
 * What the row of a message has as its checksum. It covers its receiver's name and not the mailbox's number, and leaves
 * out `long`, which follows from the rest.
 */
export function checksumOfMessage(
  mailbox: string,
  message: Omit<StoredMessage, "long" | "checksum">,
): number {
  const { seq, sender, time, text, bytes, owner, expires, attempts, due, token } = message;
  return checksumOf(seq, mailbox, sender, time, text, bytes, owner, expires, attempts, due, token);
}

function rowSource<M extends NumberedMessage>(db: DatabaseSync, columns: string): RowSource<M> {
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
