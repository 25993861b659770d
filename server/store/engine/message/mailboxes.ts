/**
 * What memory knows of the mailboxes: how much each holds, and whether one more message fits. It changes with a batch
 * of requests and comes back to the last commit when the batch is rolled back.
 *
 * @module
 */

import { type Holder, Holders } from "../holders.ts";
import { shareOf } from "../../../quota/share.ts";
import type { Counts, Put } from "../../requests/message.ts";
import type { Row } from "./message_rows.ts";
import type { StoreEvent } from "../../store.ts";
import type { StoreLimits } from "../../limits.ts";

/** A message that was put in this batch and has no row yet. */
export interface Pending {
  seq: number;
  mailbox: Mailbox;
  /** Who is charged for it. */
  holder: Holder;
  put: Put;
  /** Whether it is too long for a take. */
  isLong: boolean;
  taken: boolean;
}

/** What of a mailbox comes back when a batch is rolled back. */
interface State {
  /** Its number in the database, or 0 where it has no row. */
  id: number;
  messages: number;
  bytes: number;
  /** Messages that have a row in `message`; the others are in `pending`, or delayed. */
  stored: number;
  /** What its row says of `messages` and `bytes`. */
  rowMessages: number;
  rowBytes: number;
  /** Who is charged for the mailbox: whose message came first. What it holds of others is counted apart. */
  holder: Holder;
  /** The number of that one that its row has. */
  rowHolder: number;
  /** Messages of others, and whether there may be rows that count these. */
  otherMessages: number;
  hasOtherRows: boolean;
}

/** The messages of a mailbox that a take may give, or those that are too long for it: which of them nobody has. */
export class Lane {
  /** No message before this can be given out: it is gone, or somebody has it, or it is in {@linkcode returned}. */
  cursor = 0;
  /** Numbers before the cursor of messages that came back, the lowest first; some may be gone since. */
  returned: number[] = [];
  /** Whether there may be some that nobody has. */
  mayHave = true;

  constructor(readonly isLong: boolean) {}

  /** A message that nobody has any more is to be given out again, at its place. */
  comesBack(seq: number) {
    this.mayHave = true;
    if (seq >= this.cursor) return;
    const { returned } = this;
    let from = 0, to = returned.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (returned[middle]! < seq) from = middle + 1;
      else to = middle;
    }
    if (returned[from] !== seq) returned.splice(from, 0, seq);
    if (returned.length <= RETURNED_KEPT) return;
    this.cursor = returned[0]!;
    this.returned = [];
  }

  /** Knows nothing any more. */
  reset() {
    this.cursor = 0;
    this.returned = [];
    this.mayHave = true;
  }
}

/**
 * Messages of a mailbox that are remembered to have come back. With more, all behind the first of them are looked
 * through once more, those that somebody has too, of whom there may be many.
 */
const RETURNED_KEPT = 4096;

/** One mailbox. `Mailboxes.touch` comes before every change. */
export class Mailbox implements State {
  id = 0;
  messages = 0;
  bytes = 0;
  stored = 0;
  rowMessages = 0;
  rowBytes = 0;
  holder: Holder;
  rowHolder = 0;
  otherMessages = 0;
  hasOtherRows = false;
  /** By how much more others hold than the rows say that count it. */
  others: Map<Holder, { messages: number; bytes: number }> | undefined;
  pending: Pending[] = [];
  nextPending = 0;
  /** Whether one in `pending` is too long for a take. */
  hasLongPending = false;
  readonly short = new Lane(false);
  readonly long = new Lane(true);
  readonly lanes: readonly Lane[] = [this.short, this.long];
  /** Whether it was told that a take has left a message here that is too long for it. */
  isLongTold = false;
  /** Refused since it became full; undefined while it has room. */
  refused: number | undefined;
  /** The batch that last touched it. */
  batch = -1;
  #committed: State;

  constructor(readonly name: string, nobody: Holder) {
    this.holder = nobody;
    this.#committed = this.#state;
  }

