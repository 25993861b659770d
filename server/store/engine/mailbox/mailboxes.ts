/**
 * The mailboxes: how much each holds, in memory and in the rows of `mailbox`, `mailbox_owner` and `cleared`. What the
 * owner of a mailbox has in it is what the rows of other owners leave: a mailbox with one owner, as most are, has none.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../../database/statements.ts";
import type { Counts } from "../../requests/message.ts";
import { reportDamage } from "../whole_row.ts";
import { Mailbox } from "./mailbox.ts";
import { type Owner, Owners } from "./owners.ts";
import { NameTable } from "./name_table.ts";

interface MailboxRow {
  id: number;
  name: string;
  messages: number;
  bytes: number;
  owner: number;
}

/** Rows of mailboxes that are written in one piece, before mailboxes are listed. */
const PIECE_ROWS = 256;

/**
 * Mailboxes whose row and whose entry in the index differ: a name has no checksum, but is stored twice. One of them has
 * changed by itself, and the mailbox may not be found by its name.
 */
const DIFFERING = `SELECT id AS key FROM mailbox AS stored NOT INDEXED WHERE NOT EXISTS (
  SELECT 1 FROM mailbox INDEXED BY sqlite_autoindex_mailbox_1 WHERE name = stored.name AND id = stored.id)`;

/** What one owner has in a mailbox. */
interface OwnerRow {
  mailbox: number;
  owner: number;
  messages: number;
  bytes: number;
}

/**
 * Invariants:
 * - `totals` are the sums over the mailboxes.
 * - A mailbox whose row is not up to date is dirty: {@linkcode Mailboxes.store} writes it.
 */
export class Mailboxes extends NameTable<Mailbox> {
  readonly totals: Counts = { messages: 0, bytes: 0, mailboxes: 0 };
  readonly owners: Owners;
  readonly #sql;
  #dirty: Mailbox[] = [];
  /** Mailboxes that were cleared and may have rows still, those that were cleared together, and a walk over them. */
  readonly #cleared: { byName: Map<string, Mailbox>; walk: IterableIterator<Mailbox> }[] = [];
  /** Whether there are rows of messages of cleared mailboxes. */
  hasCleared: boolean;

