/**
 * The accounts and networks that own what mailboxes hold: how much each has, so that one that stores without end uses up
 * its share and leaves room for others.
 *
 * An owner is named as in `Put.owner`: an account by its name, a network in brackets, which no account's name has.
 *
 * Invariants, between batches:
 * - A mailbox counts for the owner of the first of the messages that it holds.
 * - `messages` and `bytes` of an owner are the sums over its messages that are there, delayed ones too.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import { allRows, prepareAll } from "../../database/statements.ts";
import { StoreLost } from "../../errors.ts";
import type { Counts } from "../../requests/message.ts";
import { describeShare, ownerLimit } from "../../../quota/share.ts";

export class Owner {
  /** Its number in the database; 0: it has no row. */
  id = 0;
  mailboxes = 0;
  messages = 0;
  bytes = 0;
  /** Messages refused since its share was used up; undefined while some is left. */
  refused: number | undefined;
  /** The transaction that touched it last. */
  touchedIn = -1;

  constructor(readonly name: string) {}

  get isEmpty(): boolean {
    return this.messages === 0 && this.mailboxes === 0;
  }
}

/**
 * Owners that are counted by themselves, so that invented addresses cost no memory: all others together are one more
 * (mailbox.md 5.6).
 */
const MAX_OWNERS = 100_000, OTHER_ADDRESSES = "[other addresses]";

/** Owners of nothing that are remembered, so that one that puts and takes in turn costs no insert and delete. */
const EMPTY_KEPT = 1024;

/** A share has room again when no more than this part of it is used, so that the log isn't flooded at its edge. */
export const ROOM = 0.9;

/** Invariant: owners of nothing are in `#empty`. */
export class Owners {
  /** Owns what is limited by no share: what the administrator puts, and what is older than shares. */
  readonly none = new Owner("");
  /** What one owner may have. */
  readonly most: Readonly<Counts>;
  readonly #context: Context;
  readonly #sql;
  readonly #byName = new Map<string, Owner>();
  readonly #byId = new Map<number, Owner>([[0, this.none]]);
  /** The one that has been empty longest comes first. */
  readonly #empty = new Set<Owner>();
  /** Those that this batch has changed. */
  #touched: Owner[] = [];

