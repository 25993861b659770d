/**
 * Who holds what is stored, and how much of what is limited in all: an address or an account that stores without end
 * comes to its share, and leaves the rest to others. It changes with a batch of requests and comes back to the last
 * commit when the batch is rolled back.
 *
 * A holder is named as `Put.holder` is: an account by its name, a network in brackets, which no account's name has.
 *
 * Invariants, between batches:
 * - A mailbox counts for the holder of the first of the messages that it holds.
 * - `messages` and `bytes` of a holder are the sums over the messages, delayed ones too, that it put and that are there.
 *
 * @module
 */

import { describeShare, shareOf } from "../../quota/share.ts";
import type { StoreLimits } from "../limits.ts";

/** What of a holder comes back when a batch is rolled back. */
interface State {
  /** Its number in the database, or 0 where it has no row. */
  id: number;
  mailboxes: number;
  messages: number;
  bytes: number;
}

/** One who holds messages. `Holders.change` comes before every change. */
export class Holder implements State {
  id = 0;
  mailboxes = 0;
  messages = 0;
  bytes = 0;
  /** Refused since its share was used up; undefined while there is some left. */
  refused: number | undefined;
  /** The batch that last touched it. */
  batch = -1;
  #committed: State = { id: 0, mailboxes: 0, messages: 0, bytes: 0 };

  constructor(readonly name: string) {}

  get isEmpty(): boolean {
    return this.messages === 0 && this.mailboxes === 0;
  }

  commit() {
    const { id, mailboxes, messages, bytes } = this;
    this.#committed = { id, mailboxes, messages, bytes };
  }

  rollback() {
    Object.assign(this, this.#committed);
  }
}

/** Holders that are told apart, so that addresses that are made up cost no memory: what others hold is that of one more. */
const MAX_HOLDERS = 100_000, UNLISTED = "[other addresses]";

/** Holders of nothing that are remembered, so that one who puts and takes in turn costs no insert and delete. */
const EMPTY_KEPT = 1024;

/** A share is left again when no more than this part of it is used, so that the log isn't flooded at its edge. */
const ROOM = 0.9;

/** Invariant: those that hold nothing are in `#empty`. */
export class Holders {
  /** Holds what nobody is charged for: what was there before holders were kept, and what the administrator puts. */
  readonly nobody = new Holder("");
  readonly #limits: StoreLimits;
  readonly #byName = new Map<string, Holder>();
  readonly #byId = new Map<number, Holder>([[0, this.nobody]]);
  /** The one that has been empty longest comes first. */
  readonly #empty = new Set<Holder>();

  // of the batch
  #batch = 0;
  #touched: Holder[] = [];
  #forgotten: Holder[] = [];

  constructor(limits: StoreLimits) {
    this.#limits = limits;
  }

  /** Adds one as the database has it, with nothing that it holds yet. */
  load(id: number, name: string) {
    const holder = new Holder(name);
    holder.id = id;
    holder.commit();
    this.#byName.set(name, holder);
    this.#byId.set(id, holder);
    this.#empty.add(holder);
  }

  /** The one of this number; undefined where there is none. */
  get(id: number): Holder | undefined {
    return this.#byId.get(id);
  }

  /** The one of this name, made if need be. */
  obtain(name: string | undefined): Holder {
    if (name === undefined) return this.nobody;
    let holder = this.#byName.get(name);
    if (holder === undefined) {
      if (this.#byName.size >= MAX_HOLDERS && name !== UNLISTED) return this.obtain(UNLISTED);
      holder = new Holder(name);
      this.#byName.set(name, holder);
      this.#empty.add(holder);
    }
    return holder;
  }

  /** Notes the number that the holder has in the database now. */
  setId(holder: Holder, id: number) {
    this.#touch(holder);
    holder.id = id;
    this.#byId.set(id, holder);
  }

  /** Adds to what it holds. */
  change(holder: Holder, mailboxes: number, messages: number, bytes: number) {
    if (holder === this.nobody) return;
    this.#touch(holder);
    if (holder.isEmpty) this.#empty.delete(holder);
    holder.mailboxes += mailboxes;
    holder.messages += messages;
    holder.bytes += bytes;
    if (holder.isEmpty) this.#empty.add(holder);
  }

  #touch(holder: Holder) {
    if (holder.batch === this.#batch) return;
    holder.batch = this.#batch;
    this.#touched.push(holder);
  }

  /**
   * The share that one more message of so many bytes would pass.
   *
   * @param isNew Whether it would be one more mailbox that holds messages.
   * @param fewer Messages that this holder would have fewer.
   */
  reachedBy(holder: Holder, bytes: number, isNew: boolean, fewer: number): string | undefined {
    const { share, messages, bytes: allBytes, mailboxes } = this.#limits;
    if (share >= 100 || holder === this.nobody) return undefined;
    const mostMessages = shareOf(messages, share);
    if (holder.messages - fewer >= mostMessages) return describeShare(mostMessages, "messages", holder.name);
    const mostBytes = shareOf(allBytes, share);
    if (holder.bytes + bytes > mostBytes) return describeShare(mostBytes, "bytes", holder.name);
    const mostMailboxes = shareOf(mailboxes, share);
    if (isNew && holder.mailboxes >= mostMailboxes) {
      return describeShare(mostMailboxes, "mailboxes", holder.name);
    }
    return undefined;
  }

  /** Forgets those that have been empty longest, where there are many. Returns those that have a row. */
  forgetEmpty(): Holder[] {
    const withRow: Holder[] = [];
    for (const holder of this.#empty) {
      if (this.#empty.size <= EMPTY_KEPT) break;
      this.#empty.delete(holder);
      this.#byName.delete(holder.name);
      this.#forgotten.push(holder);
      if (holder.id === 0) continue;
      this.#byId.delete(holder.id);
      withRow.push(holder);
    }
    return withRow;
  }

  /**
   * Comes after the commit of a batch.
   *
   * @param room Is told of each that has some of its share left again, and how many of its messages were refused.
   */
  commit(room: (holder: Holder, refused: number) => void) {
    for (const holder of this.#touched) {
      holder.commit();
      if (holder.refused === undefined || !this.#hasRoom(holder)) continue;
      room(holder, holder.refused);
      holder.refused = undefined;
    }
    this.#nextBatch();
  }

  #hasRoom({ mailboxes, messages, bytes }: Holder): boolean {
    const { share, ...limits } = this.#limits;
    return messages <= shareOf(limits.messages, share) * ROOM &&
      bytes <= shareOf(limits.bytes, share) * ROOM && mailboxes <= shareOf(limits.mailboxes, share) * ROOM;
  }

  rollback() {
    for (const holder of this.#forgotten) {
      this.#byName.set(holder.name, holder);
      this.#empty.add(holder);
    }
    for (const holder of this.#touched) {
      if (holder.id !== 0) this.#byId.delete(holder.id);
      holder.rollback();
      if (holder.isEmpty) this.#empty.add(holder);
      else this.#empty.delete(holder);
    }
    for (const holder of [...this.#forgotten, ...this.#touched]) {
      if (holder.id !== 0) this.#byId.set(holder.id, holder);
    }
    this.#nextBatch();
  }

  #nextBatch() {
    this.#batch++;
    this.#touched = [];
    this.#forgotten = [];
  }
}
