import type { StatementSync } from "node:sqlite";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import type { Context } from "../../database/context.ts";
import { markLongMessages } from "../../database/database.ts";
import { firstRow } from "../../database/statements.ts";
import type { LeaseOutcome, LeaseRequest } from "../../requests/lease.ts";
import type {
  Counts,
  DeadLetters,
  DeadOutcome,
  MessageOperations,
  Peek,
  PeekedPage,
  Put,
  Stats,
  Taken,
  TakeOutcome,
} from "../../requests/message.ts";
import type { Start } from "../../requests/upkeep.ts";
import { Limits, type Reached } from "../mailbox/limits.ts";
import type { Mailbox, Pending } from "../mailbox/mailbox.ts";
import { Mailboxes } from "../mailbox/mailboxes.ts";
import type { Owner } from "../mailbox/owners.ts";
import { setApart } from "./coverage.ts";
import { DeadLetterRows } from "./dead_letters.ts";
import { type DelayedMessage, DelayedMessages, Retries, type Retry } from "./delayed_messages.ts";
import { LeasedMessages, type MessageTables } from "./leased_messages.ts";
import { MessageRows, type Row } from "./message_rows.ts";
import { PeekedMessages } from "./peeked_messages.ts";
import { ReadyEvents } from "./ready_events.ts";
import { ReadyMessages } from "./ready_messages.ts";

/** Messages that one put may drop: some milliseconds' work. */
const MAX_DROPS = 1024;

/**
 * What the engine does with messages: each operation inside the transaction of the batch that it belongs to.
 *
 * Invariant: between batches, what memory counts is what the database holds.
 */
export class Messages {
  /** Those that are with a session. */
  readonly leased: LeasedMessages;
  readonly events: ReadyEvents;
  /** Messages that were dropped for newer ones. */
  dropped = 0;
  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  hasCleared: boolean;
  readonly tables: MessageTables;
  readonly #context: Context;
  readonly #mailboxes: Mailboxes;
  readonly #limits: Limits;
  readonly #covered = new Map<string, number>();
  readonly #ready: ReadyMessages;
  readonly #peeked: PeekedMessages;
  /** The highest number that a message has or has had, and what the database has of that. */
  #seq: number;
  #seqStored: number;
  readonly #storeSeq: StatementSync;
  #pending: Pending[] = [];
  /** Whether there may be messages that become ready or expire as time passes. */
  #isTimed: boolean;

  constructor(context: Context) {
    const { db, wallClock } = this.#context = context;
    const delayed = new DelayedMessages(context);
    const mailboxes = this.#mailboxes = new Mailboxes(context, (name) => delayed.counts.of(name));
    this.#limits = new Limits(context, mailboxes);
    const rows = new MessageRows(context, mailboxes);
    const dead = new DeadLetterRows(context);
    const retries = new Retries(context);
    const events = this.events = new ReadyEvents(context);
    const covered = this.#covered;
    const tables = this.tables = { mailboxes, rows, delayed, dead, retries, covered, events };
    const leased = this.leased = new LeasedMessages(context, tables);
    this.#ready = new ReadyMessages({ rows, leased: leased.leases, wallClock });
    this.#peeked = new PeekedMessages(context, leased.leases);
    this.#seq = this.#seqStored = firstRow<{ last: number }>(db.prepare("SELECT last FROM sequence"))!.last;
    this.#storeSeq = db.prepare("UPDATE sequence SET last = ?");
    this.hasCleared = mailboxes.hasCleared;
    this.#isTimed = this.#hasTimed;
  }