  get #state(): State {
    return {
      id: this.id,
      messages: this.messages,
      bytes: this.bytes,
      stored: this.stored,
      rowMessages: this.rowMessages,
      rowBytes: this.rowBytes,
      holder: this.holder,
      rowHolder: this.rowHolder,
      otherMessages: this.otherMessages,
      hasOtherRows: this.hasOtherRows,
    };
  }

  commit() {
    this.#committed = this.#state;
    this.forgetPending();
  }

  rollback() {
    Object.assign(this, this.#committed);
    this.others = undefined;
    for (const lane of this.lanes) lane.reset();
    this.forgetPending();
  }

  /** A message that nobody has any more is to be given out again, at its place. */
  comesBack({ seq, long }: Pick<Row, "seq" | "long">) {
    (long ? this.long : this.short).comesBack(seq);
  }

  forgetPending() {
    if (this.pending.length > 0) this.pending = [];
    this.nextPending = 0;
    this.hasLongPending = false;
  }
}

/** Empty mailboxes that are remembered, so that one that is filled and emptied in turn costs no insert and delete. */
const EMPTY_KEPT = 1024;

/** Full is over when no more than this part of a limit is used, so that the log isn't flooded at its edge. */
const ROOM = 0.9;

/** A limit that is reached, of one mailbox, of all together, or the share of one holder. */
export interface Reached {
  of: "mailbox" | "all" | "share";
  limit: string;
}

/** A message that was refused. */
interface Refusal extends Reached {
  name: string;
  holder: Holder;
}

/** Invariant: `totals` are the sums over the mailboxes; those that hold nothing are in `#empty`. */
export class Mailboxes {
  readonly totals: Counts = { messages: 0, bytes: 0, mailboxes: 0 };
  readonly holders: Holders;
  readonly #limits: StoreLimits;
  readonly #onEvent: (event: StoreEvent) => void;
  readonly #byName = new Map<string, Mailbox>();
  /** The one that has been empty longest comes first. */
  readonly #empty = new Set<Mailbox>();
  /** Refused since all together became full; undefined while they have room. */
  #refused: number | undefined;

  // of the batch
  #refusals: Refusal[] = [];
  #batch = 0;
  #touched: Mailbox[] = [];
  #withLong: Mailbox[] = [];
  #forgotten: Mailbox[] = [];

  constructor(limits: StoreLimits, onEvent: (event: StoreEvent) => void) {
    this.#limits = limits;
    this.#onEvent = onEvent;
    this.holders = new Holders(limits);
  }

  /** Adds one as the database has it. */
  load(name: string, row: Pick<State, "id" | "messages" | "bytes" | "stored" | "holder" | "otherMessages">) {
    const { messages, bytes, holder } = row;
    const mailbox = new Mailbox(name, this.holders.nobody);
    const rest = { rowMessages: messages, rowBytes: bytes, rowHolder: holder.id, hasOtherRows: true };
    Object.assign(mailbox, { ...row, ...rest }).commit();
    this.#byName.set(name, mailbox);
    this.#count(mailbox, 1);
  }

  get(name: string): Mailbox | undefined {
    return this.#byName.get(name);
  }

  /** The one of this name, made if need be. */
  obtain(name: string): Mailbox {
    let mailbox = this.#byName.get(name);
    if (mailbox === undefined) {
      mailbox = new Mailbox(name, this.holders.nobody);
      this.#byName.set(name, mailbox);
      this.#empty.add(mailbox);
    }
    return mailbox;
  }

  /** All that hold or lately held messages. */
  all(): IterableIterator<Mailbox> {
    return this.#byName.values();
  }

  /** Those that this batch has touched. */
  get touched(): readonly Mailbox[] {
    return this.#touched;
  }