  constructor(context: Context) {
    this.#context = context;
    const { db, limits: { share, messages, bytes, mailboxes, ownerBytes, ownerMailboxes } } = context;
    this.most = {
      messages: ownerLimit(messages, share),
      bytes: ownerLimit(bytes, share, ownerBytes),
      mailboxes: ownerLimit(mailboxes, share, ownerMailboxes),
    };
    this.#sql = prepareAll(db, {
      add: "INSERT INTO owner (name) VALUES (?)",
      drop: "DELETE FROM owner WHERE id = ?",
    });
    for (
      const { id, name } of allRows<{ id: number; name: string }>(db.prepare("SELECT id, name FROM owner"))
    ) {
      const owner = this.obtain(name);
      owner.id = id;
      this.#byId.set(id, owner);
    }
  }

  /** @throws {StoreLost} There is no owner with this number. */
  get(id: number): Owner {
    const owner = this.#byId.get(id);
    if (owner === undefined) throw new StoreLost(`Owner ${id} of a message is missing`);
    return owner;
  }

  /** The owner of this name, made if need be. */
  obtain(name: string | undefined): Owner {
    if (name === undefined) return this.none;
    let owner = this.#byName.get(name);
    if (owner === undefined) {
      if (this.#byName.size >= MAX_OWNERS && name !== OTHER_ADDRESSES) return this.obtain(OTHER_ADDRESSES);
      owner = new Owner(name);
      this.#byName.set(name, owner);
      this.#empty.add(owner);
    }
    return owner;
  }

  /** The owner's number in the database. It gets a row if it has none. */
  idOf(owner: Owner): number {
    if (owner.id === 0 && owner !== this.none) {
      const { transaction } = this.#context;
      const id = owner.id = Number(transaction.run(this.#sql.add, owner.name).lastInsertRowid);
      this.#byId.set(id, owner);
      transaction.onRollback(() => {
        owner.id = 0;
        this.#byId.delete(id);
      });
    }
    return owner.id;
  }

  /** Adds to what it has. */
  change(owner: Owner, mailboxes: number, messages: number, bytes: number) {
    if (owner === this.none) return;
    this.#touch(owner);
    this.load(owner, mailboxes, messages, bytes);
  }

  /** The same for what is there at the start. */
  load(owner: Owner, mailboxes: number, messages: number, bytes: number) {
    if (owner === this.none) return;
    const wasEmpty = owner.isEmpty;
    owner.mailboxes += mailboxes;
    owner.messages += messages;
    owner.bytes += bytes;
    if (owner.isEmpty) this.#empty.add(owner);
    else if (wasEmpty) this.#empty.delete(owner);
  }

  #touch(owner: Owner) {
    const { transaction } = this.#context;
    if (owner.touchedIn === transaction.number) return;
    owner.touchedIn = transaction.number;
    this.#touched.push(owner);
    transaction.onRollback(this.#restorerOf(owner));
  }

  /** Apart from `#touch`, as in `Mailboxes`. */
  #restorerOf(owner: Owner): () => void {
    const { mailboxes, messages, bytes } = owner;
    return () => {
      this.#touched = [];
      Object.assign(owner, { mailboxes, messages, bytes });
      if (owner.isEmpty) this.#empty.add(owner);
      else this.#empty.delete(owner);
    };
  }

  /**
   * The share that one more message of `bytes` bytes would pass.
   *
   * @param isNew Whether it would be one more mailbox that holds messages.
   * @param fewer Messages that this owner would have fewer.
   */
  reachedBy(owner: Owner, bytes: number, isNew: boolean, fewer: number): string | undefined {
    if (owner === this.none) return undefined;
    const most = this.most;
    if (owner.messages - fewer >= most.messages) {
      return describeShare(most.messages, "messages", owner.name);
    }
    if (owner.bytes + bytes > most.bytes) return describeShare(most.bytes, "bytes", owner.name);
    if (!isNew || owner.mailboxes < most.mailboxes) return undefined;
    return describeShare(most.mailboxes, "mailboxes", owner.name);
  }

  /** The most that one of them has. */
  get fullest(): Counts {
    const fullest = { messages: 0, bytes: 0, mailboxes: 0 };
    for (const { messages, bytes, mailboxes } of this.#byName.values()) {
      fullest.messages = Math.max(fullest.messages, messages);
      fullest.bytes = Math.max(fullest.bytes, bytes);
      fullest.mailboxes = Math.max(fullest.mailboxes, mailboxes);
    }
    return fullest;
  }

  #hasRoom({ mailboxes, messages, bytes }: Owner): boolean {
    const { most } = this;
    return messages <= most.messages * ROOM && bytes <= most.bytes * ROOM &&
      mailboxes <= most.mailboxes * ROOM;
  }

  /** Forgets those that have been empty longest, if there are many, with their rows. */
  forgetEmpty() {
    const { transaction } = this.#context;
    for (const owner of this.#empty) {
      if (this.#empty.size <= EMPTY_KEPT) break;
      const { id, name } = owner;
      this.#empty.delete(owner);
      this.#byName.delete(name);
      if (id !== 0) {
        this.#byId.delete(id);
        transaction.run(this.#sql.drop, id);
      }
      transaction.onRollback(() => {
        this.#byName.set(name, owner);
        this.#empty.add(owner);
        if (id !== 0) this.#byId.set(id, owner);
      });
    }
  }

  /** To be called after a batch is committed. Reports owners that have some of their share left again. */
  commit() {
    for (const owner of this.#touched) {
      const { name, refused } = owner;
      if (refused === undefined || !this.#hasRoom(owner)) continue;
      this.#context.onEvent({ kind: "room", owner: name, refused });
      owner.refused = undefined;
    }
    if (this.#touched.length > 0) this.#touched = [];
  }
}
