import type { DatabaseSync } from "node:sqlite";
import type { Transaction } from "../database/transaction.ts";

/** Sessions that were forgotten last, which are known by name: what is forgotten in some seconds, whoever fills it. */
const NAMED = 65_536;

/**
 * Which sessions carried out numbers and were forgotten, while their clients may still go on with them: those that were
 * forgotten lately by their names, and the others by when they began, as everything that began up to a horizon.
 *
 * Invariant: the horizon on the disk is not below that of any session whose row was removed, so that a start, which has
 * no names, takes none of them for a new one.
 */
export class Forgotten {
  readonly #transaction: Transaction;
  readonly #write;
  /** As on the disk. */
  #horizon: number;
  /** What began up to here may be one that is not known by name any more. */
  #floor: number;
  readonly #born = new Map<string, number>();
  /** The names, in a ring, and where the next one goes. */
  readonly #names: string[] = [];
  #next = 0;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#write = db.prepare("UPDATE horizon SET born = ?");
    const { born } = db.prepare("SELECT born FROM horizon").get() as { born: number };
    this.#horizon = this.#floor = born;
  }

  get horizon(): number {
    return this.#horizon;
  }

  /** Whether a session without a row may have been forgotten. */
  has(session: string, born: number): boolean {
    return born <= this.#floor || this.#born.has(session);
  }

  /** The row of this session is removed, in the transaction that is open. */
  add(session: string, born: number) {
    const before = this.#horizon;
    if (born > before) {
      this.#horizon = born;
      this.#write.run(born);
      this.#transaction.onRollback(() => this.#horizon = before);
    }
    // one too many after a rollback does no harm: the row is found first
    const oldest = this.#names[this.#next];
    if (oldest !== undefined) {
      this.#floor = Math.max(this.#floor, this.#born.get(oldest) ?? 0);
      this.#born.delete(oldest);
    }
    this.#names[this.#next] = session;
    this.#next = (this.#next + 1) % NAMED;
    this.#born.set(session, born);
  }
}
