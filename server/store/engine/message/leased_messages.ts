import type { Context } from "../../database/context.ts";
import { allRows, prepareAll } from "../../database/statements.ts";
import { StoreLost } from "../../errors.ts";
import type { Leased, LeasedMessage, LeaseRequest } from "../../requests/lease.ts";
import type { FailedAttempt } from "../../requests/message.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { Mailboxes } from "../mailbox/mailboxes.ts";
import type { DeadLetterRows } from "./dead_letters.ts";
import type { DelayedMessages, Retries } from "./delayed_messages.ts";
import { type Lease, Leases } from "./leases.ts";
import type { MessageRows, Row, RowOf } from "./message_rows.ts";
import type { ReadyEvents } from "./ready_events.ts";

/** The failed attempt of a lease that ends by itself. */
const LEASE_RAN_OUT: FailedAttempt = { delay: 0, attempts: 5, reason: "lease ran out" };

/** Where messages are kept, by their states. */
export interface MessageTables {
  mailboxes: Mailboxes;
  rows: MessageRows;
  delayed: DelayedMessages;
  dead: DeadLetterRows;
  retries: Retries;
  /** For each mailbox that an account covers, the number of the last message that was put before. */
  covered: ReadonlyMap<string, number>;
  events: ReadyEvents;
}

interface LeaseRow extends Omit<Lease, "messages" | "begun"> {
  /** Numbers, separated by spaces. */
  messages: string;
  begun: string | null;
}

/** Messages that are with a session. */
export class LeasedMessages {
  readonly leases = new Leases();
  readonly #context: Context;
  readonly #tables: MessageTables;
  readonly #sql;
  /** Leases whose rows this batch has to bring up to date. */
  readonly #changed = new Set<Lease>();

