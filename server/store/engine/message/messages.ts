import type { StatementSync } from "node:sqlite";
import { utf8Length } from "../../../../protocol/mailbox.ts";
import type { Context } from "../../database/context.ts";
import { isMarkedFor, markLongMessages } from "../../database/database.ts";
import { firstRow } from "../../database/statements.ts";
import { Again } from "../../requests/again.ts";
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
import { Limits, type Reached } from "../mailbox/limits.ts";
import { type Mailbox, PendingMessage } from "../mailbox/mailbox.ts";
import { Mailboxes } from "../mailbox/mailboxes.ts";
import type { Owner } from "../mailbox/owners.ts";
import { CoveredMailboxes } from "./covered_mailboxes.ts";
import { Coverage } from "./coverage.ts";
import { DeadLetterRows } from "./dead_letters.ts";
import { DueMessages } from "./due_messages.ts";
import { KeptMessages } from "./kept_messages.ts";
import { LeasedMessages, type MessageTables } from "./leased_messages.ts";
import { PeekedMessages } from "./peeked_messages.ts";
import { ReadyEvents } from "./ready_events.ts";
import { ReadyMessages } from "./ready_messages.ts";
import { reportDamage } from "../whole_row.ts";
import { DelayedMessages } from "./rows/delayed_messages.ts";
import type { Message } from "./rows/message_rows.ts";

/** Messages that the puts of one record may drop: some milliseconds' work. */
const MAX_DROPS = 1024;

/**
 * What the engine does with messages.
 *
 * What a record changes is in memory at first: messages, their leases, the counts of mailboxes, the sequence. A flush
 * writes it into the database's transaction. A message that comes and goes between two flushes is never written.
 *
 * Invariant: no outcome depends on what was flushed, or on whether something was read from the database since.
 */
export class Messages {
  /** Those that are with a session. */
  readonly leased: LeasedMessages;
  readonly events: ReadyEvents;
  /** Messages that were dropped for newer ones. */
  dropped = 0;
  readonly tables: MessageTables;
  readonly #context: Context;
  readonly #mailboxes: Mailboxes;
  readonly #limits: Limits;
  readonly coverage: Coverage;
  readonly due: DueMessages;
  readonly #kept: KeptMessages;
  readonly #ready: ReadyMessages;
  readonly #peeked: PeekedMessages;
  /** Messages that were dropped by this record. */
  #dropped = 0;
  /** The highest number that a message has or has had, and what the database has of that. */
  #seq: number;
  #seqStored: number;
  readonly #storeSeq: StatementSync;

