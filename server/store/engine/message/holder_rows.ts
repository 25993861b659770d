import type { DatabaseSync } from "node:sqlite";
import type { Holder, Holders } from "../holders.ts";
import type { Mailbox } from "./mailboxes.ts";
import { StoreLost } from "../../errors.ts";
import type { Transaction } from "../../database/transaction.ts";

/** What one holder has of a mailbox. */
export interface Held {
  holder: Holder;
  messages: number;
  bytes: number;
}

/**
 * The rows of holders, and of what they hold in mailboxes that others made. What the maker of a mailbox holds is the
 * rest of it: so a mailbox that one alone fills, as most are, has no such row.
 */
export class HolderRows {
  readonly #transaction: Transaction;
  readonly #holders: Holders;
  readonly #sql;

  constructor(db: DatabaseSync, transaction: Transaction, holders: Holders) {
    this.#transaction = transaction;
    this.#holders = holders;
    const sql = (text: string) => db.prepare(text);
    this.#sql = {
      addHolder: sql("INSERT INTO holder (name) VALUES (?)"),
      dropHolder: sql("DELETE FROM holder WHERE id = ?"),
      holders: sql("SELECT id, name FROM holder"),
      charge: sql(`
        INSERT INTO mailbox_holder (mailbox, holder, messages, bytes) VALUES (?, ?, ?, ?)
        ON CONFLICT (mailbox, holder) DO UPDATE
          SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes`),
      held: sql("SELECT holder, messages, bytes FROM mailbox_holder WHERE mailbox = ?"),
      drop: sql("DELETE FROM mailbox_holder WHERE mailbox = ?"),
    };
    for (const { id, name } of this.#sql.holders.iterate() as Iterable<{ id: number; name: string }>) {
      holders.load(id, name);
    }
  }

  /**
   * The one of this number.
   *
   * @throws {StoreLost} There is none.
   */
  get(id: number): Holder {
    const holder = this.#holders.get(id);
    if (holder === undefined) throw new StoreLost(`Holder ${id} of a message is missing`);
    return holder;
  }

  /** The holder's number in the database, which it is given if need be. */
  idOf(holder: Holder): number {
    if (holder.id === 0 && holder !== this.#holders.nobody) {
      this.#transaction.begin();
      this.#holders.setId(holder, Number(this.#sql.addHolder.run(holder.name).lastInsertRowid));
    }
    return holder.id;
  }

  /** Brings the rows of a mailbox up to date. It has a row itself, unless it never held a message of others. */
  store(mailbox: Mailbox) {
    const { id, others, messages } = mailbox;
    if (messages === 0) {
      mailbox.others = undefined;
      return this.drop(mailbox);
    }
    if (others === undefined) return;
    for (const [holder, { messages, bytes }] of others) {
      if (messages === 0 && bytes === 0) continue;
      this.#transaction.begin();
      this.#sql.charge.run(id, this.idOf(holder), messages, bytes);
      mailbox.hasOtherRows = true;
    }
    mailbox.others = undefined;
  }

  /** What others hold of a mailbox whose rows are up to date. */
  of({ id, hasOtherRows }: Mailbox): Held[] {
    if (!hasOtherRows) return [];
    const rows = this.#sql.held.all(id) as { holder: number; messages: number; bytes: number }[];
    return rows.filter(({ messages }) => messages > 0)
      .map(({ holder, ...held }) => ({ holder: this.get(holder), ...held }));
  }

  /** Removes the rows of a mailbox. */
  drop(mailbox: Mailbox) {
    if (!mailbox.hasOtherRows) return;
    this.#transaction.begin();
    this.#sql.drop.run(mailbox.id);
    mailbox.hasOtherRows = false;
  }

  /** Removes the rows of those that hold nothing. */
  forget(holders: readonly Holder[]) {
    for (const { id } of holders) {
      this.#transaction.begin();
      this.#sql.dropHolder.run(id);
    }
  }
}

/** What others than its maker hold of each mailbox, by its number: read at the start. */
export function readHeld(
  db: DatabaseSync,
  holders: Holders,
): Map<number, { messages: number; bytes: number }> {
  const ofMailbox = new Map<number, { messages: number; bytes: number }>();
  const rows = db.prepare("SELECT mailbox, holder, messages, bytes FROM mailbox_holder WHERE messages > 0");
  for (
    const { mailbox, holder, messages, bytes } of rows.iterate() as Iterable<
      Record<"mailbox" | "holder" | "messages" | "bytes", number>
    >
  ) {
    const held = ofMailbox.get(mailbox) ?? { messages: 0, bytes: 0 };
    ofMailbox.set(mailbox, { messages: held.messages + messages, bytes: held.bytes + bytes });
    const found = holders.get(holder);
    if (found !== undefined) holders.change(found, 0, messages, bytes);
  }
  return ofMailbox;
}
