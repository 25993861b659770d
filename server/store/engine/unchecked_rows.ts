import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { checkedColumns, type CheckedTable, checksumOfRow } from "../database/checksum.ts";
import { firstRow } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";
import { checksumOfLetter, type Letter } from "./message/dead_letters.ts";
import { checksumOfLease, type LeaseRow } from "./message/rows/lease_rows.ts";
import { checksumOfDelayed, DELAYED_COLUMNS, type DelayedMessage } from "./message/rows/delayed_messages.ts";
import { checksumOfMessage, type StoredMessage } from "./message/rows/message_rows.ts";

/** Bytes of text after which a piece ends. */
const PIECE_BYTES = 128 * 1024;

type Row = Record<string, SQLOutputValue>;

interface Table {
  name: string;
  columns: string;
  from: string;
  /** The columns of its key, each with a value before the first. */
  key: Readonly<Record<string, number | string>>;
  /** Undefined if the row is about to be removed. */
  checksum(row: Row): number | undefined;
}

const KEYS: Readonly<Partial<Record<CheckedTable, Table["key"]>>> = {
  session: { id: "" },
  outcome: { session: "", number: -1 },
  account: { name: "" },
  thread: { id: -1 },
  entry: { thread: -1, id: -1 },
  content: { thread: -1, name: "" },
  channel: { name: "" },
  said: { channel: -1, seq: -1 },
  request_key: { number: -1 },
};

/** Tables that may have rows of before; those with a single row get it anew at the first start. */
const TABLES: readonly Table[] = [
  {
    name: "message",
    columns: "message.*, mailbox.name AS name",
    from: "message LEFT JOIN mailbox ON mailbox.id = message.mailbox",
    key: { seq: -1 },
    // of a mailbox that was cleared the name is not known any more, and nobody sees its messages
    checksum: (row) =>
      row.name === null ? undefined : checksumOfMessage(row.name as string, row as unknown as StoredMessage),
  },
  {
    name: "delayed",
    columns: DELAYED_COLUMNS,
    from: "delayed",
    key: { id: -1 },
    checksum: (row) => checksumOfDelayed(row as unknown as DelayedMessage),
  },
  {
    name: "dead",
    columns: "*",
    from: "dead",
    key: { id: -1 },
    checksum: (row) => checksumOfLetter(row as unknown as Letter),
  },
  {
    name: "lease",
    columns: "*",
    from: "lease",
    key: { token: "" },
    checksum: (row) => checksumOfLease(row as unknown as LeaseRow),
  },
  ...Object.entries(KEYS).map(([name, key]): Table => ({
    name,
    columns: checkedColumns(name as CheckedTable),
    from: name,
    key,
    checksum: (row) => checksumOfRow(name as CheckedTable, row),
  })),
];

/**
 * Rows that the version before the journal wrote, and that have no checksum: they get one piece by piece (store 7.8). What
 * the state is does not change by it, so it is in no record.
 */
export class UncheckedRows {
  readonly #db: DatabaseSync;
  readonly #transaction: Transaction;
  /** Whether there may be any. */
  isLeft: boolean;
  /** Tables that were not read to their end, and how far the first of them was. */
  #tables = [...TABLES];
  #key: SQLInputValue[] | undefined;
  #next: StatementSync | undefined;
  #set: StatementSync | undefined;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#db = db;
    this.#transaction = transaction;
    const complete = firstRow<{ complete: number }>(db.prepare("SELECT complete FROM checksums_complete"));
    this.isLeft = complete?.complete !== 1;
  }

  /** Reads up to so many rows, and gives a checksum to those that have none, in the open transaction. */
  check(rows: number) {
    for (let read = 0, bytes = 0; this.isLeft && read < rows && bytes < PIECE_BYTES; read++) {
      const [table] = this.#tables;
      if (table === undefined) return this.#end();
      const row = this.#nextOf(table);
      if (row === undefined) {
        this.#tables.shift();
        this.#key = this.#next = this.#set = undefined;
        continue;
      }
      this.#key = Object.keys(table.key).map((column) => row[column]!);
      bytes += typeof row.bytes === "number" ? row.bytes : 0;
      if (row.checksum === null) this.#give(table, row);
    }
  }

  #nextOf({ columns, name, from, key }: Table): Row | undefined {
    const order = Object.keys(key).map((column) => `${name}.${column}`).join(", ");
    const values = Object.keys(key).fill("?").join(", ");
    this.#next ??= this.#db.prepare(
      `SELECT ${columns} FROM ${from} WHERE (${order}) > (${values}) ORDER BY ${order} LIMIT 1`,
    );
    this.#key ??= Object.values(key);
    return firstRow<Row>(this.#next, ...this.#key);
  }

  #give(table: Table, row: Row) {
    const checksum = table.checksum(row);
    if (checksum === undefined) return;
    const where = Object.keys(table.key).map((column) => `${column} = ?`).join(" AND ");
    this.#set ??= this.#db.prepare(`UPDATE ${table.name} SET checksum = ? WHERE ${where}`);
    this.#transaction.run(this.#set, checksum, ...this.#key!);
  }

  #end() {
    this.#transaction.run(this.#db.prepare("UPDATE checksums_complete SET complete = 1"));
    this.isLeft = false;
  }
}
