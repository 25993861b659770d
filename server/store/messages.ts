/**
 * What the SQLite store does with messages: each operation inside the transaction of the batch that it belongs to.
 *
 * @module
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { DeadLetterRows } from "./dead_letters.ts";
import { type Delayed, DelayedMessages } from "./delayed.ts";
import { LeasedMessages } from "./leased_messages.ts";
import { type Mailbox, Mailboxes, type Pending } from "./mailboxes.ts";
import { MessageRows, type Row } from "./message_rows.ts";
import type { LeaseOutcome, LeaseRequest } from "./lease_requests.ts";
import type {
  Clear,
  Count,
  Counts,
  DeadLetter,
  DeadLetters,
  List,
  ListOutcome,
  Put,
  PutOutcome,
  Stat,
  Stats,
  Taken,
  TakeOutcome,
} from "./message_requests.ts";
import type { StoreEvent, StoreLimits } from "./store.ts";
import type { Transaction } from "./transaction.ts";
import { Watches } from "./watches.ts";

/** Messages that one put may drop: some milliseconds' work. */
const MAX_DROPS = 1024;

/** Rows that are read at a time, at most, where those before were somebody's. */
const SKIPPED_ROWS = 256;

/** Rows that are moved or removed at a time because of the time: about a millisecond's work. */
const TIMED_ROWS = 256;