  constructor(context: Context, tables: MessageTables) {
    this.#context = context;
    this.#tables = tables;
    const { db } = context, given = context.monotonicClock();
    this.#sql = prepareAll(db, {
      set: `REPLACE INTO lease (token, session, tag, mailbox, duration, messages, network, account, begun)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      drop: "DELETE FROM lease WHERE token = ?",
    });
    const numbers = (ids: string) => ids.split(" ").map(Number);
    for (const row of allRows<LeaseRow>(db.prepare("SELECT * FROM lease"))) {
      const messages = new Map(numbers(row.messages).map((id) => [id, tables.rows.get(id)?.bytes ?? 0]));
      const begun = row.begun === null ? undefined : new Set(numbers(row.begun));
      // a start prolongs every lease
      const until = given + row.duration, links = { older: undefined, newer: undefined, use: 0 };
      this.leases.add({ ...row, messages, begun, given, until, confirmed: true, stored: true, ...links });
    }
  }

  /** What a session was given under this tag before. */
  given(session: string, tag: number): Leased | undefined {
    const lease = this.leases.of(session, tag);
    if (lease === undefined) return undefined;
    const messages = [...lease.messages.keys()].map((id) => leasedMessage(this.#row(id)));
    return { token: lease.token, messages };
  }

  /** Ends a lease if the network or account could get no other one otherwise. Returns whether it can get one now. */
  makeRoom({ network = "", account = "" }: LeaseRequest): boolean {
    const leaving = this.leases.table.roomFor({ network, account });
    if (typeof leaving === "object") this.#release(leaving, new Map(leaving.messages));
    return leaving !== "full";
  }

  /** Leases these messages of a mailbox to a session. */
  give(request: LeaseRequest, rows: readonly Row[]): Leased {
    const { session, network = "", account = "", tag, mailbox, duration, ahead } = request;
    const { monotonicClock, random, transaction } = this.#context, given = monotonicClock();
    const lease: Lease = {
      token: random(8).toHex(),
      session,
      network,
      account,
      tag,
      mailbox,
      duration,
      messages: new Map(rows.map(({ seq, bytes }) => [seq, bytes])),
      begun: ahead ? new Set() : undefined,
      given,
      until: given + duration,
      confirmed: false,
      stored: false,
      older: undefined,
      newer: undefined,
      use: 0,
    };
    this.leases.add(lease);
    this.#changed.add(lease);
    transaction.onRollback(() => this.leases.remove(lease));
    return { token: lease.token, messages: rows.map(leasedMessage) };
  }

  confirm(session: string, tag: number): "confirmed" | "unknown" {
    const lease = this.leases.of(session, tag);
    if (lease === undefined) return "unknown";
    this.#confirm(lease);
    return "confirmed";
  }

  #confirm(lease: Lease) {
    if (lease.confirmed) return;
    lease.confirmed = true;
    this.#context.transaction.onRollback(() => {
      lease.confirmed = false;
      this.leases.mayEndEarlier(lease);
    });
  }

  /** Releases the messages of a lease. */
  release(session: string, tag: number): "released" {
    const lease = this.leases.of(session, tag);
    if (lease !== undefined) this.#release(lease, new Map(lease.messages));
    return "released";
  }

  /** Releases the messages of all leases. */
  releaseAll() {
    for (const lease of this.leases.all()) this.#release(lease, new Map(lease.messages));
  }

  /** Acknowledges these messages: removes them. Returns those that the lease does not hold any more. */
  ack(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#find(session, token, ids);
    if (lease !== undefined && held.size > 0) {
      this.#takeOut(lease, held);
      this.#removeRows(lease, held);
    }
    const { mailboxes, rows, retries } = this.#tables;
    return others.filter((id) => {
      const row = this.#releasedRow(id, token);
      if (row === undefined) return true;
      mailboxes.touch(row.mailbox);
      rows.remove(row.mailbox, row);
      if (row.due !== null) retries.counts.add(row.mailbox.name, -1);
      return false;
    });
  }

  /**
   * Releases these messages.
   *
   * @param failure Why the attempt failed; undefined: none is counted.
   * @returns Those that the lease does not hold any more.
   */
  back(session: string, token: string, ids: readonly number[], failure?: FailedAttempt): number[] {
    const { lease, held, others } = this.#find(session, token, ids);
    if (lease !== undefined) this.#release(lease, held, () => failure);
    return others.filter((id) => this.#releasedRow(id, token) === undefined);
  }

  /** Counts an attempt for these messages. Returns those that the lease does not hold any more. */
  begin(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#find(session, token, ids), begun = lease?.begun;
    if (lease === undefined || begun === undefined) return others;
    const added = held.keys().filter((id) => !begun.has(id)).toArray();
    for (const id of added) begun.add(id);
    this.#changed.add(lease);
    this.#context.transaction.onRollback(() => added.forEach((id) => begun.delete(id)));
    return others;
  }

  /** Extends a lease. Returns whether it was there. */
  extend(session: string, token: string, duration: number): boolean {
    const lease = this.leases.get(token);
    if (lease === undefined || lease.session !== session) return false;
    const { monotonicClock, transaction } = this.#context;
    const before = { duration: lease.duration, until: lease.until };
    transaction.onRollback(() => {
      Object.assign(lease, before);
      this.leases.mayEndEarlier(lease);
    });
    Object.assign(lease, { duration, until: monotonicClock() + duration });
    this.leases.table.use(lease);
    this.#confirm(lease);
    this.leases.mayEndEarlier(lease);
    this.#changed.add(lease);
    return true;
  }

  /** Which of these messages are in the lease, with their bytes, and which are not. */
  #find(session: string, token: string, ids: readonly number[]) {
    const found = this.leases.get(token), lease = found?.session === session ? found : undefined;
    const held = new Map<number, number>(), others: number[] = [];
    if (lease !== undefined) this.#confirm(lease);
    for (const id of new Set(ids)) {
      const bytes = lease?.messages.get(id);
      if (bytes === undefined) others.push(id);
      else held.set(id, bytes);
    }
    return { lease, held, others };
  }

  /** The row of a message, if the lease with this token has released it and it was not leased since. */
  #releasedRow(id: number, token: string): RowOf & { mailbox: Mailbox } | undefined {
    const row = this.#tables.rows.get(id), mailbox = row?.mailbox;
    if (mailbox === undefined || row!.token !== token || this.leases.has(id)) return undefined;
    return { ...row!, mailbox };
  }

  /** Takes messages out of their lease. */
  #takeOut(lease: Lease, messages: ReadonlyMap<number, number>) {
    this.leases.removeMessages(lease, messages);
    this.#changed.add(lease);
    this.#context.transaction.onRollback(() => this.leases.restore(lease, messages));
  }

  /** Ends the leases of a mailbox that is cleared. */
  clear(mailbox: string) {
    for (const lease of this.leases.in(mailbox)) this.#takeOut(lease, new Map(lease.messages));
  }

  /** Removes messages of a lease, those with consecutive numbers together. */
  #removeRows({ mailbox: name }: Lease, messages: ReadonlyMap<number, number>) {
    const { mailboxes, rows } = this.#tables, mailbox = this.#mailbox(name);
    mailboxes.touch(mailbox);
    const leased = [...messages].sort(([a], [b]) => a - b);
    for (let at = 0; at < leased.length;) {
      const first = leased[at]![0];
      let sum = 0, last = first;
      for (; leased[at]?.[0] === last; last++) sum += leased[at++]![1];
      rows.removeRange(mailbox, first, last - 1, sum);
    }
  }

  /**
   * Makes messages of a lease ready again, at their place in the order, or dead letters.
   *
   * @param failureOf Why the attempt at a message failed; undefined: none is counted.
   */
  #release(
    lease: Lease,
    messages: ReadonlyMap<number, number>,
    failureOf: (id: number) => FailedAttempt | undefined = () => undefined,
  ) {
    const { mailboxes, rows, dead, covered, retries, events } = this.#tables;
    const mailbox = this.#mailbox(lease.mailbox), { name } = mailbox;
    mailboxes.touch(mailbox);
    this.#takeOut(lease, messages);
    const now = this.#context.wallClock();
    for (const id of messages.keys()) {
      const failure = failureOf(id);
      const row = this.#row(id), attempts = row.attempts + (failure === undefined ? 0 : 1);
      const isExpired = row.expires !== null && row.expires <= now;
      const isBefore = id <= (covered.get(name) ?? 0);
      const isDead = failure !== undefined && attempts >= failure.attempts;
      if (isBefore && !isExpired) dead.setApart(name, id, row, attempts);
      else if (isDead && !isBefore) dead.add(name, row, attempts, failure.reason);
      if (isDead || isBefore || isExpired) {
        rows.remove(mailbox, row);
        continue;
      }
      rows.release(id, attempts, lease.token);
      if (failure !== undefined && failure.delay > 0) {
        retries.add(name, id, now + failure.delay);
        continue;
      }
      mailbox.addReady(row);
      events.notify(name);
    }
  }

  /** Ends leases whose time is over, with about `limit` messages together. Returns whether there may be more. */
  end(limit: number): boolean {
    const { leases, isMore } = this.leases.ended(this.#context.monotonicClock(), limit);
    for (const lease of leases) {
      const counts = (id: number) => lease.confirmed && (lease.begun?.has(id) ?? true);
      this.#release(lease, new Map(lease.messages), (id) => counts(id) ? LEASE_RAN_OUT : undefined);
    }
    return isMore;
  }

  #row(id: number): Row {
    const row = this.#tables.rows.get(id);
    if (row === undefined) throw new StoreLost(`Message ${id} of a lease is missing`);
    return row;
  }

  #mailbox(name: string): Mailbox {
    const mailbox = this.#tables.mailboxes.get(name);
    if (mailbox === undefined) throw new StoreLost(`Mailbox ${name} of a lease is missing`);
    return mailbox;
  }

  /** Brings the rows of leases up to date. */
  flush() {
    for (const lease of this.#changed) this.#store(lease);
    this.#changed.clear();
  }

  #store(lease: Lease) {
    const { token, session, network, account, tag, mailbox, duration, messages, begun, stored } = lease;
    if (messages.size === 0 && !stored) return;
    const { transaction } = this.#context;
    transaction.onRollback(() => lease.stored = stored);
    lease.stored = messages.size > 0;
    if (!lease.stored) {
      transaction.run(this.#sql.drop, token);
      return;
    }
    const ids = [...messages.keys()].join(" "), begunIds = begun === undefined ? null : [...begun].join(" ");
    transaction.run(this.#sql.set, token, session, tag, mailbox, duration, ids, network, account, begunIds);
  }

  rollback() {
    this.#changed.clear();
  }
}

function leasedMessage({ seq, sender, time, text, attempts }: Row): LeasedMessage {
  return { id: seq, attempt: attempts + 1, sender, time, text };
}