  get counts(): Counts {
    return { ...this.#mailboxes.totals };
  }

  /** Puts a message, or returns the limit that it would pass. */
  put(put: Put): "stored" | Reached {
    const known = this.#mailboxes.get(put.mailbox), owner = this.#mailboxes.owners.obtain(put.owner);
    const reached = this.#limits.reachedBy(known, owner, put.bytes);
    if (reached !== undefined && (known === undefined || !this.#makeRoom(known, owner, put.bytes))) {
      this.#limits.refuse(put.mailbox, owner, put.bytes, reached);
      return reached;
    }
    const mailbox = known ?? this.#mailboxes.obtain(put.mailbox);
    this.#mailboxes.touch(mailbox);
    const seq = ++this.#seq;
    if (put.delay) {
      this.tables.delayed.add(seq, put, this.#mailboxes.owners.idOf(owner));
      this.#isTimed = true;
    } else {
      const pending = this.#pendingOf(put, seq, mailbox, owner);
      if (pending.isLong) mailbox.hasLongPending = true;
      mailbox.pending.push(pending);
      this.#pending.push(pending);
      this.events.notify(put.mailbox);
      if (put.expires !== undefined) this.#isTimed = true;
    }
    this.#mailboxes.change(mailbox, owner, 1, put.bytes);
    return "stored";
  }

  #pendingOf(put: Put, seq: number, mailbox: Mailbox, owner: Owner): Pending {
    const isLong = utf8Length(put.sender) + put.bytes > this.#context.configuration.takeBytesMax;
    return { seq, mailbox, owner, put, isLong, isTaken: false };
  }

  /** Drops the oldest ready messages until there is room; none if that is not enough. */
  #makeRoom(mailbox: Mailbox, owner: Owner, bytes: number): boolean {
    if (!this.#limits.canMakeRoom(mailbox, owner, bytes)) return false;
    this.#mailboxes.touch(mailbox);
    const rows: Row[] = [], pending: Pending[] = [];
    const left = mailbox.pending.slice(mailbox.nextPending).values();
    let freed = 0;
    const isReached = () => {
      const fewer = rows.length + pending.length;
      return this.#limits.reachedBy(mailbox, owner, bytes - freed, false, fewer) !== undefined;
    };
    while (isReached()) {
      // a limit that was lowered by much is reached over several puts, so that none holds the others up
      if (rows.length + pending.length === MAX_DROPS) break;
      const row = this.#ready.first(mailbox);
      if (!isReached()) {
        // expired messages before it were enough
        if (row !== undefined) mailbox.addReady(row);
        break;
      }
      const next = row === undefined ? left.next().value : undefined;
      if (row !== undefined) rows.push(row);
      else if (next !== undefined) pending.push(next);
      else {
        for (const row of rows) mailbox.addReady(row);
        return false;
      }
      freed += row?.bytes ?? next!.put.bytes;
    }
    for (const row of rows) this.tables.rows.remove(mailbox, row);
    for (const one of pending) this.#takePending(mailbox, one);
    this.dropped += rows.length + pending.length;
    return true;
  }

  take(name: string): TakeOutcome {
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.messages === 0) return "empty";
    // a long one stays, and is looked for among the rows
    if (mailbox.hasLongPending) this.flush();
    this.#mailboxes.touch(mailbox);
    const row = this.#ready.first(mailbox, [mailbox.short]);
    const pending = row === undefined ? mailbox.pending[mailbox.nextPending] : undefined;
    const long = this.#ready.firstLong(mailbox) ?? Infinity;
    const overtakes = long < (row?.seq ?? pending?.seq ?? Infinity);
    if (overtakes) this.#limits.passOver(mailbox);
    if (row !== undefined) this.tables.rows.remove(mailbox, row);
    else if (pending !== undefined) this.#takePending(mailbox, pending);
    else return overtakes ? "too long" : "empty";
    const { sender, time, text } = row ?? pending!.put;
    const taken: Taken = { sender, time, text };
    if (overtakes) taken.overtakes = true;
    return taken;
  }

  /** Takes the oldest message that has no row yet: it gets none. */
  #takePending(mailbox: Mailbox, pending: Pending) {
    mailbox.nextPending++;
    pending.isTaken = true;
    this.#mailboxes.change(mailbox, pending.owner, -1, -pending.put.bytes);
  }

