/**
 * What the SQLite store does with messages: each operation inside the transaction of the batch that it belongs to.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DeadLetterRows } from "./dead_letters.ts";
import { type Delayed, DelayedMessages } from "./delayed.ts";
import { LeasedMessages } from "./leased_messages.ts";
import { readHeld } from "./holder_rows.ts";
import type { Holder } from "../holders.ts";
import { type Mailbox, Mailboxes, type Pending, type Reached } from "./mailboxes.ts";
import { MessageRows, type Row } from "./message_rows.ts";
import { ReadyMessages } from "./ready_messages.ts";
import { Retries, type Retry } from "./retries.ts";
import { Owned, setApart } from "./set_apart.ts";
import type { LeaseOutcome, LeaseRequest } from "../../requests/lease.ts";
import type {
  Clear,
  Count,
  Counts,
  DeadLetters,
  DeadOutcome,
  List,
  ListOutcome,
  Put,
  Stat,
  Stats,
  Taken,
  TakeOutcome,
} from "../../requests/message.ts";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import type { StoreEvent } from "../../store.ts";
import type { StoreLimits } from "../../limits.ts";
import type { Transaction } from "../../database/transaction.ts";
import { Watches } from "./watches.ts";

/** Messages that one put may drop: some milliseconds' work. */
const MAX_DROPS = 1024;

/** Rows that are moved or removed at a time because of the time: about a millisecond's work. */
const TIMED_ROWS = 256;

export interface MessagesOptions {
  db: DatabaseSync;
  transaction: Transaction;
  limits: StoreLimits;
  /** Most bytes of sender and text of a message that a take gives. */
  takenBytes: number;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

/** Invariant: between batches, what memory counts is what the database holds. */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #mailboxes: Mailboxes;
  readonly #rows: MessageRows;
  readonly #delayed: DelayedMessages;
  readonly #dead: DeadLetterRows;
  readonly #retries: Retries;
  readonly #leased: LeasedMessages;
  readonly #ready: ReadyMessages;
  readonly #watches = new Watches();
  /** Mailboxes that are an account's. */
  readonly owned: Owned;
  /** The highest number that a message has, or has had; and what the database says of it. */
  #seq: number;
  #seqStored: number;
  readonly #storeSeq: StatementSync;
  #pending: Pending[] = [];
  #dropped = 0;
  #inserted = false;
  /** Whether there may be messages that come or go with the time, or rows of cleared mailboxes. */
  #timed: boolean;
  #cleared: boolean;

