/**
 * What the SQLite store does with messages: each operation inside the transaction of the batch that it belongs to.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { type Lease, Leases } from "./leases.ts";
import { type Mailbox, Mailboxes, type Pending } from "./mailboxes.ts";
import {
  type Clear,
  type Count,
  type Counts,
  type DeadLetter,
  type DeadLetters,
  type LeasedMessage,
  type LeaseOutcome,
  type LeaseRequest,
  type List,
  type ListOutcome,
  type Put,
  type PutOutcome,
  type Stat,
  type Stats,
  type StoreEvent,
  type StoreLimits,
  StoreLost,
  type Taken,
  type TakeOutcome,
} from "./store.ts";
import type { Transaction } from "./transaction.ts";

/** Times that a message is given out before it is a dead letter. */
export const MAX_ATTEMPTS = 5;

/** Messages that one put may drop: some milliseconds' work. */
const MAX_DROPS = 1024;

/** Leases that may run at a time. */
const MAX_LEASES = 100_000;

/** Dead letters that are kept; the oldest goes for one more. */
const MAX_DEAD = 100_000;

/** Rows that are moved or removed at a time because of the time: about a millisecond's work. */
const TIMED_ROWS = 256;

export interface MessagesOptions {
  db: DatabaseSync;
  transaction: Transaction;
  limits: StoreLimits;
  onEvent(event: StoreEvent): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

interface Row {
  seq: number;
  sender: string;
  time: number;
  body: string;
  bytes: number;
  expires: number | null;
  attempts: number;
}

/** Invariant: between batches, what memory counts is what the database holds. */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #sql: Statements;
  readonly #mailboxes: Mailboxes;
  readonly #leases = new Leases();
  /** The highest number that a message has. */
  #seq: number;
  #pending: Pending[] = [];
  #changedLeases = new Set<Lease>();
  /** Mailboxes that somebody waits for, and those of them that have something for him since this batch. */
  readonly #watched = new Set<string>();
  readonly #ready = new Set<string>();
  #dropped = 0;
  #inserted = false;
  /** Whether there may be messages that come or go with the time, or rows of cleared mailboxes. */
  #timed: boolean;
  #cleared: boolean;

