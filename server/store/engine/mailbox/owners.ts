/**
 * The accounts and networks that own what mailboxes hold: how much each has, so that one that stores without end uses up
 * its share and leaves room for others.
 *
 * An owner is named as in `Put.owner`: an account by its name, a network in brackets, which no account's name has.
 *
 * Invariants:
 * - A mailbox counts for the owner of the first of the messages that it holds.
 * - `messages` and `bytes` of an owner are the sums over its messages that are there, delayed ones too.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import { allRows } from "../../database/statements.ts";
import { StoreLost } from "../../errors.ts";
import type { StoreLimits } from "../../limits.ts";
import type { Counts } from "../../requests/message.ts";
import { greatestOf, ownerLimit, passedShare } from "../../../quota/share.ts";
import { Named, NameTable } from "./name_table.ts";

export class Owner extends Named {
  /** How often all mailboxes had been cleared when it was counted last: what it has is 0 if they were since. */
  clears = 0;
  mailboxes = 0;
  messages = 0;
  bytes = 0;

  get isEmpty(): boolean {
    return this.messages === 0 && this.mailboxes === 0;
  }
}

/**
 * Owners that are counted by themselves, so that invented addresses cost no memory: all others together are one more
 * (mailbox.md 5.6).
 */
export const MAX_OWNERS = 100_000;
const OTHER_ADDRESSES = "[other addresses]";

/** What was full has room again when no more than this part of its limit is used, so that the log isn't flooded at its edge. */
export const ROOM = 0.9;

export class Owners extends NameTable<Owner> {
  /** Owns what is limited by no share: what the administrator puts, and what is older than shares. */
  readonly none = new Owner("");
  readonly #byId = new Map<number, Owner>();
  #most: Readonly<Counts>;
  /** How often all mailboxes were cleared. */
  #clears = 0;
  /** Owners that held something then, and were not looked at since; and a walk over all. */
  #uncounted = 0;
  #walk: IterableIterator<Owner> | undefined;

  constructor(context: Context) {
    super(context, "owner", "INSERT INTO owner (name) VALUES (?)");
    this.#most = mostOf(context.limits);
    const rows = allRows<{ id: number; name: string }>(context.db.prepare("SELECT id, name FROM owner"));
    for (const { id, name } of rows) {
      const owner = this.insert(new Owner(name));
      owner.id = id;
      this.#byId.set(id, owner);
    }
  }

  /** What one owner may have. */
  get most(): Readonly<Counts> {
    return this.#most;
  }

  /** The limits have changed. */
  configure() {
    this.#most = mostOf(this.context.limits);
  }

  /** @throws {StoreLost} There is no owner with this number. */
  withId(id: number): Owner {
    const owner = id === 0 ? this.none : this.#byId.get(id);
    if (owner === undefined) throw new StoreLost(`Owner ${id} of a message is missing`);
    return this.#counted(owner);
  }

  override get(name: string): Owner | undefined {
    const owner = super.get(name);
    return owner && this.#counted(owner);
  }

  override *all(): Generator<Owner, undefined> {
    for (const owner of super.all()) yield this.#counted(owner);
  }

  protected override get size(): number {
    return super.size - this.#uncounted;
  }

  protected override insert(owner: Owner): Owner {
    owner.clears = this.#clears;
    return super.insert(owner);
  }

  /** None of them has anything any more: takes the same time for any number. */
  clear() {
    this.#uncounted = super.size;
    this.#clears++;
    this.#walk = super.all();
  }

  /** An owner, with what it has now. */
  #counted(owner: Owner): Owner {
    if (owner.clears === this.#clears) return owner;
    owner.clears = this.#clears;
    if (owner === this.none || owner.isEmpty) return owner;
    owner.mailboxes = owner.messages = owner.bytes = 0;
    this.#uncounted--;
    this.changed(owner, false);
    return owner;
  }

  override get forgettable(): number {
    return super.forgettable + Number(this.#walk !== undefined);
  }

  /** Only then those that had something when all was cleared are empty. */
  override forgetEmpty(count: number): number {
    let counted = 0;
    for (; this.#walk !== undefined && counted < count; counted++) {
      const { done, value } = this.#walk.next();
      if (done) this.#walk = undefined;
      else this.#counted(value);
    }
    return counted < count ? counted + super.forgetEmpty(count - counted) : counted;
  }

  /** The owner of this name, made if need be. */
  obtain(name: string | undefined): Owner {
    if (name === undefined) return this.none;
    const owner = this.get(name);
    if (owner !== undefined && !owner.isEmpty) return owner;
    // one that holds nothing is as good as unknown: whether it is remembered still must not decide anything
    if (this.size >= MAX_OWNERS && name !== OTHER_ADDRESSES) return this.obtain(OTHER_ADDRESSES);
    return owner ?? this.insert(new Owner(name));
  }

  override idOf(owner: Owner): number {
    if (owner === this.none || owner.id !== 0) return owner.id;
    const id = super.idOf(owner);
    this.#byId.set(id, owner);
    return id;
  }

  protected override remove(owner: Owner) {
    this.#byId.delete(owner.id);
    super.remove(owner);
  }

  /** Adds to what it has. */
  change(owner: Owner, mailboxes: number, messages: number, bytes: number) {
    if (owner === this.none) return;
    const wasEmpty = owner.isEmpty;
    owner.mailboxes += mailboxes;
    owner.messages += messages;
    owner.bytes += bytes;
    this.changed(owner, wasEmpty);
  }

  /**
   * The share that one more message of `bytes` bytes would pass.
   *
   * @param isNew Whether it would be one more mailbox that holds messages.
   * @param fewer Messages that this owner would have fewer.
   */
  reachedBy(owner: Owner, bytes: number, isNew: boolean, fewer: number): string | undefined {
    if (owner === this.none) return undefined;
    const most = this.most, { name } = owner;
    return passedShare(name, "messages", owner.messages + 1 - fewer, most.messages) ??
      passedShare(name, "bytes", owner.bytes + bytes, most.bytes) ??
      (isNew ? passedShare(name, "mailboxes", owner.mailboxes + 1, most.mailboxes) : undefined);
  }

  /** The most that one of them has. */
  get fullest(): Counts {
    return greatestOf(["messages", "bytes", "mailboxes"], this.all());
  }

  /** How many hold something. */
  get holding(): number {
    return this.size;
  }

  /** Whether an owner has some of its share left. */
  hasRoom({ mailboxes, messages, bytes }: Owner): boolean {
    const { most } = this;
    return messages <= most.messages * ROOM && bytes <= most.bytes * ROOM &&
      mailboxes <= most.mailboxes * ROOM;
  }
}

function mostOf({ share, messages, bytes, mailboxes, ownerBytes, ownerMailboxes }: StoreLimits): Counts {
  return {
    messages: ownerLimit(messages, share),
    bytes: ownerLimit(bytes, share, ownerBytes),
    mailboxes: ownerLimit(mailboxes, share, ownerMailboxes),
  };
}