  /** Has the mailbox come back to what it is now if the batch is rolled back. */
  touch(mailbox: Mailbox) {
    if (mailbox.batch === this.#batch) return;
    mailbox.batch = this.#batch;
    this.#touched.push(mailbox);
  }

  /** Adds to what the mailbox holds, or takes from it, and charges the holder for it. */
  change(mailbox: Mailbox, holder: Holder, messages: number, bytes: number) {
    const { holders } = this;
    if (mailbox.messages === 0) {
      mailbox.holder = holder;
      holders.change(holder, 1, 0, 0);
    }
    holders.change(holder, 0, messages, bytes);
    if (holder !== mailbox.holder) {
      mailbox.others ??= new Map();
      const held = mailbox.others.get(holder);
      if (held === undefined) mailbox.others.set(holder, { messages, bytes });
      else {
        held.messages += messages;
        held.bytes += bytes;
      }
      mailbox.otherMessages += messages;
    }
    this.#count(mailbox, -1);
    mailbox.messages += messages;
    mailbox.bytes += bytes;
    this.#count(mailbox, 1);
    if (mailbox.messages === 0) this.#release(mailbox);
  }

  /** Empties the mailbox. `others` is what of it others hold. */
  clear(mailbox: Mailbox, others: readonly { holder: Holder; messages: number; bytes: number }[]) {
    this.#count(mailbox, -1);
    let { messages, bytes } = mailbox;
    for (const held of others) {
      this.holders.change(held.holder, 0, -held.messages, -held.bytes);
      messages -= held.messages;
      bytes -= held.bytes;
    }
    this.holders.change(mailbox.holder, 0, -messages, -bytes);
    mailbox.messages = mailbox.bytes = 0;
    this.#count(mailbox, 1);
    this.#release(mailbox);
  }

  /** Nobody is charged for a mailbox that is empty. */
  #release(mailbox: Mailbox) {
    this.holders.change(mailbox.holder, -1, 0, 0);
    mailbox.holder = this.holders.nobody;
    mailbox.otherMessages = 0;
  }

