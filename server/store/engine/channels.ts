import type { Context } from "../database/context.ts";
import { allRows, firstRow, prepareAll } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";
import type { ChannelChange, ChannelMessage, StoredChannel } from "../requests/channel.ts";

/** The channels' rows, and those of their messages. Memory knows nothing of them. */
export class Channels {
  readonly #transaction: Transaction;
  readonly #sql;

  constructor({ db, transaction }: Context) {
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      set: `INSERT INTO channel (name, owner, place, history, first) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE
          SET owner = excluded.owner, place = excluded.place, history = excluded.history, first = excluded.first
        RETURNING id`,
      // the same change may come again, with the same numbers
      add: "INSERT OR REPLACE INTO said (channel, seq, time, sender, text) VALUES (?, ?, ?, ?, ?)",
      drop: "DELETE FROM said WHERE channel = ? AND seq < ?",
      find: "SELECT id FROM channel WHERE name = ?",
      remove: "DELETE FROM channel WHERE id = ?",
      list: "SELECT id, name, owner, place, history, first FROM channel ORDER BY place = 0, place, id",
      messages: `SELECT sender, time, text, length(CAST(sender AS BLOB)) + length(CAST(text AS BLOB)) AS bytes
        FROM said WHERE channel = ? AND seq >= ? ORDER BY seq`,
      complete: "SELECT complete FROM channels_complete",
      setComplete: "UPDATE channels_complete SET complete = ?",
    });
  }

  change({ name, owner, place, history, first, from, messages }: ChannelChange): "kept" {
    this.#transaction.begin();
    const { id } = firstRow<{ id: number }>(this.#sql.set, name, owner, place, history, first)!;
    this.#sql.drop.run(id, first);
    messages.forEach(({ time, sender, text }, i) => this.#sql.add.run(id, from + i, time, sender, text));
    return "kept";
  }

  remove(name: string): "kept" {
    const row = firstRow<{ id: number }>(this.#sql.find, name);
    if (row !== undefined) {
      this.#transaction.run(this.#sql.drop, row.id, Number.MAX_SAFE_INTEGER);
      this.#transaction.run(this.#sql.remove, row.id);
    }
    return "kept";
  }

  list(): StoredChannel[] {
    const channels = allRows<Omit<StoredChannel, "messages"> & { id: number }>(this.#sql.list);
    return channels.map(({ id, ...channel }) => {
      const messages = allRows<ChannelMessage>(this.#sql.messages, id, channel.first);
      return { ...channel, messages: messages.map((message) => ({ ...message })) };
    });
  }

  /** Notes whether the store has all that was said, and returns what was noted before. */
  setComplete(complete: boolean): boolean {
    const before = firstRow<{ complete: number }>(this.#sql.complete)!.complete === 1;
    if (before !== complete) this.#transaction.run(this.#sql.setComplete, complete ? 1 : 0);
    return before;
  }
}
