import type { DatabaseSync, StatementSync } from "node:sqlite";
import { checksumOf, singleRow } from "../../database/checksum.ts";
import type { Transaction } from "../../database/transaction.ts";

/** Bytes of an epoch (store 9.1); it is written in hexadecimal digits. */
export const EPOCH_BYTES = 16;

/** The epoch that sessions see: it names the lineage of the state (store 9.1). */
export class EpochRow {
  readonly #transaction: Transaction;
  readonly #set: StatementSync;
  #id: string;

  /** @throws {DamagedRow} Its row is damaged. */
  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#set = db.prepare("UPDATE epoch SET id = ?, checksum = ?");
    this.#id = singleRow(db, "epoch")!.id as string;
  }

  /** Empty before the first start. */
  get id(): string {
    return this.#id;
  }

  set(id: string) {
    this.#id = id;
    this.#transaction.run(this.#set, id, checksumOf(id));
  }
}