  constructor(options: MessagesOptions) {
    this.#options = options;
    const { db } = options;
    this.#sql = prepare(db);
    this.#mailboxes = new Mailboxes(options.limits, options.onEvent);
    const delayed = new Map(
      (db.prepare("SELECT mailbox, count(*) AS messages FROM delayed GROUP BY mailbox").all() as {
        mailbox: string;
        messages: number;
      }[]).map(({ mailbox, messages }) => [mailbox, messages]),
    );
    for (const row of db.prepare("SELECT id, name, messages, bytes FROM mailbox").iterate()) {
      const { id, name, messages, bytes } = row as Record<string, number> & { name: string };
      this.#mailboxes.load(name, id!, messages!, bytes!, messages! - (delayed.get(name) ?? 0));
    }
    const now = options.now();
    for (const row of db.prepare("SELECT * FROM lease").iterate()) {
      const { messages, ...lease } = row as unknown as Omit<Lease, "ids"> & { messages: string };
      // a start prolongs every lease
      this.#leases.add({
        ...lease,
        ids: new Set(messages.split(" ").map(Number)),
        given: now,
        until: now + lease.duration,
        confirmed: true,
        stored: true,
      });
    }
    const one = (sql: string) => (db.prepare(sql).get() as { value: number }).value;
    this.#seq = Math.max(
      one("SELECT coalesce(max(seq), 0) AS value FROM message"),
      one("SELECT coalesce(max(id), 0) AS value FROM delayed"),
      one("SELECT coalesce(max(id), 0) AS value FROM dead"),
    );
    this.#cleared = this.#sql.nextCleared.get() !== undefined;
    this.#timed = delayed.size > 0 ||
      one("SELECT count(*) AS value FROM (SELECT 1 FROM message WHERE expires IS NOT NULL LIMIT 1)") > 0;
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
    const { limits, transaction } = this.#options;
    const known = this.#mailboxes.get(put.mailbox);
    const reached = this.#mailboxes.reachedBy(known, put.bytes);
    if (reached !== undefined) {
      if (limits.whenFull === "refuse" || known === undefined || !this.#makeRoom(known, put.bytes)) {
        this.#mailboxes.refuse(put.mailbox, put.bytes, reached);
        return "full";
      }
    }
    const mailbox = this.#mailboxes.obtain(put.mailbox);
    this.#mailboxes.touch(mailbox);
    const seq = ++this.#seq;
    if (put.delay) {
      transaction.begin();
      const { time, sender, message, bytes, expires = null } = put;
      this.#sql.delay.run(seq, time + put.delay, put.mailbox, sender, time, message, bytes, expires);
      this.#timed = true;
    } else {
      const pending = { seq, put, taken: false };
      mailbox.pending.push(pending);
      this.#pending.push(pending);
      this.#nowReady(put.mailbox);
      if (put.expires !== undefined) this.#timed = true;
    }
    this.#mailboxes.change(mailbox, 1, put.bytes);
    return "stored";
  }

  /** Drops the oldest messages that nobody has, until there is room or there are none. */
  #makeRoom(mailbox: Mailbox, bytes: number): boolean {
    if (!this.#mailboxes.canMakeRoom(mailbox, bytes)) return false;
    for (let drops = 0; this.#mailboxes.reachedBy(mailbox, bytes, false) !== undefined; drops++) {
      // a limit that was lowered by much is reached over several puts, so that none holds the others up
      if (drops === MAX_DROPS) return true;
      if (this.#takeOldest(mailbox) === undefined) return false;
      this.#dropped++;
    }
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
    mailbox.nextPending++;
    pending.taken = true;
    this.#mailboxes.change(mailbox, -1, -pending.put.bytes);
    return { sender: pending.put.sender, time: pending.put.time, message: pending.put.message };
  }

  /** The oldest row that nobody has; it is not given again until `mailbox.cursor` is set back. */
  #next(mailbox: Mailbox): Row | undefined {
    if (mailbox.stored === 0) return undefined;
    for (;;) {
      const row = this.#sql.oldest.get(mailbox.id, mailbox.cursor) as Row | undefined;
      if (row === undefined) return undefined;
      mailbox.cursor = row.seq + 1;
      if (this.#leases.has(row.seq)) continue;
      if (row.expires === null || row.expires > this.#options.now()) return row;
      this.#remove(mailbox, row);
    }
  }

  #remove(mailbox: Mailbox, { seq, bytes }: { seq: number; bytes: number }) {
    this.#options.transaction.begin();
    if (this.#sql.remove.run(seq).changes !== 1) {
      throw new StoreLost(`Mailbox ${mailbox.name} lacks a message that it should have`);
    }
    mailbox.stored--;
    this.#mailboxes.change(mailbox, -1, -bytes);
  }

  lease(request: LeaseRequest): LeaseOutcome {
    const { session, tag, max, maxBytes, duration } = request;
    const before = this.#leases.of(session, tag);
    if (before !== undefined) return this.#leased(before);
    const mailbox = this.#mailboxes.get(request.mailbox);
    if (mailbox === undefined || mailbox.messages === 0) return this.#empty(request);
    if (this.#leases.size >= MAX_LEASES) return "busy";
    this.flush();
    this.#mailboxes.touch(mailbox);
    const messages: LeasedMessage[] = [];
    for (let bytes = 0; messages.length < max;) {
      const row = this.#next(mailbox);
      if (row === undefined) break;
      bytes += row.bytes;
      if (messages.length > 0 && bytes > maxBytes) {
        mailbox.cursor = row.seq;
        break;
      }
      messages.push(leasedMessage(row));
    }
    if (messages.length === 0) return this.#empty(request);
    const { now, random, transaction } = this.#options;
    const lease: Lease = {
      token: random(8).toHex(),
      session,
      tag,
      mailbox: mailbox.name,
      duration,
      ids: new Set(messages.map(({ id }) => id)),
      given: now(),
      until: now() + duration,
      confirmed: false,
      stored: false,
    };
    this.#leases.add(lease);
    this.#changedLeases.add(lease);
    transaction.onRollback(() => this.#leases.remove(lease));
    return { token: lease.token, messages };
  }

  #empty({ mailbox, watch }: LeaseRequest): "empty" {
    if (watch) this.#watched.add(mailbox);
    return "empty";
  }

  /** Nobody waits for messages of this mailbox any more. */
  unwatch(mailbox: string) {
    this.#watched.delete(mailbox);
  }

  #nowReady(mailbox: string) {
    if (this.#watched.has(mailbox)) this.#ready.add(mailbox);
  }

  #leased(lease: Lease): LeaseOutcome {
    const messages = [...lease.ids].map((id) => leasedMessage(this.#sql.row.get(id) as unknown as Row));
    return { token: lease.token, messages };
  }

  confirm(session: string, tag: number): "confirmed" | "unknown" {
    const lease = this.#leases.of(session, tag);
    if (lease === undefined) return "unknown";
    lease.confirmed = true;
    return "confirmed";
  }

  release(session: string, tag: number) {
    const lease = this.#leases.of(session, tag);
    if (lease !== undefined) this.#giveBack(lease, [...lease.ids], false);
  }

  /** Removes these messages. Returns those that are not the session's to acknowledge any more. */
  ack(session: string, token: string, ids: readonly number[]): number[] {
    return this.#each(session, token, ids, (mailbox, row, lease) => {
      if (lease !== undefined) this.#leave(lease, row.seq);
      this.#remove(mailbox, row);
    });
  }

  /** Gives these messages out again. Returns those that are not the session's to give back any more. */
  back(session: string, token: string, why: "failed" | "unused", ids: readonly number[]): number[] {
    return this.#each(session, token, ids, (_, row, lease) => {
      if (lease !== undefined) this.#giveBack(lease, [row.seq], why === "failed");
    });
  }

  /** Whether the lease is there to be prolonged. */
  extend(session: string, token: string, duration: number): boolean {
    const lease = this.#leases.get(token);
    if (lease === undefined || lease.session !== session) return false;
    const { now, transaction } = this.#options;
    const { duration: before, until } = lease;
    transaction.onRollback(() => Object.assign(lease, { duration: before, until }));
    Object.assign(lease, { duration, until: now() + duration, confirmed: true });
    this.#changedLeases.add(lease);
    return true;
  }

  /**
   * Calls `act` for each message that the token still stands for: it is in the lease, or the lease has ended and nobody
   * has had the message since.
   */
  #each(
    session: string,
    token: string,
    ids: readonly number[],
    act: (mailbox: Mailbox, row: Row, lease: Lease | undefined) => void,
  ): number[] {
    const found = this.#leases.get(token), lease = found?.session === session ? found : undefined;
    if (lease !== undefined) lease.confirmed = true;
    const lost: number[] = [];
    for (const id of ids) {
      const row = this.#sql.row.get(id) as unknown as
        | Row & { name: string | null; token: string | null }
        | undefined;
      const mailbox = row?.name == null ? undefined : this.#mailboxes.get(row.name);
      const leased = lease?.ids.has(id) ?? false;
      if (
        row === undefined || mailbox === undefined || !leased && (this.#leases.has(id) || row.token !== token)
      ) {
        lost.push(id);
        continue;
      }
      this.#mailboxes.touch(mailbox);
      act(mailbox, row, leased ? lease : undefined);
    }
    return lost;
  }

  /** Takes a message out of its lease. */
  #leave(lease: Lease, id: number) {
    this.#leases.removeMessage(lease, id);
    this.#changedLeases.add(lease);
    this.#options.transaction.onRollback(() => this.#leases.addMessage(lease, id));
    if (lease.ids.size > 0) return;
    this.#leases.remove(lease);
    this.#options.transaction.onRollback(() => this.#leases.add(lease));
  }

  /** Puts messages of a lease back at their place in the order, or with the dead letters. */
  #giveBack(lease: Lease, ids: readonly number[], counted: boolean) {
    const mailbox = this.#mailboxes.get(lease.mailbox);
    if (mailbox === undefined) throw new StoreLost(`Mailbox ${lease.mailbox} of a lease is missing`);
    this.#mailboxes.touch(mailbox);
    this.#options.transaction.begin();
    for (const id of ids) {
      this.#leave(lease, id);
      const row = this.#sql.row.get(id) as unknown as Row;
      const attempts = row.attempts + (counted ? 1 : 0);
      if (attempts >= MAX_ATTEMPTS) {
        this.#sql.bury.run(mailbox.name, id);
        this.#remove(mailbox, row);
        this.#sql.trimDead.run(MAX_DEAD);
        continue;
      }
      this.#sql.giveBack.run(attempts, lease.token, id);
      mailbox.cursor = Math.min(mailbox.cursor, id);
      this.#nowReady(mailbox.name);
    }
  }

  count(count: Count): Counts {
    if (count.mailbox === undefined) return this.counts;
    const { messages, bytes } = this.#mailboxes.get(count.mailbox) ?? { messages: 0, bytes: 0 };
    return { messages, bytes, mailboxes: messages > 0 ? 1 : 0 };
  }

  stat({ mailbox }: Stat): Stats {
    this.flush();
    const { messages, bytes } = this.count({ kind: "count", ...mailbox === undefined ? {} : { mailbox } });
    const one = (row: unknown) => (row as { value: number }).value;
    const delayed = one(this.#sql.countDelayed.get(mailbox ?? null, mailbox ?? null));
    const dead = one(this.#sql.countDead.get(mailbox ?? null, mailbox ?? null));
    let leased = mailbox === undefined ? this.#leases.messages : 0;
    if (mailbox !== undefined) { for (const { ids } of this.#leases.in(mailbox)) leased += ids.size; }
    return { messages, bytes, ready: messages - leased - delayed, leased, delayed, dead };
  }

  list(list: List): ListOutcome {
    this.flush();
    // the empty name comes before every other, and is listed only from the beginning
    const after = list.after ?? "";
    const rows = this.#sql.list.all(after, list.limit) as { mailbox: string; messages: number }[];
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
    for (const mailbox of mailboxes) if (mailbox.messages > 0) this.#clear(mailbox);
    return messages;
  }

  /** Lets the mailbox begin again under a new number; the rows of the old one are swept later. */
  #clear(mailbox: Mailbox) {
    this.#options.transaction.begin();
    for (const lease of [...this.#leases.in(mailbox.name)]) {
      for (const id of [...lease.ids]) this.#leave(lease, id);
    }
    this.#sql.dropDelayed.run(mailbox.name);
    this.#sql.clear.run(mailbox.id);
    this.#sql.dropMailbox.run(mailbox.id);
    this.#cleared = true;
    this.#mailboxes.touch(mailbox);
    this.#mailboxes.change(mailbox, -mailbox.messages, -mailbox.bytes);
    mailbox.id =
      mailbox.stored =
      mailbox.rowMessages =
      mailbox.rowBytes =
        0;
  }

  /** Dead letters: lists them, gives them out again with no attempts counted, or removes them. */
  dead({ what, id, limit }: DeadLetters): DeadLetter[] | number {
    if (what === "list") return this.#sql.dead.all(id ?? 0, limit) as unknown as DeadLetter[];
    this.#options.transaction.begin();
    if (what === "drop") return Number(this.#sql.dropDead.run(id ?? null, id ?? null).changes);
    let requeued = 0;
    const rows = this.#sql.deadRows.all(id ?? null, id ?? null, limit) as unknown as DeadLetter[];
    for (const { id, mailbox, sender, time, message } of rows) {
      const bytes = new TextEncoder().encode(message).length;
      if (this.put({ kind: "put", mailbox, sender, time, message, bytes }) !== "stored") continue;
      this.#sql.dropDead.run(id, id);
      requeued++;
    }
    return requeued;
  }

  /** Gives rows to what is still to be stored, and brings the rows of mailboxes and leases up to date. */
  flush() {
    const { transaction } = this.#options;
    for (const { seq, put, taken } of this.#pending) {
      if (taken) continue;
      const mailbox = this.#mailboxes.obtain(put.mailbox);
      const { sender, time, message, bytes, expires = null } = put;
      transaction.begin(bytes);
      this.#giveRow(mailbox);
      this.#sql.insert.run(seq, mailbox.id, sender, time, message, bytes, expires);
      this.#inserted = true;
      mailbox.stored++;
    }
    this.#pending = [];
    for (const mailbox of this.#mailboxes.touched) {
      mailbox.forgetPending();
      const { messages, bytes } = mailbox;
      if (messages === mailbox.rowMessages && bytes === mailbox.rowBytes) continue;
      transaction.begin();
      this.#giveRow(mailbox);
      this.#sql.setMailbox.run(messages, bytes, mailbox.id);
      mailbox.rowMessages = messages;
      mailbox.rowBytes = bytes;
    }
    for (const lease of this.#changedLeases) this.#storeLease(lease);
    this.#changedLeases.clear();
  }

  #giveRow(mailbox: Mailbox) {
    if (mailbox.id === 0) mailbox.id = Number(this.#sql.addMailbox.run(mailbox.name).lastInsertRowid);
  }

  #storeLease(lease: Lease) {
    const { token, session, tag, mailbox, duration, ids, stored } = lease;
    if (ids.size === 0 && !stored) return;
    const { transaction } = this.#options;
    transaction.begin();
    transaction.onRollback(() => lease.stored = stored);
    if (ids.size === 0) this.#sql.dropLease.run(token);
    else this.#sql.setLease.run(token, session, tag, mailbox, duration, [...ids].join(" "));
    lease.stored = ids.size > 0;
  }

  /** Comes before the commit of a batch. */
  beforeCommit() {
    this.flush();
    for (const { id } of this.#mailboxes.forgetEmpty()) {
      this.#options.transaction.begin();
      this.#sql.dropMailbox.run(id);
    }
  }

  /** Comes after it. */
  afterCommit() {
    this.#mailboxes.commit();
    for (const mailbox of this.#ready) {
      this.#watched.delete(mailbox);
      this.#options.onEvent({ kind: "ready", mailbox });
    }
    this.#ready.clear();
    this.#inserted = false;
    this.#dropped = 0;
  }

  /** Comes after the transaction was rolled back. */
  rollback() {
    this.#mailboxes.rollback();
    this.#pending = [];
    this.#changedLeases.clear();
    this.#ready.clear();
    this.#inserted = false;
    this.#dropped = 0;
  }

  /** Whether something has to be done as time goes by: {@linkcode tick}. */
  get isTimed(): boolean {
    return this.#timed || this.#leases.size > 0;
  }

  /** Ends leases, gives out what was delayed and removes what has expired, as far as it is time; a piece at a time. */
  tick() {
    const now = this.#options.now(), { transaction } = this.#options;
    for (const lease of this.#leases.ended(now).slice(0, TIMED_ROWS)) {
      this.#giveBack(lease, [...lease.ids], lease.confirmed);
    }
    if (!this.#timed) return;
    const due = this.#sql.due.all(now, TIMED_ROWS) as unknown as (Row & { id: number; mailbox: string })[];
    for (const row of due) {
      const mailbox = this.#mailboxes.obtain(row.mailbox);
      transaction.begin();
      this.#mailboxes.touch(mailbox);
      this.#giveRow(mailbox);
      const { id, sender, time, body, bytes, expires } = row;
      this.#sql.insert.run(++this.#seq, mailbox.id, sender, time, body, bytes, expires);
      this.#sql.undelay.run(id);
      mailbox.stored++;
      this.#nowReady(mailbox.name);
    }
    const expired = this.#sql.expired.all(now, TIMED_ROWS) as unknown as (Row & { name: string })[];
    for (const row of expired) {
      const mailbox = this.#mailboxes.get(row.name);
      // a message that somebody has is his until his lease ends
      if (mailbox === undefined || this.#leases.has(row.seq)) continue;
      this.#mailboxes.touch(mailbox);
      this.#remove(mailbox, row);
    }
    this.#timed = this.#sql.timed.get() !== undefined;
  }

  /** Whether rows of cleared mailboxes may be left to {@linkcode sweep}. */
  get hasCleared(): boolean {
    return this.#cleared;
  }

  /** Removes up to `rows` rows of what was cleared. */
  sweep(rows: number) {
    for (let left = rows; left > 0; left--) {
      const row = this.#sql.nextCleared.get() as { mailbox: number } | undefined;
      if (row === undefined) {
        this.#cleared = false;
        return;
      }
      this.#options.transaction.begin();
      const changes = Number(this.#sql.sweep.run(row.mailbox, left).changes);
      if (changes === left) return;
      this.#sql.swept.run(row.mailbox);
      left -= changes;
    }
  }
}

function leasedMessage({ seq, sender, time, body, attempts }: Row): LeasedMessage {
  return { id: seq, attempt: attempts + 1, sender, time, message: body };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: DatabaseSync) {
  const sql = (text: string) => db.prepare(text);
  return {
    insert: sql(
      "INSERT INTO message (seq, mailbox, sender, time, body, bytes, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    oldest: sql(
      "SELECT seq, sender, time, body, bytes, expires, attempts FROM message WHERE mailbox = ? AND seq >= ? ORDER BY seq LIMIT 1",
    ),
    row: sql("SELECT message.*, name FROM message LEFT JOIN mailbox ON mailbox.id = mailbox WHERE seq = ?"),
    remove: sql("DELETE FROM message WHERE seq = ?"),
    giveBack: sql("UPDATE message SET attempts = ?, token = ? WHERE seq = ?"),
    addMailbox: sql("INSERT INTO mailbox (name, messages, bytes) VALUES (?, 0, 0)"),
    setMailbox: sql("UPDATE mailbox SET messages = ?, bytes = ? WHERE id = ?"),
    dropMailbox: sql("DELETE FROM mailbox WHERE id = ?"),
    list: sql(
      "SELECT name AS mailbox, messages FROM mailbox WHERE messages > 0 AND name > ? ORDER BY name LIMIT ?",
    ),
    clear: sql("INSERT INTO cleared (mailbox) VALUES (?)"),
    nextCleared: sql("SELECT mailbox FROM cleared LIMIT 1"),
    sweep: sql(
      "DELETE FROM message WHERE seq IN (SELECT seq FROM message WHERE mailbox = ? ORDER BY seq LIMIT ?)",
    ),
    swept: sql("DELETE FROM cleared WHERE mailbox = ?"),
    setLease: sql(
      "REPLACE INTO lease (token, session, tag, mailbox, duration, messages) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    dropLease: sql("DELETE FROM lease WHERE token = ?"),
    delay: sql(
      "INSERT INTO delayed (id, due, mailbox, sender, time, body, bytes, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    ),
    due: sql("SELECT * FROM delayed WHERE due <= ? ORDER BY due, id LIMIT ?"),
    undelay: sql("DELETE FROM delayed WHERE id = ?"),
    dropDelayed: sql("DELETE FROM delayed WHERE mailbox = ?"),
    countDelayed: sql("SELECT count(*) AS value FROM delayed WHERE ? IS NULL OR mailbox = ?"),
    expired: sql(
      "SELECT seq, message.bytes, name FROM message JOIN mailbox ON mailbox.id = mailbox WHERE expires <= ? LIMIT ?",
    ),
    timed: sql(
      "SELECT 1 FROM message WHERE expires IS NOT NULL UNION ALL SELECT 1 FROM delayed LIMIT 1",
    ),
    bury: sql(
      "INSERT INTO dead SELECT seq, ?, sender, time, body, bytes FROM message WHERE seq = ?",
    ),
    trimDead: sql(
      "DELETE FROM dead WHERE id IN (SELECT id FROM dead ORDER BY id DESC LIMIT -1 OFFSET ?)",
    ),
    dead: sql("SELECT id, mailbox, sender, time, body AS message FROM dead WHERE id > ? ORDER BY id LIMIT ?"),
    deadRows: sql(
      "SELECT id, mailbox, sender, time, body AS message FROM dead WHERE ? IS NULL OR id = ? ORDER BY id LIMIT ?",
    ),
    dropDead: sql("DELETE FROM dead WHERE ? IS NULL OR id = ?"),
    countDead: sql("SELECT count(*) AS value FROM dead WHERE ? IS NULL OR mailbox = ?"),
  };
}
