import type { StatementSync } from "node:sqlite";
import type { Context } from "../../database/context.ts";
import { firstRow, prepareAll } from "../../database/statements.ts";
import type { Transaction } from "../../database/transaction.ts";

/** IDs per block of the lower level, and blocks of the lower level per block of the upper one. */
const FANOUT = 64;

/** IDs per block, by level: the lower one first. */
const SPANS = [FANOUT, FANOUT ** 2] as const;

/**
 * Which message of a thread is the nth. Positions are not stored, since each deletion would move all that follow. Stored
 * is how many messages there are in each block of IDs, on two levels: 64 IDs, and 64 blocks of these. So a message is
 * found by going over the blocks of the upper level, then over at most 64 of the lower, then over at most 64 IDs.
 *
 * Invariant: the row of a level and a block in `rank` has the number of messages of the thread whose IDs, divided by the
 * level's span, give the block. A block with none has no row.
 */
export class ThreadPositions {
  readonly #transaction: Transaction;
  readonly #sql;

  constructor({ db, transaction }: Context) {
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      add: `INSERT INTO rank (thread, level, block, count) VALUES (?, ?, ?, 1)
        ON CONFLICT DO UPDATE SET count = count + 1`,
      subtract:
        "UPDATE rank SET count = count - 1 WHERE thread = ? AND level = ? AND block = ? RETURNING count",
      drop: "DELETE FROM rank WHERE thread = ? AND level = ? AND block = ?",
      block: `SELECT block, upto - count AS before FROM (
          SELECT block, count, sum(count) OVER (ORDER BY block) AS upto FROM rank
          WHERE thread = ? AND level = ? AND block BETWEEN ? AND ?
        ) WHERE upto >= ? LIMIT 1`,
      nth:
        "SELECT id FROM entry WHERE thread = ? AND id BETWEEN ? AND ? AND NOT file ORDER BY id LIMIT 1 OFFSET ?",
      blocks: `SELECT coalesce(sum(count), 0) AS count FROM rank
        WHERE thread = ? AND level = ? AND block >= ? AND block < ?`,
      entries: "SELECT count(*) AS count FROM entry WHERE thread = ? AND id >= ? AND id <= ? AND NOT file",
    });
  }

  /** A message was added. */
  add(thread: number, id: number) {
    for (const [level, span] of SPANS.entries()) {
      this.#transaction.run(this.#sql.add, thread, level, Math.floor(id / span));
    }
  }

  /** A message was removed. */
  remove(thread: number, id: number) {
    this.#transaction.begin();
    for (const [level, span] of SPANS.entries()) {
      const block = Math.floor(id / span);
      const { count } = firstRow<{ count: number }>(this.#sql.subtract, thread, level, block)!;
      if (count === 0) this.#sql.drop.run(thread, level, block);
    }
  }

  /** The ID of the message at this position, from 1; undefined if there are fewer messages. */
  find(thread: number, position: number): number | undefined {
    if (position < 1) return undefined;
    let left = position, first = 0, last = Number.MAX_SAFE_INTEGER;
    for (const level of [1, 0]) {
      const span = SPANS[level]!, from = Math.floor(first / span), to = Math.floor(last / span);
      const row = firstRow<{ block: number; before: number }>(this.#sql.block, thread, level, from, to, left);
      if (row === undefined) return undefined;
      left -= row.before;
      first = row.block * span;
      last = first + span - 1;
    }
    return firstRow<{ id: number }>(this.#sql.nth, thread, first, last, left - 1)?.id;
  }

  /** How many messages have an ID up to this one. */
  upTo(thread: number, id: number): number {
    const [lower, upper] = SPANS, upperBlock = Math.floor(id / upper), block = Math.floor(id / lower);
    const count = (statement: StatementSync, ...values: number[]) =>
      firstRow<{ count: number }>(statement, thread, ...values)!.count;
    const { blocks, entries } = this.#sql;
    return count(blocks, 1, 0, upperBlock) + count(blocks, 0, upperBlock * FANOUT, block) +
      count(entries, block * lower, id);
  }
}