  constructor(options: MessagesOptions) {
    this.#options = options;
    const { db, transaction, limits, onEvent, wallClock, monotonicClock, random } = options;
    const mailboxes = this.#mailboxes = new Mailboxes(limits, onEvent);
    const rows = this.#rows = new MessageRows(db, transaction, mailboxes);
    const dead = this.#dead = new DeadLetterRows(db, transaction);
    this.#delayed = new DelayedMessages(db, transaction);
    const retries = this.#retries = new Retries(db, transaction);
    const owned = this.owned = new Owned(transaction);
    const ofOthers = readHeld(db, mailboxes.holders);
    for (const row of db.prepare("SELECT id, name, messages, bytes, holder FROM mailbox").iterate()) {
      const { name, ...rest } = row as Record<"id" | "messages" | "bytes" | "holder", number> & {
        name: string;
      };
      const { id, messages, bytes } = rest, held = ofOthers.get(id) ?? { messages: 0, bytes: 0 };
      const holder = rows.holders.get(rest.holder), stored = messages - this.#delayed.count(name);
      mailboxes.load(name, { id, messages, bytes, stored, holder, otherMessages: held.messages });
      if (messages > 0) mailboxes.holders.change(holder, 1, messages - held.messages, bytes - held.bytes);
    }
    mailboxes.holders.commit(() => {});
    this.#leased = new LeasedMessages({
      db,
      transaction,
      mailboxes,
      rows,
      dead,
      owned,
      retries,
      watches: this.#watches,
      wallClock,
      monotonicClock,
      random,
    });
    this.#ready = new ReadyMessages({ rows, leased: this.#leased, wallClock });
    const { last } = db.prepare("SELECT last FROM sequence").get() as { last: number };
    this.#seq = this.#seqStored = last;
    this.#storeSeq = db.prepare("UPDATE sequence SET last = ?");
    this.#cleared = rows.hasCleared;
    this.#timed = this.#hasTimed;
  }

  get counts(): Counts {
    return { ...this.#mailboxes.totals };
  }

  /** Messages of this batch that made room for newer ones. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Whether this batch has given a message a row. */
  get inserted(): boolean {
    return this.#inserted;
  }

  /** Puts a message, or gives the limit that is in the way. */
  put(put: Put): "stored" | Reached {
    const { limits } = this.#options;
    const known = this.#mailboxes.get(put.mailbox), holder = this.#mailboxes.holders.obtain(put.owner);
    const reached = this.#mailboxes.reachedBy(known, holder, put.bytes);
    if (reached !== undefined) {
      if (limits.whenFull === "refuse" || known === undefined || !this.#makeRoom(known, holder, put.bytes)) {
        this.#mailboxes.refuse(put.mailbox, holder, put.bytes, reached);
        return reached;
      }
    }
    const mailbox = known ?? this.#mailboxes.obtain(put.mailbox);
    this.#mailboxes.touch(mailbox);
    const seq = ++this.#seq;
    if (put.delay) {
      this.#delayed.add(seq, put, this.#rows.holders.idOf(holder));
      this.#timed = true;
    } else {
      const pending = { seq, mailbox, holder, put, isLong: this.#isLong(put), taken: false };
      if (pending.isLong) mailbox.hasLongPending = true;
      mailbox.pending.push(pending);
      this.#pending.push(pending);
      this.#watches.notice(put.mailbox);
      if (put.expires !== undefined) this.#timed = true;
    }
    this.#mailboxes.change(mailbox, holder, 1, put.bytes);
    return "stored";
  }

  /** Drops the oldest messages that nobody has until there is room; none where that would not be enough. */
  #makeRoom(mailbox: Mailbox, holder: Holder, bytes: number): boolean {
    if (!this.#mailboxes.canMakeRoom(mailbox, holder, bytes)) return false;
    this.#mailboxes.touch(mailbox);
    const rows: Row[] = [], pending: Pending[] = [];
    const left = mailbox.pending.slice(mailbox.nextPending).values();
    let freed = 0;
    const isReached = () =>
      this.#mailboxes.reachedBy(mailbox, holder, bytes - freed, false, rows.length + pending.length) !==
        undefined;
    while (isReached()) {
      // a limit that was lowered by much is reached over several puts, so that none holds the others up
      if (rows.length + pending.length === MAX_DROPS) break;
      const row = this.#next(mailbox);
      if (!isReached()) {
        // what had expired before it was enough
        if (row !== undefined) mailbox.comesBack(row);
        break;
      }
      const next = row === undefined ? left.next().value : undefined;
      if (row !== undefined) rows.push(row);
      else if (next !== undefined) pending.push(next);
      else {
        for (const row of rows) mailbox.comesBack(row);
        return false;
      }
      freed += row?.bytes ?? next!.put.bytes;
    }
    for (const row of rows) this.#remove(mailbox, row);
    for (const one of pending) this.#takePending(mailbox, one);
    this.#dropped += rows.length + pending.length;
    return true;
  }

  take(name: string): TakeOutcome {
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.messages === 0) return "empty";
    // a long one stays, and is looked for among the rows
    if (mailbox.hasLongPending) this.flush();
    this.#mailboxes.touch(mailbox);
    const [row] = this.#ready.oldest(mailbox, 1, Infinity, [mailbox.short]);
    const pending = row === undefined ? mailbox.pending[mailbox.nextPending] : undefined;
    const long = this.#ready.firstLong(mailbox) ?? Infinity;
    const overtakes = long < (row?.seq ?? pending?.seq ?? Infinity);
    if (overtakes) this.#mailboxes.noticeLong(mailbox);
    if (row !== undefined) {
      this.#remove(mailbox, row);
      return taken(row.sender, row.time, row.body, overtakes);
    }
    if (pending === undefined) return overtakes ? "too long" : "empty";
    this.#takePending(mailbox, pending);
    const { sender, time, text } = pending.put;
    return taken(sender, time, text, overtakes);
  }

  /** Takes the oldest message that has no row yet: it gets none. */
  #takePending(mailbox: Mailbox, pending: Pending) {
    mailbox.nextPending++;
    pending.taken = true;
    this.#mailboxes.change(mailbox, pending.holder, -1, -pending.put.bytes);
  }

  /** The oldest row that nobody has; it is not given again until it has come back. */
  #next(mailbox: Mailbox): Row | undefined {
    const [row] = this.#ready.oldest(mailbox, 1, Infinity);
    return row;
  }

  /** Whether a message is too long for a take. */
  #isLong({ sender, bytes }: Pick<Put, "sender" | "bytes">): boolean {
    return utf8Length(sender) + bytes > this.#options.takenBytes;
  }

  #remove(mailbox: Mailbox, { seq, bytes }: Pick<Row, "seq" | "bytes">) {
    this.#rows.remove(mailbox, seq, seq, bytes);
  }

  lease(request: LeaseRequest): LeaseOutcome {
    const before = this.#leased.given(request.session, request.tag);
    if (before !== undefined) return before;
    const mailbox = this.#mailboxes.get(request.mailbox);
    if (mailbox === undefined || mailbox.messages === 0) return this.#empty(request);
    this.flush();
    this.#mailboxes.touch(mailbox);
    const rows = this.#ready.oldest(mailbox, request.max, request.maxBytes);
    if (rows.length === 0) return this.#empty(request);
    if (this.#leased.makeRoom(request)) return this.#leased.give(request, rows);
    for (const row of rows) mailbox.comesBack(row);
    return "busy";
  }

  #empty({ mailbox, subscribe }: LeaseRequest): "empty" {
    if (subscribe) this.#watches.add(mailbox);
    return "empty";
  }

  /** Nobody waits for messages of this mailbox any more. */
  unwatch(mailbox: string) {
    this.#watches.remove(mailbox);
  }

  /** What has to do with messages that are with a session. */
  get leased(): Pick<LeasedMessages, "confirm" | "release" | "ack" | "back" | "extend" | "begin" | "usage"> {
    return this.#leased;
  }

  count(count: Count): Counts {
    if (count.mailbox === undefined) return this.counts;
    const { messages, bytes } = this.#mailboxes.get(count.mailbox) ?? { messages: 0, bytes: 0 };
    return { messages, bytes, mailboxes: messages > 0 ? 1 : 0 };
  }

  stat({ mailbox }: Stat): Stats {
    this.flush();
    const { messages, bytes } = this.count({ kind: "count", ...mailbox === undefined ? {} : { mailbox } });
    const delayed = this.#delayed.count(mailbox) + this.#retries.count(mailbox),
      leased = this.#leased.count(mailbox);
    const dead = this.#dead.count(mailbox);
    return { messages, bytes, ready: messages - leased - delayed, leased, delayed, dead };
  }

  list(list: List): ListOutcome {
    this.flush();
    // the empty name comes before every other, and is listed only from the beginning
    const rows = this.#rows.list(list.after ?? "", list.limit);
    const first = list.after === undefined ? this.count({ kind: "count", mailbox: "" }).messages : 0;
    if (first > 0) rows.unshift({ mailbox: "", messages: first });
    return rows.slice(0, list.limit).map(({ mailbox, messages }) => ({ mailbox, messages }));
  }

  clear(clear: Clear): number {
    this.flush();
    const { messages } = this.count({ ...clear, kind: "count" });
    const mailboxes = clear.mailbox === undefined
      ? this.#mailboxes.all()
      : [this.#mailboxes.obtain(clear.mailbox)];
    for (const mailbox of mailboxes) {
      if (mailbox.messages === 0) continue;
      this.#mailboxes.touch(mailbox);
      this.#leased.drop(mailbox.name);
      this.#delayed.drop(mailbox.name);
      this.#retries.clear(mailbox.name);
      this.#rows.clear(mailbox);
      this.#cleared = true;
    }
    return messages;
  }

  /** Whether nothing is in a mailbox, neither delayed nor with a session. */
  isEmpty(mailbox: string): boolean {
    return this.count({ kind: "count", mailbox }).messages === 0;
  }

  /** Makes a mailbox an account's, and sets apart what was put before. Returns how many that were, and up to which one. */
  own(mailbox: string): { apart: number; last: number } | "apart full" {
    this.flush();
    const apart = setApart(mailbox, {
      mailboxes: this.#mailboxes,
      rows: this.#rows,
      delayed: this.#delayed,
      retries: this.#retries,
      dead: this.#dead,
      leased: this.#leased,
      wallClock: this.#options.wallClock,
    });
    if (apart === "apart full") return apart;
    this.owned.set(mailbox, this.#seq);
    return { apart, last: this.#seq };
  }

  /** Dead letters: lists them, gives them out again with no attempts counted, or removes them. */
  dead(request: DeadLetters): DeadOutcome {
    return this.#dead.request(request, (put) => this.put(put));
  }

  /** Gives rows to what is still to be stored, and brings the rows of mailboxes and leases up to date. */
  flush() {
    const pending = this.#pending.filter(({ taken }) => !taken);
    if (pending.length > 0) {
      this.#rows.insert(pending);
      this.#inserted = true;
    }
    this.#pending = [];
    for (const mailbox of this.#mailboxes.touched) {
      mailbox.forgetPending();
      this.#rows.store(mailbox);
    }
    this.#leased.flush();
  }

  /** Comes before the commit of a batch. */
  beforeCommit() {
    this.flush();
    // numbers of messages that never touched the disk may come again: nobody has seen them
    if (this.#options.transaction.isOpen && this.#seq !== this.#seqStored) this.#storeSeq.run(this.#seq);
    this.#rows.drop(this.#mailboxes.forgetEmpty());
    this.#rows.holders.forget(this.#mailboxes.holders.forgetEmpty());
  }

  /** Comes after it. */
  afterCommit() {
    this.#mailboxes.commit();
    this.#seqStored = this.#seq;
    this.#watches.commit((mailbox) => this.#options.onEvent({ kind: "ready", mailbox }));
    this.#inserted = false;
    this.#dropped = 0;
  }

  /** Comes after the transaction was rolled back. */
  rollback() {
    this.#mailboxes.rollback();
    this.#pending = [];
    this.#leased.rollback();
    this.#rows.rollback();
    this.#watches.rollback();
    this.#inserted = false;
    this.#dropped = 0;
    // what was found to be done with is there again, perhaps
    this.#timed = this.#cleared = true;
  }

  /** Whether something has to be done as time goes by: {@linkcode tick}. */
  get isTimed(): boolean {
    return this.#timed || this.#leased.size > 0 || this.#retries.count(undefined) > 0;
  }

  /**
   * Ends leases, gives out what was delayed and removes what has expired, as far as it is time; a piece at a time.
   * Returns whether it may be time for more.
   */
  tick(): boolean {
    const now = this.#options.wallClock();
    const isMore = this.#leased.end(TIMED_ROWS);
    if (!this.#timed && this.#retries.count(undefined) === 0) return isMore;
    const due = this.#delayed.due(now, TIMED_ROWS);
    this.#rows.insert(due.flatMap((one) => this.#come(one, now)));
    const retries = this.#retries.due(now, TIMED_ROWS);
    for (const retry of retries) this.#retry(retry);
    const expired = this.#rows.expired(now, TIMED_ROWS);
    for (const row of expired) {
      // a message that somebody has is his until his lease ends
      if (row.mailbox === undefined || this.#leased.has(row.seq)) continue;
      this.#mailboxes.touch(row.mailbox);
      this.#remove(row.mailbox, row);
      if (row.due !== null) this.#retries.removed(row.mailbox.name);
    }
    this.#timed = this.#hasTimed;
    return isMore || [due, retries, expired].some(({ length }) => length === TIMED_ROWS);
  }

  get #hasTimed(): boolean {
    return this.#delayed.count(undefined) > 0 || this.#retries.count(undefined) > 0 || this.#rows.hasExpiring;
  }

  /** Lets a message that was tried in vain be given out again, at its place. */
  #retry(retry: Retry) {
    this.#retries.end(retry);
    const mailbox = retry.mailbox === undefined ? undefined : this.#mailboxes.get(retry.mailbox);
    if (mailbox === undefined) return;
    this.#mailboxes.touch(mailbox);
    mailbox.comesBack(this.#rows.get(retry.seq)!);
    this.#watches.notice(mailbox.name);
  }

  /** Takes a message from the delayed ones; returns what is to be inserted, unless it has expired meanwhile. */
  #come(one: Delayed, now: number): Pending[] {
    const { id: _, expires, holder: holderId, ...message } = one, holder = this.#rows.holders.get(holderId);
    const mailbox = this.#mailboxes.obtain(message.mailbox);
    this.#mailboxes.touch(mailbox);
    this.#delayed.remove(one);
    if (expires !== null && expires <= now) {
      this.#mailboxes.change(mailbox, holder, -1, -message.bytes);
      return [];
    }
    this.#watches.notice(mailbox.name);
    const put: Put = { kind: "put", ...message, ...expires === null ? {} : { expires } };
    return [{ seq: ++this.#seq, mailbox, holder, put, isLong: this.#isLong(put), taken: false }];
  }

  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#cleared;
  }

  /** Removes up to `rows` rows of what was cleared. */
  sweep(rows: number) {
    if (this.#rows.sweep(rows)) this.#cleared = false;
  }
}

function taken(sender: string, time: number, text: string, overtakes: boolean): Taken {
  return overtakes ? { sender, time, text, overtakes } : { sender, time, text };
}
