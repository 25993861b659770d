import type { Context } from "../database/context.ts";
import { allRows, prepareAll } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";
import type { ForumLimits } from "../limits.ts";
import type { ThreadCounts } from "../requests/thread.ts";
import { passedShare } from "../../quota/share.ts";

interface ThreadSums {
  id: number;
  creator: string;
  entries: number;
  bytes: number;
}

type UserCounts = ThreadCounts & { user: string };

/**
 * What each user has in the forum, each up to a share of the limits: the threads that they created, and the entries that
 * they wrote.
 *
 * Invariants:
 * - What the creator of a thread wrote in it is what the rows of `thread_owner` leave of its sums.
 * - Memory has, for each user, the sums over all threads.
 */
export class ThreadOwners {
  readonly #transaction: Transaction;
  readonly #limits: ForumLimits;
  readonly #counts = new Map<string, ThreadCounts>();
  readonly #sql;

  constructor({ db, transaction }: Context, limits: ForumLimits) {
    this.#transaction = transaction;
    this.#limits = limits;
    this.#sql = prepareAll(db, {
      change: `
        INSERT INTO thread_owner (thread, user, entries, bytes) VALUES (?, ?, ?, ?)
        ON CONFLICT (thread, user) DO UPDATE
          SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes`,
      of: "SELECT user, 0 AS threads, entries, bytes FROM thread_owner WHERE thread = ?",
      drop: "DELETE FROM thread_owner WHERE thread = ?",
    });
    const counts = db.prepare(`
      SELECT creator AS user, count(*) AS threads, sum(entries) AS entries, sum(bytes) AS bytes
        FROM thread GROUP BY creator
      UNION ALL
      SELECT user, 0, sum(entries), sum(bytes) FROM thread_owner GROUP BY user
      UNION ALL
      SELECT creator, 0, -sum(other.entries), -sum(other.bytes)
        FROM thread_owner AS other JOIN thread ON thread.id = other.thread GROUP BY creator`);
    for (const row of counts.iterate() as Iterable<UserCounts>) this.#add(row.user, row, 1);
  }

  /** The share that more entries and bytes of text would pass. */
  reachedBy(user: string, entries: number, bytes: number): string | undefined {
    const counts = this.#counts.get(user);
    return (entries > 0
      ? passedShare(user, this.#limits, "entries", (counts?.entries ?? 0) + entries)
      : undefined) ?? passedShare(user, this.#limits, "bytes", (counts?.bytes ?? 0) + bytes);
  }

  /** The share that one more thread would pass. */
  reachedByThread(user: string): string | undefined {
    return passedShare(user, this.#limits, "threads", (this.#counts.get(user)?.threads ?? 0) + 1);
  }

  /** The user has created a thread. */
  create(user: string) {
    this.#change(user, { threads: 1, entries: 0, bytes: 0 });
  }

  /** The user has more entries and bytes of text in this thread. */
  change({ id, creator }: ThreadSums, user: string, entries: number, bytes: number) {
    if (user !== creator) this.#sql.change.run(id, user, entries, bytes);
    this.#change(user, { threads: 0, entries, bytes });
  }

  /** The thread is removed. */
  remove({ id, creator, entries, bytes }: ThreadSums) {
    const ofCreator = { threads: 1, entries, bytes };
    for (const row of allRows<UserCounts>(this.#sql.of, id)) {
      this.#change(row.user, row, -1);
      ofCreator.entries -= row.entries;
      ofCreator.bytes -= row.bytes;
    }
    this.#sql.drop.run(id);
    this.#change(creator, ofCreator, -1);
  }

  #change(user: string, counts: ThreadCounts, direction = 1) {
    this.#transaction.count((sign) => this.#add(user, counts, sign * direction));
  }

  #add(user: string, { threads, entries, bytes }: ThreadCounts, sign: number) {
    const counts = this.#counts.get(user) ?? { threads: 0, entries: 0, bytes: 0 };
    counts.threads += sign * threads;
    counts.entries += sign * entries;
    counts.bytes += sign * bytes;
    if (counts.threads === 0 && counts.entries === 0) this.#counts.delete(user);
    else this.#counts.set(user, counts);
  }
}
