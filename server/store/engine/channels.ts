import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ChannelChange, ChannelMessage, StoredChannel } from "../requests/channel.ts";
import type { Transaction } from "../database/transaction.ts";

interface ChannelRow {
  id: number;
  name: string;
  holder: string;
  place: number;
  first: number;
}

interface SaidRow {
  channel: number;
  time: number;
  sender: string;
  text: string;
  bytes: number;
}

/** The channels' rows, and those of what was said in them. Memory knows nothing of them. */
export class Channels {
  /** Whether something was inserted since this was set to false. */
  inserted = false;
  readonly #transaction: Transaction;
  readonly #keep: StatementSync;
  readonly #say: StatementSync;
  readonly #forget: StatementSync;
  readonly #find: StatementSync;
  readonly #remove: StatementSync;
  readonly #list: StatementSync;
  readonly #said: StatementSync;

  constructor(db: DatabaseSync, transaction: Transaction) {
    this.#transaction = transaction;
    this.#keep = db.prepare(`
      INSERT INTO channel (name, holder, place, first) VALUES (?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, place = excluded.place, first = excluded.first
      RETURNING id`);
    // the number is that of the first time: the same change again is the same
    this.#say = db.prepare(
      "INSERT OR REPLACE INTO said (channel, seq, time, sender, body) VALUES (?, ?, ?, ?, ?)",
    );
    this.#forget = db.prepare("DELETE FROM said WHERE channel = ? AND seq < ?");
    this.#find = db.prepare("SELECT id FROM channel WHERE name = ?");
    this.#remove = db.prepare("DELETE FROM channel WHERE id = ?");
    this.#list = db.prepare(
      "SELECT id, name, holder, place, first FROM channel ORDER BY place = 0, place, id",
    );
    this.#said = db.prepare(`
      SELECT said.channel, time, sender, body AS text,
        length(CAST(sender AS BLOB)) + length(CAST(body AS BLOB)) AS bytes
      FROM said JOIN channel ON channel.id = said.channel
      WHERE said.seq >= channel.first
      ORDER BY said.channel, said.seq`);
  }

  change({ name, owner, place, first, from, messages, bytes }: ChannelChange) {
    this.#transaction.begin(bytes);
    const { id } = this.#keep.get(name, owner, place, first) as { id: number };
    this.#forget.run(id, first);
    messages.forEach(({ time, sender, text }, i) => this.#say.run(id, from + i, time, sender, text));
    this.inserted ||= messages.length > 0;
  }

  remove(name: string) {
    const row = this.#find.get(name) as { id: number } | undefined;
    if (row === undefined) return;
    this.#transaction.begin();
    this.#forget.run(row.id, Number.MAX_SAFE_INTEGER);
    this.#remove.run(row.id);
  }

  list(): StoredChannel[] {
    const channels = new Map<number, StoredChannel>();
    for (
      const { id, name, holder: owner, place, first } of this.#list.iterate() as IterableIterator<ChannelRow>
    ) {
      channels.set(id, { name, owner, place, first, messages: [] });
    }
    for (const row of this.#said.iterate() as IterableIterator<SaidRow>) {
      const { channel, ...message } = row;
      channels.get(channel)!.messages.push(message satisfies ChannelMessage);
    }
    return [...channels.values()];
  }
}