  /** @param delayed How many delayed messages a mailbox has. */
  constructor(context: Context, delayed: (mailbox: string) => number) {
    super(context, "mailbox", "INSERT INTO mailbox (name, messages, bytes) VALUES (?, 0, 0)");
    const { db } = context, owners = this.owners = new Owners(context);
    this.#sql = prepareAll(db, {
      set: "UPDATE mailbox SET messages = ?, bytes = ?, owner = ? WHERE id = ?",
      drop: "DELETE FROM mailbox WHERE id = ?",
      list:
        `SELECT name AS mailbox, messages FROM mailbox WHERE messages > 0 AND name > ? ORDER BY name ${LIMIT}`,
      clear: "INSERT INTO cleared (mailbox) VALUES (?)",
      nextCleared: "SELECT mailbox FROM cleared LIMIT 1",
      sweep: `DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE mailbox = ? ${LIMIT})`,
      swept: "DELETE FROM cleared WHERE mailbox = ?",
      changeOther: `
        INSERT INTO mailbox_owner (mailbox, owner, messages, bytes) VALUES (?, ?, ?, ?)
        ON CONFLICT (mailbox, owner) DO UPDATE
          SET messages = messages + excluded.messages, bytes = bytes + excluded.bytes`,
      others: "SELECT * FROM mailbox_owner WHERE mailbox = ? AND messages > 0",
      dropOthers: "DELETE FROM mailbox_owner WHERE mailbox = ?",
    });
    this.hasCleared = firstRow(this.#sql.nextCleared) !== undefined;
    const others = Map.groupBy(
      allRows<OwnerRow>(db.prepare("SELECT * FROM mailbox_owner WHERE messages > 0")),
      ({ mailbox }) => mailbox,
    );
    const rows = allRows<MailboxRow>(db.prepare("SELECT id, name, messages, bytes, owner FROM mailbox"));
    for (const { id, name, messages, bytes, owner: ownerId } of rows) {
      const owner = owners.withId(ownerId), mailbox = new Mailbox(name, owner);
      let otherMessages = 0, otherBytes = 0;
      for (const other of others.get(id) ?? []) {
        owners.change(owners.withId(other.owner), 0, other.messages, other.bytes);
        otherMessages += other.messages;
        otherBytes += other.bytes;
      }
      if (messages > 0) owners.change(owner, 1, messages - otherMessages, bytes - otherBytes);
      Object.assign(mailbox, { id, messages, bytes, stored: messages - delayed(name), otherMessages });
      const asStored = { rowMessages: messages, rowBytes: bytes, rowOwner: ownerId, hasOtherRows: true };
      Object.assign(mailbox, asStored);
      this.insert(mailbox);
      this.#count(mailbox, 1);
    }
    for (const { key } of allRows<{ key: number }>(db.prepare(DIFFERING))) {
      reportDamage(context, "mailbox", key);
    }
  }

  /** The mailbox of this name, made if need be. */
  obtain(name: string): Mailbox {
    return this.get(name) ?? this.insert(new Mailbox(name, this.owners.none));
  }

  /** Adds to what the mailbox holds, or takes from it, and counts it for its owner. */
  change(mailbox: Mailbox, owner: Owner, messages: number, bytes: number) {
    if (messages < 0) {
      // a damaged row may stand in the wrong mailbox, or say that it was longer
      messages = Math.max(messages, -mailbox.messages);
      bytes = mailbox.messages + messages === 0 ? -mailbox.bytes : Math.max(bytes, -mailbox.bytes);
    }
    const { owners } = this;
    const wasEmpty = mailbox.isEmpty;
    if (wasEmpty) {
      mailbox.owner = owner;
      owners.change(owner, 1, 0, 0);
    }
    owners.change(owner, 0, messages, bytes);
    if (owner !== mailbox.owner) {
      mailbox.others ??= new Map();
      const before = mailbox.others.get(owner) ?? { messages: 0, bytes: 0 };
      mailbox.others.set(owner, { messages: before.messages + messages, bytes: before.bytes + bytes });
      mailbox.otherMessages += messages;
    }
    this.#count(mailbox, -1);
    mailbox.messages += messages;
    mailbox.bytes += bytes;
    this.#count(mailbox, 1);
    this.changed(mailbox, wasEmpty);
    if (mailbox.isEmpty) this.#disown(mailbox);
    this.#touch(mailbox);
  }

  #touch(mailbox: Mailbox) {
    if (mailbox.isDirty) return;
    mailbox.isDirty = true;
    this.#dirty.push(mailbox);
  }

  /** A mailbox that is empty counts for no owner. */
  #disown(mailbox: Mailbox) {
    this.owners.change(mailbox.owner, -1, 0, 0);
    mailbox.owner = this.owners.none;
    mailbox.otherMessages = 0;
  }

  #count(mailbox: Mailbox, sign: 1 | -1) {
    if (mailbox.isEmpty) return;
    this.totals.mailboxes += sign;
    this.totals.messages += sign * mailbox.messages;
    this.totals.bytes += sign * mailbox.bytes;
  }

  /** Brings the rows of up to `rows` mailboxes up to date, those that were cleared first. Returns how many they were. */
  flush(rows: number): number {
    let count = 0;
    while (this.#cleared.length > 0 && count < rows) {
      const { byName, walk } = this.#cleared[0]!, { done, value } = walk.next();
      if (done) this.#cleared.shift();
      else this.#drop(value, byName);
      count++;
    }
    const mailboxes = this.#dirty.splice(0, rows - count);
    for (const mailbox of mailboxes) this.store(mailbox);
    return count + mailboxes.length;
  }

  /**
   * Brings a piece of the rows up to date, so that mailboxes can be listed.
   *
   * @param unwritten How many were left by the piece before; by default all that are not up to date now.
   * @returns How many are left.
   */
  writeFor({ unwritten = this.unflushed }: { unwritten?: number }): number {
    const written = this.flush(PIECE_ROWS);
    return written < PIECE_ROWS ? 0 : Math.max(0, unwritten - written);
  }

  /** How much there is to {@linkcode flush}. */
  get unflushed(): number {
    return this.#cleared.reduce((sum, { byName }) => sum + 1 + byName.size, this.#dirty.length);
  }

  /** Removes the row of a mailbox that was cleared. Those of its messages are left to `sweep`. */
  #drop(mailbox: Mailbox, among: Map<string, Mailbox>) {
    among.delete(mailbox.name);
    if (mailbox.id === 0) return;
    const { transaction } = this.context;
    transaction.run(this.#sql.clear, mailbox.id);
    transaction.run(this.#sql.drop, mailbox.id);
    this.#dropOthers(mailbox);
    this.hasCleared = true;
  }

  override idOf(mailbox: Mailbox): number {
    if (mailbox.id !== 0) return mailbox.id;
    // a name has one row
    for (const { byName } of this.#cleared) {
      const before = byName.get(mailbox.name);
      if (before !== undefined) this.#drop(before, byName);
    }
    return super.idOf(mailbox);
  }

  /** Brings the rows of a mailbox up to date. One that is empty and has none gets none. */
  store(mailbox: Mailbox) {
    mailbox.isDirty = false;
    if (mailbox.isCleared || mailbox.isEmpty && mailbox.id === 0) {
      mailbox.others = undefined;
      return;
    }
    const { transaction } = this.context;
    const { messages, bytes, others } = mailbox, owner = this.owners.idOf(mailbox.owner);
    if (messages !== mailbox.rowMessages || bytes !== mailbox.rowBytes || owner !== mailbox.rowOwner) {
      transaction.run(this.#sql.set, messages, bytes, owner, this.idOf(mailbox));
      mailbox.rowMessages = messages;
      mailbox.rowBytes = bytes;
      mailbox.rowOwner = owner;
    }
    mailbox.others = undefined;
    if (messages === 0) return this.#dropOthers(mailbox);
    if (others === undefined) return;
    for (const [owner, { messages, bytes }] of others) {
      if (messages === 0 && bytes === 0) continue;
      transaction.run(this.#sql.changeOther, mailbox.id, this.owners.idOf(owner), messages, bytes);
      mailbox.hasOtherRows = true;
    }
  }

  #dropOthers(mailbox: Mailbox) {
    if (!mailbox.hasOtherRows) return;
    this.context.transaction.run(this.#sql.dropOthers, mailbox.id);
    mailbox.hasOtherRows = false;
  }

  /** Empties a mailbox. Its name is another one's from then on, and its rows are removed piece by piece. */
  clear(mailbox: Mailbox) {
    if (mailbox.isEmpty) return;
    const { owners } = this;
    // what its rows say of others has to be up to date
    if (mailbox.others !== undefined) this.store(mailbox);
    const others = mailbox.hasOtherRows ? allRows<OwnerRow>(this.#sql.others, mailbox.id) : [];
    let { messages, bytes } = mailbox;
    for (const { owner, ...other } of others) {
      this.change(mailbox, owners.withId(owner), -other.messages, -other.bytes);
      messages -= other.messages;
      bytes -= other.bytes;
    }
    this.change(mailbox, mailbox.owner, -messages, -bytes);
    const isEased = this.eased.has(mailbox);
    this.remove(mailbox);
    if (isEased) this.eased.add(mailbox);
    mailbox.isCleared = true;
    if (mailbox.id === 0) return;
    if (this.#cleared.length === 0) this.#addCleared(new Map());
    this.#cleared.at(-1)!.byName.set(mailbox.name, mailbox);
  }

  #addCleared(byName: Map<string, Mailbox>) {
    // one walk: each new one would go over all that was removed from the beginning
    this.#cleared.push({ byName, walk: byName.values() });
  }

  /** Empties all mailboxes: takes the same time for any number. */
  clearAll() {
    this.#addCleared(this.removeAll());
    this.#dirty = [];
    Object.assign(this.totals, { messages: 0, bytes: 0, mailboxes: 0 });
    this.owners.clear();
  }

  /** Removes up to `rows` rows of cleared mailboxes. Returns whether nothing is left. */
  sweep(rows: number): boolean {
    for (let left = rows; left > 0; left--) {
      const next = firstRow<{ mailbox: number }>(this.#sql.nextCleared);
      if (next === undefined) {
        this.hasCleared = false;
        return true;
      }
      this.context.transaction.begin();
      const changes = Number(this.#sql.sweep.run(next.mailbox, left).changes);
      if (changes === left) return false;
      this.#sql.swept.run(next.mailbox);
      left -= changes;
    }
    return false;
  }

  /** Which messages are too long for a take has changed. */
  resetQueues() {
    for (const mailbox of this.all()) for (const queue of mailbox.queues) queue.reset();
  }

  /** Mailboxes that hold messages, by the bytes of their names. */
  list(after: string, limit: number): { mailbox: string; messages: number }[] {
    return allRows(this.#sql.list, after, limit);
  }

  override get forgettable(): number {
    return super.forgettable + this.owners.forgettable;
  }

  /** Only if none is dirty: a row may still have to be taken from what an owner has. */
  override forgetEmpty(count: number): number {
    const forgotten = super.forgetEmpty(count);
    return forgotten < count ? forgotten + this.owners.forgetEmpty(count - forgotten) : forgotten;
  }
}