  #count(mailbox: Mailbox, sign: 1 | -1) {
    if (mailbox.messages === 0) {
      if (sign > 0) this.#empty.add(mailbox);
      else this.#empty.delete(mailbox);
      return;
    }
    this.totals.mailboxes += sign;
    this.totals.messages += sign * mailbox.messages;
    this.totals.bytes += sign * mailbox.bytes;
  }

  /**
   * The limit that one more message of so many bytes would pass.
   *
   * @param isNew Whether it would be one more mailbox that holds messages.
   * @param fewer Messages that this one, and its holder, would have fewer.
   */
  reachedBy(
    mailbox: Mailbox | undefined,
    holder: Holder,
    bytes: number,
    isNew = !mailbox?.messages,
    fewer = 0,
  ): Reached | undefined {
    const limits = this.#limits, totals = this.totals;
    if ((mailbox?.messages ?? 0) - fewer >= limits.mailboxMessages) {
      return { of: "mailbox", limit: `${limits.mailboxMessages} messages` };
    }
    if ((mailbox?.bytes ?? 0) + bytes > limits.mailboxBytes) {
      return { of: "mailbox", limit: `${limits.mailboxBytes} bytes` };
    }
    if (totals.messages - fewer >= limits.messages) {
      return { of: "all", limit: `${limits.messages} messages` };
    }
    if (totals.bytes + bytes > limits.bytes) return { of: "all", limit: `${limits.bytes} bytes` };
    if (isNew && totals.mailboxes >= limits.mailboxes) {
      return { of: "all", limit: `${limits.mailboxes} mailboxes` };
    }
    const share = this.holders.reachedBy(holder, bytes, isNew, fewer);
    return share === undefined ? undefined : { of: "share", limit: share };
  }

  /** Whether room for so many bytes of this holder would come of dropping messages of this mailbox alone. */
  canMakeRoom(mailbox: Mailbox, holder: Holder, bytes: number): boolean {
    const limits = this.#limits, totals = this.totals;
    if (this.holders.reachedBy(holder, bytes, false, 0) !== undefined) {
      // nobody's share is made room in with what others hold
      if (mailbox.holder !== holder || mailbox.otherMessages > 0) return false;
      if (this.holders.reachedBy(holder, bytes - mailbox.bytes, false, mailbox.messages) !== undefined) {
        return false;
      }
    }
    return limits.whenFull === "drop-oldest" && mailbox.messages > 0 &&
      limits.mailboxMessages > 0 && bytes <= limits.mailboxBytes &&
      totals.messages - mailbox.messages < limits.messages &&
      totals.bytes - mailbox.bytes + bytes <= limits.bytes;
  }

  /** Notes that a take has left a message in this mailbox because it is too long for it. */
  noticeLong(mailbox: Mailbox) {
    if (!mailbox.isLongTold) this.#withLong.push(mailbox);
  }

  /** Notes a message that was refused; one that no mailbox could ever hold says nothing about this one. */
  refuse(name: string, holder: Holder, bytes: number, reached: Reached) {
    const { mailboxBytes, bytes: most, share } = this.#limits;
    if (bytes > mailboxBytes || bytes > most || reached.of === "share" && bytes > shareOf(most, share)) {
      return;
    }
    this.#refusals.push({ ...reached, name, holder });
  }

  /** Counts a message that was refused for good, and tells of the first. */
  #countRefusal({ name, holder, of, limit }: Refusal) {
    const mailbox = this.#byName.get(name);
    if (of === "share") {
      if (holder.refused === undefined) this.#onEvent({ kind: "full", owner: holder.name, limit });
      holder.refused = (holder.refused ?? 0) + 1;
    } else if (of === "all" || mailbox === undefined) {
      if (this.#refused === undefined) this.#onEvent({ kind: "full", limit });
      this.#refused = (this.#refused ?? 0) + 1;
    } else {
      if (mailbox.refused === undefined) this.#onEvent({ kind: "full", mailbox: name, limit });
      mailbox.refused = (mailbox.refused ?? 0) + 1;
    }
  }

  /** Forgets the mailboxes that have been empty longest, where there are many. Returns those that have a row. */
  forgetEmpty(): Mailbox[] {
    const withRow: Mailbox[] = [];
    for (const mailbox of this.#empty) {
      if (this.#empty.size <= EMPTY_KEPT) break;
      this.#empty.delete(mailbox);
      this.#byName.delete(mailbox.name);
      this.#forgotten.push(mailbox);
      if (mailbox.id !== 0) withRow.push(mailbox);
    }
    return withRow;
  }

  commit() {
    for (const refusal of this.#refusals) this.#countRefusal(refusal);
    for (const mailbox of this.#withLong) this.#tellLong(mailbox);
    for (const mailbox of this.#touched) {
      mailbox.commit();
      if (mailbox.refused !== undefined) this.#noticeRoom(mailbox);
    }
    this.holders.commit(({ name }, refused) => this.#onEvent({ kind: "room", owner: name, refused }));
    if (this.#refused !== undefined) this.#noticeRoomInAll();
    this.#nextBatch();
  }

  rollback() {
    for (const mailbox of this.#forgotten) {
      this.#byName.set(mailbox.name, mailbox);
      this.#empty.add(mailbox);
    }
    for (const mailbox of this.#touched) {
      this.#count(mailbox, -1);
      mailbox.rollback();
      this.#count(mailbox, 1);
    }
    this.holders.rollback();
    this.#nextBatch();
  }

  /** Tells of it once for each mailbox, or a client that asks again and again would fill the log. */
  #tellLong(mailbox: Mailbox) {
    if (mailbox.isLongTold) return;
    mailbox.isLongTold = true;
    this.#onEvent({ kind: "long", mailbox: mailbox.name });
  }

  #nextBatch() {
    this.#batch++;
    if (this.#withLong.length > 0) this.#withLong = [];
    if (this.#refusals.length > 0) this.#refusals = [];
    this.#touched = [];
    this.#forgotten = [];
  }

  #noticeRoom(mailbox: Mailbox) {
    const { mailboxMessages, mailboxBytes } = this.#limits;
    if (mailbox.messages > mailboxMessages * ROOM || mailbox.bytes > mailboxBytes * ROOM) return;
    this.#onEvent({ kind: "room", mailbox: mailbox.name, refused: mailbox.refused ?? 0 });
    mailbox.refused = undefined;
  }

  #noticeRoomInAll() {
    const totals = this.totals, limits = this.#limits;
    if (totals.messages > limits.messages * ROOM || totals.bytes > limits.bytes * ROOM) return;
    if (totals.mailboxes > limits.mailboxes * ROOM) return;
    this.#onEvent({ kind: "room", refused: this.#refused ?? 0 });
    this.#refused = undefined;
  }
}
