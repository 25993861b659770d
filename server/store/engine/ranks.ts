import type { DatabaseSync } from "node:sqlite";
import type { Transaction } from "../database/transaction.ts";

/** How many IDs a block of each level takes; one of the last level takes this power of it. */
const FANOUT = 64;

/** The IDs that a block takes, by level: the finest first. */
const SPANS = [FANOUT, FANOUT ** 2] as const;

/**
 * Which message of a thread is the nth. Ranks are not stored, since each deletion would move all that follow. What is
 * stored is how many messages lie in each block of IDs, on two levels: 64 IDs, and 64 blocks of these. So a rank is found
 * by going over the blocks of the upper level, then over at most 64 of the lower, then over at most 64 IDs.
 *
 * Invariant: the row of a level and a block holds the number of messages of the thread whose IDs, divided by the level's
 * span, give the block. A block with none has no row.
 */
export class Ranks {
  readonly #transaction: Transaction;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#sql = prepare(db);
  }

  /** Counts a message that was added. */
  add(thread: number, id: number) {
    this.#transaction.begin();
    for (const [level, span] of SPANS.entries()) this.#sql.add.run(thread, level, Math.floor(id / span));
  }

  /** Counts a message that was removed. */
  remove(thread: number, id: number) {
    this.#transaction.begin();
    for (const [level, span] of SPANS.entries()) {
      const block = Math.floor(id / span);
      const { count } = this.#sql.subtract.get(thread, level, block) as { count: number };
      if (count === 0) this.#sql.drop.run(thread, level, block);
    }
  }

  /** The ID of the message with this rank, from 1; undefined where there are not so many. */
  find(thread: number, rank: number): number | undefined {
    if (rank < 1) return undefined;
    let left = rank, first = 0, last = Number.MAX_SAFE_INTEGER;
    for (const level of [1, 0]) {
      const span = SPANS[level]!;
      const row = this.#sql.block.get(
        thread,
        level,
        Math.floor(first / span),
        Math.floor(last / span),
        left,
      ) as
        | { block: number; before: number }
        | undefined;
      if (row === undefined) return undefined;
      left -= row.before;
      first = row.block * span;
      last = first + span - 1;
    }
    return (this.#sql.nth.get(thread, first, last, left - 1) as { id: number } | undefined)?.id;
  }

  /** How many messages have an ID up to this one. */
  upTo(thread: number, id: number): number {
    const [fine, coarse] = SPANS;
    const block = Math.floor(id / fine), above = Math.floor(id / coarse);
    const { count } = this.#sql.upTo.get({
      thread,
      id,
      above,
      below: above * (coarse / fine),
      block,
      first: block * fine,
    }) as { count: number };
    return count;
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    add: sql(
      `INSERT INTO rank (thread, level, block, count) VALUES (?, ?, ?, 1)
        ON CONFLICT DO UPDATE SET count = count + 1`,
    ),
    subtract: sql(
      "UPDATE rank SET count = count - 1 WHERE thread = ? AND level = ? AND block = ? RETURNING count",
    ),
    drop: sql("DELETE FROM rank WHERE thread = ? AND level = ? AND block = ?"),
    block: sql(
      `SELECT block, upto - count AS before FROM (
         SELECT block, count, sum(count) OVER (ORDER BY block) AS upto FROM rank
         WHERE thread = ? AND level = ? AND block BETWEEN ? AND ?
       ) WHERE upto >= ? LIMIT 1`,
    ),
    nth: sql(
      "SELECT id FROM entry WHERE thread = ? AND id BETWEEN ? AND ? AND NOT file ORDER BY id LIMIT 1 OFFSET ?",
    ),
    upTo: sql(
      `SELECT
         coalesce((SELECT sum(count) FROM rank WHERE thread = :thread AND level = 1 AND block < :above), 0) +
         coalesce((SELECT sum(count) FROM rank WHERE thread = :thread AND level = 0 AND block >= :below AND block < :block), 0) +
         (SELECT count(*) FROM entry WHERE thread = :thread AND id >= :first AND id <= :id AND NOT file) AS count`,
    ),
  };
}