  constructor(context: Context) {
    const { db } = this.#context = context;
    const delayed = new DelayedMessages(context);
    const mailboxes = this.#mailboxes = new Mailboxes(context, (name) => delayed.counts.of(name));
    this.#limits = new Limits(context, mailboxes);
    const kept = this.#kept = new KeptMessages(context, mailboxes);
    const dead = new DeadLetterRows(context);
    const events = this.events = new ReadyEvents(context);
    const covered = new CoveredMailboxes(context);
    const tables = this.tables = { mailboxes, kept, delayed, dead, covered, events };
    const leased = this.leased = new LeasedMessages(context, tables);
    const wallClock = () => context.wallClock();
    this.#ready = new ReadyMessages({ context, kept, dead, leased: leased.leases, wallClock });
    this.coverage = new Coverage({
      ...tables,
      context,
      ready: this.#ready,
      leased: leased.leases,
      lastSeq: () => this.#seq,
    });
    this.due = new DueMessages({ context, tables, leased, append: (...put) => this.#append(...put) });
    this.#peeked = new PeekedMessages(context, leased.leases, delayed);
    this.#seq = this.#seqStored = firstRow<{ last: number }>(db.prepare("SELECT last FROM sequence"))!.last;
    this.#storeSeq = db.prepare("UPDATE sequence SET last = ?");
  }

  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#mailboxes.hasCleared;
  }

  get counts(): Counts {
    return { ...this.#mailboxes.totals };
  }

  /** How many messages of a mailbox can be leased now, or have expired just now. */
  readyCount(name: string): number {
    const messages = this.#mailboxes.get(name)?.messages ?? 0;
    if (messages === 0) return 0;
    return messages - this.leased.leases.messages(name) - this.tables.delayed.counts.of(name) -
      this.#kept.waiting.of(name);
  }

  /** The highest number that a message has or has had. */
  get last(): number {
    return this.#seq;
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
    if (put.delay) this.tables.delayed.add(++this.#seq, put, this.#mailboxes.owners.idOf(owner));
    else this.#append(put, mailbox, owner);
    this.#mailboxes.change(mailbox, owner, 1, put.bytes);
    return "stored";
  }

  /** Adds a message at the end of its mailbox. */
  #append(put: Omit<Put, "kind">, mailbox: Mailbox, owner: Owner) {
    this.#kept.pending.add(new PendingMessage(++this.#seq, mailbox, owner, put, this.#isLong(put)));
    this.events.notify(put.mailbox);
  }

  #isLong({ sender, bytes }: Pick<Put, "sender" | "bytes">): boolean {
    const max = this.#context.configuration.takeBytesMax - bytes;
    // a character has three bytes at most
    return 3 * sender.length > max && utf8Length(sender) > max;
  }

  /** Drops the oldest ready messages until there is room; none if that is not enough. */
  #makeRoom(mailbox: Mailbox, owner: Owner, bytes: number): boolean {
    if (!this.#limits.canMakeRoom(mailbox, owner, bytes)) return false;
    const dropped: Message[] = [];
    let freed = 0;
    const isReached = () =>
      this.#limits.reachedBy(mailbox, owner, bytes - freed, undefined, dropped.length) !== undefined;
    while (isReached()) {
      // a limit that was lowered by much is reached over several puts, so that none holds the others up
      if (this.#dropped + dropped.length >= MAX_DROPS) break;
      const message = this.#ready.first(mailbox);
      if (message === undefined && this.#ready.isCutOff) break;
      if (!isReached()) {
        // expired messages before it were enough
        if (message !== undefined) mailbox.addReady(message);
        break;
      }
      if (message === undefined) {
        for (const message of dropped) mailbox.addReady(message);
        return false;
      }
      dropped.push(message);
      freed += message.bytes;
    }
    for (const message of dropped) this.#kept.remove(mailbox, message);
    this.#dropped += dropped.length;
    this.dropped += dropped.length;
    return true;
  }

  take(name: string): TakeOutcome {
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.isEmpty) return "empty";
    const message = this.#ready.first(mailbox, mailbox.takenQueues);
    if (message === undefined && this.#ready.isCutOff) return new Again({ kind: "take", mailbox: name });
    const long = this.#ready.firstLong(mailbox) ?? Infinity;
    const overtakes = long < (message?.seq ?? Infinity);
    if (overtakes) this.#limits.passOver(mailbox);
    if (message === undefined) {
      if (!overtakes) this.#reportMissing(mailbox);
      return overtakes ? "too long" : "empty";
    }
    this.#kept.remove(mailbox, message);
    const { sender, time, text } = message;
    const taken: Taken = { sender, time, text };
    if (overtakes) taken.overtakes = true;
    return taken;
  }

  /** Reports, once, that a mailbox in which no ready message was found counts some: a page of its rows is damaged. */
  #reportMissing(mailbox: Mailbox) {
    if (mailbox.isMissingReported || this.readyCount(mailbox.name) === 0) return;
    mailbox.isMissingReported = true;
    reportDamage(this.#context, "mailbox", mailbox.name);
  }

  lease(request: LeaseRequest): LeaseOutcome {
    const before = this.leased.given(request.session, request.tag);
    if (before !== undefined) return before;
    const mailbox = this.#mailboxes.get(request.mailbox);
    const isSearched = mailbox !== undefined && this.readyCount(request.mailbox) > 0;
    const messages = isSearched ? this.#ready.oldest(mailbox, request.max, request.maxBytes) : [];
    if (messages.length === 0) {
      // where nothing was searched for, the last search was another one
      if (isSearched && this.#ready.isCutOff) return new Again(request);
      if (isSearched) this.#reportMissing(mailbox);
      if (request.subscribe) this.events.subscribe(request.mailbox);
      return "empty";
    }
    if (this.leased.makeRoom(request)) return this.leased.give(request, messages);
    for (const message of messages) mailbox!.addReady(message);
    return "busy";
  }

  count(name?: string): Counts {
    if (name === undefined) return this.counts;
    const { messages, bytes } = this.#mailboxes.get(name) ?? { messages: 0, bytes: 0 };
    return { messages, bytes, mailboxes: messages > 0 ? 1 : 0 };
  }

  stat(mailbox?: string): Stats {
    const { messages, bytes } = this.count(mailbox);
    const delayed = this.tables.delayed.counts.of(mailbox) + this.#kept.waiting.of(mailbox);
    const leased = this.leased.leases.messages(mailbox), dead = this.tables.dead.counts.of(mailbox);
    return { messages, bytes, ready: messages - leased - delayed, leased, delayed, dead };
  }

  list(request: MessageOperations["list"][0]): { mailbox: string; messages: number }[] | Again {
    const { after, limit } = request, unwritten = this.#mailboxes.writeFor(request);
    if (unwritten > 0) return new Again({ ...request, unwritten });
    const rows = this.#mailboxes.list(after ?? "", limit);
    // the shared queue's empty name comes before every other, and after none
    const { messages } = this.count("");
    if (after === undefined && messages > 0) rows.unshift({ mailbox: "", messages });
    return rows.slice(0, limit);
  }

  peek({ mailbox: name, after, limit }: Peek): PeekedPage {
    const mailbox = this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.isEmpty) return { messages: [], more: false };
    // what others have leased of before is not the account's to see, either
    return this.#peeked.page(mailbox, Math.max(after, this.tables.covered.last(name)), limit);
  }

  clear(name?: string): number {
    const { messages } = this.count(name);
    if (name === undefined) this.#clearAll();
    const mailbox = name === undefined ? undefined : this.#mailboxes.get(name);
    if (mailbox === undefined || mailbox.isEmpty) return messages;
    this.leased.clear(mailbox.name);
    this.tables.delayed.clear(this.#seq, name);
    this.#kept.waiting.clear(name);
    this.#mailboxes.clear(mailbox);
    return messages;
  }

  #clearAll() {
    this.leased.clearAll();
    this.tables.delayed.clear(this.#seq);
    this.#kept.clearAll();
    this.#mailboxes.clearAll();
    this.#limits.clearAll();
  }

  dead(request: DeadLetters): DeadOutcome {
    const { dead, covered } = this.tables;
    return dead.request(request, (put) => this.put(put), (name, id) => covered.mustSetApart(name, id));
  }

  /** The server has started. */
  start() {
    this.leased.start();
    this.tables.covered.start();
    this.events.start();
    this.#limits.start();
  }

  /** Takes over what another engine of the same state has reported, and was to report. */
  takeReports(other: Messages) {
    this.events.takeOver(other.events);
    this.#limits.takeOver(other.#limits);
  }

  /** The limits, or the length of what a take gives, have changed. */
  configure() {
    const { db, transaction, configuration: { takeBytesMax } } = this.#context;
    this.#mailboxes.owners.configure();
    // another length does not come while a server runs, so that nobody waits for it
    if (isMarkedFor(db, takeBytesMax)) return;
    this.#kept.flush(Infinity);
    transaction.begin();
    markLongMessages(db, takeBytesMax);
    this.#mailboxes.resetQueues();
  }

  /** To be called at the end of a record: raises its events. */
  endRecord() {
    this.#ready.endRecord();
    this.#dropped = 0;
    this.#limits.endRecord();
    this.events.endRecord();
  }

  /** About how many rows there are to {@linkcode flush}. */
  get unflushed(): number {
    const { unflushed, forgettable } = this.#mailboxes;
    return this.#kept.pending.count + unflushed + this.leased.unflushed + this.tables.delayed.unflushed +
      forgettable;
  }

  /**
   * Writes up to `rows` rows of what only memory has: messages, the oldest first, then mailboxes and leases. Returns
   * whether anything is left.
   */
  flush(rows = Infinity): boolean {
    let left = rows - this.#kept.flush(rows);
    if (left > 0) left -= this.#mailboxes.flush(left);
    if (left > 0) left -= this.leased.flush(left);
    if (left > 0) left -= this.tables.delayed.flush(left);
    const forgettable = this.#mailboxes.forgettable;
    if (this.unflushed > forgettable) return true;
    if (left > 0) this.#mailboxes.forgetEmpty(left);
    if (this.#mailboxes.forgettable > 0) return true;
    if (this.#seq !== this.#seqStored) {
      this.#context.transaction.run(this.#storeSeq, this.#seq);
      this.#seqStored = this.#seq;
    }
    return false;
  }

  /** Removes up to `rows` rows of cleared mailboxes. */
  sweep(rows: number) {
    this.#mailboxes.sweep(rows);
  }
}