export interface MessagesOptions {
  db: DatabaseSync;
  transaction: Transaction;
  limits: StoreLimits;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that is never set. */
  clock(): number;
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
  readonly #leased: LeasedMessages;
  readonly #watches = new Watches();
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
    const { db, transaction, limits, onEvent, now, clock, random } = options;
    const mailboxes = this.#mailboxes = new Mailboxes(limits, onEvent);
    const rows = this.#rows = new MessageRows(db, transaction, mailboxes);
    const dead = this.#dead = new DeadLetterRows(db, transaction);
    this.#delayed = new DelayedMessages(db, transaction);
    for (const row of db.prepare("SELECT id, name, messages, bytes FROM mailbox").iterate()) {
      const { id, name, messages, bytes } = row as Record<string, number> & { name: string };
      mailboxes.load(name, id!, messages!, bytes!, messages! - this.#delayed.count(name));
    }
    this.#leased = new LeasedMessages({
      db,
      transaction,
      mailboxes,
      rows,
      dead,
      watches: this.#watches,
      now,
      clock,
      random,
    });
    const { last } = db.prepare("SELECT last FROM sequence").get() as { last: number };
    this.#seq = this.#seqStored = last;
    this.#storeSeq = db.prepare("UPDATE sequence SET last = ?");
    this.#cleared = rows.hasCleared;
    this.#timed = this.#delayed.count(undefined) > 0 || rows.hasExpiring;
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

  put(put: Put): PutOutcome {
    const { limits } = this.#options;
    const known = this.#mailboxes.get(put.mailbox);
    const reached = this.#mailboxes.reachedBy(known, put.bytes);
    if (reached !== undefined) {
      if (limits.whenFull === "refuse" || known === undefined || !this.#makeRoom(known, put.bytes)) {
        this.#mailboxes.refuse(put.mailbox, put.bytes, reached);
        return "full";
      }
    }
    const mailbox = known ?? this.#mailboxes.obtain(put.mailbox);
    this.#mailboxes.touch(mailbox);
    const seq = ++this.#seq;
    if (put.delay) {
      this.#delayed.add(seq, put);
      this.#timed = true;
    } else {
      const pending = { seq, mailbox, put, taken: false };
      mailbox.pending.push(pending);
      this.#pending.push(pending);
      this.#watches.notice(put.mailbox);
      if (put.expires !== undefined) this.#timed = true;
    }
    this.#mailboxes.change(mailbox, 1, put.bytes);
    return "stored";
  }

  /** Drops the oldest messages that nobody has until there is room; none where that would not be enough. */
  #makeRoom(mailbox: Mailbox, bytes: number): boolean {
    if (!this.#mailboxes.canMakeRoom(mailbox, bytes)) return false;
    this.#mailboxes.touch(mailbox);
    const rows: Row[] = [], pending: Pending[] = [];
    const left = mailbox.pending.slice(mailbox.nextPending).values();
    let freed = 0;
    const isReached = () =>
      this.#mailboxes.reachedBy(mailbox, bytes - freed, false, rows.length + pending.length) !== undefined;
    while (isReached()) {
      // a limit that was lowered by much is reached over several puts, so that none holds the others up
      if (rows.length + pending.length === MAX_DROPS) break;
      const row = this.#next(mailbox);
      if (!isReached()) {
        // what had expired before it was enough
        if (row !== undefined) mailbox.comesBack(row.seq);
        break;
      }
      const next = row === undefined ? left.next().value : undefined;
      if (row !== undefined) rows.push(row);
      else if (next !== undefined) pending.push(next);
      else {
        for (const { seq } of rows) mailbox.comesBack(seq);
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
    return mailbox !== undefined && mailbox.messages > 0 ? this.#takeOldest(mailbox) ?? "empty" : "empty";
  }

  #takeOldest(mailbox: Mailbox): Taken | undefined {
    this.#mailboxes.touch(mailbox);
    const row = this.#next(mailbox);
    if (row !== undefined) {
      this.#remove(mailbox, row);
      return { sender: row.sender, time: row.time, message: row.body };
    }
    const pending = mailbox.pending[mailbox.nextPending];
    if (pending === undefined) return undefined;
    this.#takePending(mailbox, pending);
    return { sender: pending.put.sender, time: pending.put.time, message: pending.put.message };
  }

  /** Takes the oldest message that has no row yet: it gets none. */
  #takePending(mailbox: Mailbox, pending: Pending) {
    mailbox.nextPending++;
    pending.taken = true;
    this.#mailboxes.change(mailbox, -1, -pending.put.bytes);
  }

  /** The oldest row that nobody has; it is not given again until it has come back. */
  #next(mailbox: Mailbox): Row | undefined {
    const [row] = this.#oldest(mailbox, 1, Infinity);
    return row;
  }

  /** The oldest rows that nobody has, at least one where there is any; they are not given again until then either. */
  #oldest(mailbox: Mailbox, max: number, maxBytes: number): Row[] {
    const found: Row[] = [], { returned } = mailbox;
    let bytes = 0;
    const isRoom = (row: Row) => found.length === 0 || bytes + row.bytes <= maxBytes;
    const add = (row: Row) => bytes += found.push(row) && row.bytes;
    while (found.length < max && returned.length > 0) {
      const row = this.#rows.get(returned[0]!);
      // it may have been removed since, or its mailbox cleared
      const isThere = row?.mailbox === mailbox && this.#canBeGiven(mailbox, row);
      if (isThere && !isRoom(row)) return found;
      returned.shift();
      if (isThere) add(row);
    }
    // where the messages are long, no more are read than are needed
    const about = Math.ceil(maxBytes / (mailbox.bytes / mailbox.messages)) + 1;
    for (let least = 1; found.length < max && mailbox.stored > 0;) {
      const limit = Math.max(least, Math.min(max - found.length, about));
      const rows = this.#rows.from(mailbox, mailbox.cursor, limit);
      for (const row of rows) {
        if (found.length === max) return found;
        if (this.#canBeGiven(mailbox, row)) {
          if (!isRoom(row)) return found;
          add(row);
        }
        mailbox.cursor = row.seq + 1;
      }
      if (rows.length < limit) break;
      // where somebody has all of them, he has more
      if (found.length === 0) least = Math.min(2 * least, SKIPPED_ROWS);
    }
    return found;
  }

  /** Whether nobody has this message; one that has expired is removed instead. */
  #canBeGiven(mailbox: Mailbox, row: Row): boolean {
    if (this.#leased.has(row.seq)) return false;
    const isExpired = row.expires !== null && row.expires <= this.#options.now();
    if (isExpired) this.#remove(mailbox, row);
    return !isExpired;
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
    const rows = this.#oldest(mailbox, request.max, request.maxBytes);
    if (rows.length === 0) return this.#empty(request);
    if (!this.#leased.isFullFor(request.network)) return this.#leased.give(request, rows);
    for (const { seq } of rows) mailbox.comesBack(seq);
    return "busy";
  }

  #empty({ mailbox, watch }: LeaseRequest): "empty" {
    if (watch) this.#watches.add(mailbox);
    return "empty";
  }

  /** Nobody waits for messages of this mailbox any more. */
  unwatch(mailbox: string) {
    this.#watches.remove(mailbox);
  }

  /** What has to do with messages that are with a session. */
  get leased(): Pick<LeasedMessages, "confirm" | "release" | "ack" | "back" | "extend" | "begin"> {
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
    const delayed = this.#delayed.count(mailbox), leased = this.#leased.count(mailbox);
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
      this.#rows.clear(mailbox);
      this.#cleared = true;
    }
    return messages;
  }

  /** Dead letters: lists them, gives them out again with no attempts counted, or removes them. */
  dead({ what, id, limit }: DeadLetters): DeadLetter[] | number {
    if (what === "list") return this.#dead.after(id ?? 0, limit);
    if (what === "drop" && id === undefined) return this.#dead.clear();
    const one = id === undefined ? undefined : this.#dead.get(id);
    const letters = id === undefined ? this.#dead.after(0, limit) : one === undefined ? [] : [one];
    let done = 0;
    for (const letter of letters) {
      const { mailbox, sender, time, message } = letter, bytes = new TextEncoder().encode(message).length;
      const put: Put = { kind: "put", mailbox, sender, time, message, bytes };
      if (what === "requeue" && this.put(put) !== "stored") continue;
      this.#dead.drop(letter.id);
      done++;
    }
    return done;
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
    return this.#timed || this.#leased.size > 0;
  }

  /**
   * Ends leases, gives out what was delayed and removes what has expired, as far as it is time; a piece at a time.
   * Returns whether it may be time for more.
   */
  tick(): boolean {
    const now = this.#options.now();
    const isMore = this.#leased.end(TIMED_ROWS);
    if (!this.#timed) return isMore;
    const due = this.#delayed.due(now, TIMED_ROWS);
    this.#rows.insert(due.flatMap((one) => this.#come(one, now)));
    const expired = this.#rows.expired(now, TIMED_ROWS);
    for (const row of expired) {
      // a message that somebody has is his until his lease ends
      if (row.mailbox === undefined || this.#leased.has(row.seq)) continue;
      this.#mailboxes.touch(row.mailbox);
      this.#remove(row.mailbox, row);
    }
    this.#timed = this.#delayed.count(undefined) > 0 || this.#rows.hasExpiring;
    return isMore || due.length === TIMED_ROWS || expired.length === TIMED_ROWS;
  }

  /** Takes a message from the delayed ones; returns what is to be inserted, unless it has expired meanwhile. */
  #come(one: Delayed, now: number): Pending[] {
    const { id: _, expires, ...message } = one;
    const mailbox = this.#mailboxes.obtain(message.mailbox);
    this.#mailboxes.touch(mailbox);
    this.#delayed.remove(one);
    if (expires !== null && expires <= now) {
      this.#mailboxes.change(mailbox, -1, -message.bytes);
      return [];
    }
    this.#watches.notice(mailbox.name);
    const put: Put = { kind: "put", ...message, ...expires === null ? {} : { expires } };
    return [{ seq: ++this.#seq, mailbox, put, taken: false }];
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
