import type { DatabaseSync } from "node:sqlite";
import { describeShare, shareOf } from "../../quota/share.ts";
import type { ForumLimits } from "../limits.ts";
import type { ThreadCounts } from "../requests/thread.ts";
import type { Transaction } from "../database/transaction.ts";

/** What the counts of a thread are needed of. */
interface Counted {
  id: number;
  creator: string;
  entries: number;
  bytes: number;
}

/**
 * What each user holds of the forum: threads that he created, and entries that he wrote, of which he has a share.
 *
 * Invariants:
 * - What the creator of a thread holds of it is what the rows of `thread_holder` leave of its sums.
 * - Memory has, for each user, the sums over the threads.
 */
export class ThreadHolders {
  readonly #transaction: Transaction;
  readonly #limits: ForumLimits;
  readonly #held = new Map<string, ThreadCounts>();
  readonly #sql;

  constructor(db: DatabaseSync, transaction: Transaction, limits: ForumLimits) {
    this.#transaction = transaction;
    this.#limits = limits;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      change: sql(`
        INSERT INTO thread_holder (thread, user, entries, bytes) VALUES (?, ?, ?, ?)
        ON CONFLICT (thread, user) DO UPDATE
          SET entries = entries + excluded.entries, bytes = bytes + excluded.bytes`),
      of: sql("SELECT user, entries, bytes FROM thread_holder WHERE thread = ?"),
      drop: sql("DELETE FROM thread_holder WHERE thread = ?"),
    };
    const created = sql(`
      SELECT creator AS user, count(*) AS threads, sum(entries) AS entries, sum(bytes) AS bytes
      FROM thread GROUP BY creator`);
    // what others have of a thread is not its creator's
    const written = sql(`
      SELECT user, 0 AS threads, sum(entries) AS entries, sum(bytes) AS bytes FROM thread_holder GROUP BY user`);
    const taken = sql(`
      SELECT creator AS user, 0 AS threads, -sum(held.entries) AS entries, -sum(held.bytes) AS bytes
      FROM thread_holder AS held JOIN thread ON thread.id = held.thread GROUP BY creator`);
    for (const rows of [created, written, taken]) {
      for (const row of rows.iterate() as Iterable<ThreadCounts & { user: string }>) this.#add(row.user, row);
    }
  }

  /** The share that so many more entries, and bytes of text, would pass. */
  reachedBy(user: string, entries: number, bytes: number): string | undefined {
    const { share, ...limits } = this.#limits, held = this.#held.get(user);
    const mostEntries = shareOf(limits.entries, share), mostBytes = shareOf(limits.bytes, share);
    if (entries > 0 && (held?.entries ?? 0) + entries > mostEntries) {
      return describeShare(mostEntries, "entries", user);
    }
    return (held?.bytes ?? 0) + bytes > mostBytes ? describeShare(mostBytes, "bytes", user) : undefined;
  }

  /** The share that one more thread would pass. */
  reachedByThread(user: string): string | undefined {
    const most = shareOf(this.#limits.threads, this.#limits.share);
    return (this.#held.get(user)?.threads ?? 0) >= most ? describeShare(most, "threads", user) : undefined;
  }

  /** The user has created a thread. */
  create(user: string) {
    this.#count(user, { threads: 1, entries: 0, bytes: 0 });
  }

  /** The user has so many entries and bytes of text more in this thread. */
  change({ id, creator }: Counted, user: string, entries: number, bytes: number) {
    if (user !== creator) this.#sql.change.run(id, user, entries, bytes);
    this.#count(user, { threads: 0, entries, bytes });
  }

  /** Nobody has anything in this thread any more. */
  remove({ id, creator, entries, bytes }: Counted) {
    let entriesLeft = entries, bytesLeft = bytes;
    for (const row of this.#sql.of.all(id) as unknown as (ThreadCounts & { user: string })[]) {
      this.#count(row.user, { threads: 0, entries: -row.entries, bytes: -row.bytes });
      entriesLeft -= row.entries;
      bytesLeft -= row.bytes;
    }
    this.#sql.drop.run(id);
    this.#count(creator, { threads: -1, entries: -entriesLeft, bytes: -bytesLeft });
  }

  #count(user: string, more: ThreadCounts) {
    this.#add(user, more);
    const { threads, entries, bytes } = more;
    const less = { threads: -threads, entries: -entries, bytes: -bytes };
    this.#transaction.onRollback(() => this.#add(user, less));
  }

  #add(user: string, { threads, entries, bytes }: ThreadCounts) {
    const before = this.#held.get(user) ?? { threads: 0, entries: 0, bytes: 0 };
    const held = {
      threads: before.threads + threads,
      entries: before.entries + entries,
      bytes: before.bytes + bytes,
    };
    if (held.threads === 0 && held.entries === 0) this.#held.delete(user);
    else this.#held.set(user, held);
  }
}