  lease(request: LeaseRequest): LeaseOutcome {
    const before = this.leased.given(request.session, request.tag);
    if (before !== undefined) return before;
    const mailbox = this.#mailboxes.get(request.mailbox);
    let rows: Row[] = [];
    if (mailbox !== undefined && mailbox.messages > 0) {
      this.flush();
      this.#mailboxes.touch(mailbox);
      rows = this.#ready.oldest(mailbox, request.max, request.maxBytes);
    }
    if (rows.length === 0) {
      if (request.subscribe) this.events.subscribe(request.mailbox);
      return "empty";
    }
    if (this.leased.makeRoom(request)) return this.leased.give(request, rows);
    for (const row of rows) mailbox!.addReady(row);
    return "busy";
  }

  count(name?: string): Counts {
    if (name === undefined) return this.counts;
    const { messages, bytes } = this.#mailboxes.get(name) ?? { messages: 0, bytes: 0 };
    return { messages, bytes, mailboxes: messages > 0 ? 1 : 0 };
  }

  stat(mailbox?: string): Stats {
    this.flush();
    const { messages, bytes } = this.count(mailbox);
    const delayed = this.tables.delayed.counts.of(mailbox) + this.tables.retries.counts.of(mailbox);
    const leased = this.leased.leases.messages(mailbox), dead = this.tables.dead.counts.of(mailbox);
    return { messages, bytes, ready: messages - leased - delayed, leased, delayed, dead };
  }

  list({ after, limit }: MessageOperations["list"][0]): { mailbox: string; messages: number }[] {
    this.flush();
    const rows = this.#mailboxes.list(after ?? "", limit);
    // the shared queue's empty name comes before every other, and after none
    const { messages } = this.count("");
    if (after === undefined && messages > 0) rows.unshift({ mailbox: "", messages });
    return rows.slice(0, limit).map(({ mailbox, messages }) => ({ mailbox, messages }));
  }

