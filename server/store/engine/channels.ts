import { checksumOf } from "../database/checksum.ts";
import type { Context } from "../database/context.ts";
import { allRows, firstRow, prepareAll } from "../database/statements.ts";
import type { Transaction } from "../database/transaction.ts";
import type { ChannelChange, ChannelMessage, StoredChannel } from "../requests/channel.ts";
import { type CheckedRow, isWholeRow } from "./whole_row.ts";

type ChannelRow = CheckedRow<Omit<StoredChannel, "messages"> & { id: number }>;

/** `channel` is the number of its channel. */
type SaidRow = CheckedRow<ChannelMessage & { channel: number; seq: number }>;

/** The channels' rows, and those of their messages. Memory knows nothing of them. */
export class Channels {
  readonly #context: Context;
  readonly #transaction: Transaction;
  readonly #sql;

  constructor(context: Context) {
    const { db, transaction } = this.#context = context;
    this.#transaction = transaction;
    this.#sql = prepareAll(db, {
      set: `INSERT INTO channel (name, owner, place, history, first, checksum) VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE
          SET owner = excluded.owner, place = excluded.place, history = excluded.history, first = excluded.first,
            checksum = excluded.checksum
        RETURNING id`,
      // the same change may come again, with the same numbers
      add:
        "INSERT OR REPLACE INTO said (channel, seq, time, sender, text, checksum) VALUES (?, ?, ?, ?, ?, ?)",
      drop: "DELETE FROM said WHERE channel = ? AND seq < ?",
      find: "SELECT id FROM channel WHERE name = ?",
      remove: "DELETE FROM channel WHERE id = ?",
      list:
        "SELECT id, name, owner, place, history, first, checksum FROM channel ORDER BY place = 0, place, id",
      messages:
        `SELECT channel, seq, sender, time, text, checksum, length(CAST(sender AS BLOB)) + length(CAST(text AS BLOB)) AS bytes
        FROM said WHERE channel = ? AND seq >= ? ORDER BY seq`,
      complete: "SELECT complete FROM channels_complete",
      setComplete: "UPDATE channels_complete SET complete = ?",
    });
  }

  change({ name, owner, place, history, first, from, messages }: ChannelChange): "kept" {
    this.#transaction.begin();
    const values = [name, owner, place, history, first] as const;
    const { id } = firstRow<{ id: number }>(this.#sql.set, ...values, checksumOf(...values))!;
    this.#sql.drop.run(id, first);
    messages.forEach(({ time, sender, text }, i) => {
      const values = [id, from + i, time, sender, text] as const;
      this.#sql.add.run(...values, checksumOf(...values));
    });
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
    return allRows<ChannelRow>(this.#sql.list)
      .filter((row) => isWholeRow(this.#context, "channel", row.name, row))
      .map((row) => this.#stored(row));
  }

  /** Without messages up to one that is damaged: those of a channel have consecutive numbers. */
  #stored({ id, name, owner, place, history, first }: ChannelRow): StoredChannel {
    const rows = allRows<SaidRow>(this.#sql.messages, id, first);
    const bad = rows.findLastIndex((row) => !isWholeRow(this.#context, "said", `${name} ${row.seq}`, row));
    const messages = rows.slice(bad + 1)
      .map(({ sender, time, text, bytes }): ChannelMessage => ({ sender, time, text, bytes }));
    return { name, owner, place, history, first: first + bad + 1, messages };
  }

  /** Notes whether the store has all that was said, and returns what was noted before. */
  setComplete(complete: boolean): boolean {
    const before = firstRow<{ complete: number }>(this.#sql.complete)!.complete === 1;
    if (before !== complete) this.#transaction.run(this.#sql.setComplete, complete ? 1 : 0);
    return before;
  }
}
