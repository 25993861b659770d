import type { AccountNetworks } from "../account/networks.ts";
import type { Context } from "../../database/context.ts";
import { allRows, prepareAll } from "../../database/statements.ts";
import type { ForumLimits } from "../../limits.ts";
import type { ThreadCounts } from "../../requests/thread.ts";
import { greatestOf, ownerLimit, passedShare } from "../../../quota/share.ts";

interface ThreadSums {
  id: number;
  creator: string;
  entries: number;
  bytes: number;
}

type UserCounts = ThreadCounts & { user: string };

/**
 * What each user has in the forum: the threads that they created, and the entries that they wrote. A user has a share of
 * the limits, or those together whose accounts were made at one network (mailbox.md 5.2).
 *
 * Invariants:
 * - What the creator of a thread wrote in it is what the rows of `thread_owner` leave of its sums.
 * - Memory has, for each user, the sums over all threads, and for each network those over its users.
 */
export class ThreadOwners {
  readonly #limits: ForumLimits;
  readonly #networks: AccountNetworks;
  readonly #counts = new Map<string, ThreadCounts>();
  /** By the owner that users of one network are together. */
  readonly #together = new Map<string, ThreadCounts>();
  readonly #sql;

  constructor({ db }: Context, limits: ForumLimits, networks: AccountNetworks) {
    this.#limits = limits;
    this.#networks = networks;
    networks.onMoved((user, before, after) => {
      const counts = this.#counts.get(user);
      if (counts === undefined) return;
      if (before !== user) add(this.#together, before, counts, -1);
      if (after !== user) add(this.#together, after, counts, 1);
    });
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
    for (const row of allRows<UserCounts>(counts)) this.change(row.user, row);
  }

  /** The most that one owner has. */
  get fullest(): ThreadCounts {
    const alone = this.#counts.entries().filter(([user]) => this.#networks.ownerOf(user) === user);
    return greatestOf(COUNTED, [...alone.map(([, counts]) => counts), ...this.#together.values()]);
  }

  /** The share that so much more would pass. */
  reachedBy(user: string, added: ThreadCounts): string | undefined {
    const { share, userBytes, ...limits } = this.#limits, owner = this.#networks.ownerOf(user);
    const counts = (owner === user ? this.#counts : this.#together).get(owner);
    for (const what of COUNTED) {
      if (added[what] <= 0) continue;
      const max = ownerLimit(limits[what], share, what === "bytes" ? userBytes : undefined);
      const passed = passedShare(owner, what, (counts?.[what] ?? 0) + added[what], max);
      if (passed !== undefined) return passed;
    }
    return undefined;
  }

  /** The user has more in this thread. */
  changeIn({ id, creator }: ThreadSums, user: string, added: ThreadCounts) {
    if (user !== creator) this.#sql.change.run(id, user, added.entries, added.bytes);
    this.change(user, added);
  }

  /** The thread is removed. */
  remove({ id, creator, entries, bytes }: ThreadSums) {
    const ofCreator = { threads: 1, entries, bytes };
    for (const row of allRows<UserCounts>(this.#sql.of, id)) {
      this.change(row.user, row, -1);
      ofCreator.entries -= row.entries;
      ofCreator.bytes -= row.bytes;
    }
    this.#sql.drop.run(id);
    this.change(creator, ofCreator, -1);
  }

  /** The user has more; with the sign -1, less. */
  change(user: string, added: ThreadCounts, sign: 1 | -1 = 1) {
    const owner = this.#networks.ownerOf(user);
    add(this.#counts, user, added, sign);
    if (owner !== user) add(this.#together, owner, added, sign);
  }
}

function add(all: Map<string, ThreadCounts>, owner: string, added: ThreadCounts, sign: 1 | -1) {
  const counts = all.get(owner) ?? { threads: 0, entries: 0, bytes: 0 };
  addCounts(counts, added, sign);
  if (counts.threads === 0 && counts.entries === 0) all.delete(owner);
  else all.set(owner, counts);
}

/** What is counted and limited, in the order in which the limits are checked. */
export const COUNTED = ["threads", "entries", "bytes"] as const;

export function addCounts(counts: ThreadCounts, added: ThreadCounts, sign: number) {
  for (const what of COUNTED) counts[what] += sign * added[what];
}