  peek({ mailbox: name, after, limit }: Peek): PeekedPage {
    this.flush();
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.messages === 0) return { messages: [], more: false };
    return this.#peeked.page(mailbox, after, limit);
  }

  clear(name?: string): number {
    this.flush();
    const { messages } = this.count(name);
    const mailboxes = name === undefined ? this.#mailboxes.all() : [this.#mailboxes.obtain(name)];
    for (const mailbox of mailboxes) {
      if (mailbox.messages === 0) continue;
      this.#mailboxes.touch(mailbox);
      this.leased.clear(mailbox.name);
      this.tables.delayed.clear(mailbox.name);
      this.tables.retries.counts.clear(mailbox.name);
      this.#mailboxes.clear(mailbox);
      this.hasCleared = true;
    }
    return messages;
  }

  /**
   * Lets an account cover a mailbox from now on.
   *
   * @returns How many older messages were set apart, and the number of the last of them.
   */
  cover(mailbox: string): { apart: number; last: number } | "apart full" {
    this.flush();
    const now = this.#context.wallClock(), leased = this.leased.leases;
    const apart = setApart(mailbox, { ...this.tables, leased, now });
    if (apart === "apart full") return apart;
    this.setCovered(mailbox, this.#seq);
    return { apart, last: this.#seq };
  }

  /** An account covers the mailbox. `last`: the number of the last message that was put before; 0: none covers it. */
  setCovered(mailbox: string, last: number) {
    const before = this.#covered.get(mailbox) ?? 0;
    const set = (last: number) => last > 0 ? this.#covered.set(mailbox, last) : this.#covered.delete(mailbox);
    set(last);
    this.#context.transaction.onRollback(() => set(before));
  }

  dead(request: DeadLetters): DeadOutcome {
    return this.tables.dead.request(request, (put) => this.put(put));
  }

  /** Gives messages that have no row one, and brings the rows of mailboxes and leases up to date. */
  flush() {
    const pending = this.#pending.filter(({ isTaken }) => !isTaken);
    if (pending.length > 0) this.tables.rows.insert(pending);
    this.#pending = [];
    for (const mailbox of this.#mailboxes.touched) {
      mailbox.forgetPending();
      this.#mailboxes.store(mailbox);
    }
    this.leased.flush();
  }

  /** To be called before a batch is committed. */
  beforeCommit() {
    this.flush();
    // numbers of messages that were never written to disk may be used again: nobody has seen them
    if (this.#context.transaction.isOpen && this.#seq !== this.#seqStored) this.#storeSeq.run(this.#seq);
    this.#seqStored = this.#seq;
    this.#mailboxes.forgetEmpty();
  }

  /** To be called after each record. */
  endRecord() {
    this.flush();
    this.#limits.commit();
    this.#mailboxes.commit();
    this.events.commit();
  }

  /** The server has started. */
  start({ newEpoch = false }: Start) {
    if (newEpoch) this.leased.releaseAll();
  }

  /** The limits, or the length of what a take gives, have changed. */
  configure() {
    this.flush();
    this.#mailboxes.owners.configure();
    this.#context.transaction.begin();
    markLongMessages(this.#context.db, this.#context.configuration.takeBytesMax);
    this.#mailboxes.resetQueues();
  }

  /** Whether {@linkcode tick} has something to do as time passes. */
  get isTimed(): boolean {
    return this.#isTimed || this.leased.leases.size > 0 || this.tables.retries.counts.of() > 0;
  }

  /** Whether it is time for something that {@linkcode tick} does. */
  isDue(wallClock: number, monotonicClock: number): boolean {
    if (!this.isTimed) return false;
    if (this.leased.leases.nextEnd <= monotonicClock) return true;
    if (!this.#isTimed && this.tables.retries.counts.of() === 0) return false;
    this.flush();
    return this.tables.delayed.due(wallClock, 1).length > 0 ||
      this.tables.retries.due(wallClock, 1).length > 0 ||
      this.tables.rows.isExpired(wallClock);
  }

  /**
   * Ends leases, makes delayed messages ready and removes expired ones, as far as it is time, about `limit` of each.
   */
  tick(limit: number): "done" {
    const now = this.#context.wallClock();
    this.leased.end(limit);
    if (!this.#isTimed && this.tables.retries.counts.of() === 0) return "done";
    const delayed = this.tables.delayed.due(now, limit);
    this.tables.rows.insert(delayed.flatMap((message) => this.#endDelay(message, now)));
    const retries = this.tables.retries.due(now, limit);
    for (const retry of retries) this.#retry(retry);
    const expired = this.tables.rows.expired(now, limit);
    for (const row of expired) {
      // a leased message is removed when it is released
      if (row.mailbox === undefined || this.leased.leases.has(row.seq)) continue;
      this.#mailboxes.touch(row.mailbox);
      this.tables.rows.remove(row.mailbox, row);
      if (row.due !== null) this.tables.retries.counts.add(row.mailbox.name, -1);
    }
    this.#isTimed = this.#hasTimed;
    return "done";
  }

  get #hasTimed(): boolean {
    return this.tables.delayed.counts.of() > 0 || this.tables.retries.counts.of() > 0 ||
      this.tables.rows.hasExpiring;
  }

  /** Makes a message ready for its next attempt, at its place. */
  #retry(retry: Retry) {
    this.tables.retries.end(retry);
    const mailbox = retry.mailbox === null ? undefined : this.#mailboxes.get(retry.mailbox);
    if (mailbox === undefined) return;
    this.#mailboxes.touch(mailbox);
    mailbox.addReady(this.tables.rows.get(retry.seq)!);
    this.events.notify(mailbox.name);
  }

  /** Removes a message from the delayed ones. Returns what is to be inserted, unless it has expired meanwhile. */
  #endDelay(message: DelayedMessage, now: number): Pending[] {
    const { expires, owner: ownerId, ...rest } = message, owner = this.#mailboxes.owners.withId(ownerId);
    const mailbox = this.#mailboxes.obtain(message.mailbox);
    this.#mailboxes.touch(mailbox);
    this.tables.delayed.remove(message);
    if (expires !== null && expires <= now) {
      this.#mailboxes.change(mailbox, owner, -1, -message.bytes);
      return [];
    }
    this.events.notify(mailbox.name);
    const put: Put = { kind: "put", ...rest };
    if (expires !== null) put.expires = expires;
    return [this.#pendingOf(put, ++this.#seq, mailbox, owner)];
  }

  /** Removes up to `rows` rows of cleared mailboxes. */
  sweep(rows: number) {
    if (this.#mailboxes.sweep(rows)) this.hasCleared = false;
  }
}
