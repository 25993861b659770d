/**
 * What the SQLite store does with messages that are with a session, inside the transaction of the batch.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { DeadLetterRows } from "./dead_letters.ts";
import type { TableUsage } from "../../../quota/fair_table.ts";
import { type Lease, Leases } from "./leases.ts";
import type { Mailbox, Mailboxes } from "./mailboxes.ts";
import type { MessageRows, Row, RowOf } from "./message_rows.ts";
import type { Owned } from "./set_apart.ts";
import type { Leased, LeasedMessage, LeaseRequest } from "../../requests/lease.ts";
import type { FailedAttempt } from "../../requests/message.ts";
import type { Retries } from "./retries.ts";
import { StoreLost } from "../../errors.ts";
import type { Transaction } from "../../database/transaction.ts";
import type { Watches } from "./watches.ts";

/** What a lease comes to that ends by itself. */
const RAN_OUT: FailedAttempt = { delay: 0, attempts: 5, reason: "lease ran out" };

export interface LeasedMessagesOptions {
  db: DatabaseSync;
  transaction: Transaction;
  mailboxes: Mailboxes;
  rows: MessageRows;
  dead: DeadLetterRows;
  owned: Owned;
  retries: Retries;
  watches: Watches;
  /** Milliseconds since 1970. */
  wallClock(): number;
  /** Milliseconds of a clock that is never set. */
  monotonicClock(): number;
  /** That many random bytes. */
  random(bytes: number): Uint8Array;
}

export class LeasedMessages {
  readonly #options: LeasedMessagesOptions;
  readonly #sql: ReturnType<typeof prepare>;
  readonly #leases = new Leases();
  /** Those of this batch whose rows are to be brought up to date. */
  readonly #changed = new Set<Lease>();

  constructor(options: LeasedMessagesOptions) {
    this.#options = options;
    const { db, rows } = options, now = options.monotonicClock();
    this.#sql = prepare(db);
    const saved = db.prepare(
      "SELECT token, session, tag, mailbox, duration, messages, network, owner AS account, begun FROM lease",
    );
    for (const row of saved.all()) {
      const { messages: ids, begun: begunIds, ...lease } = row as unknown as
        & Omit<Lease, "messages" | "begun">
        & { messages: string; begun: string | null };
      const messages = new Map(ids.split(" ").map((id) => [Number(id), rows.get(Number(id))?.bytes ?? 0]));
      const begun = begunIds === null ? undefined : new Set(begunIds.split(" ").map(Number));
      // a start prolongs every lease
      const until = now + lease.duration;
      this.#leases.add({
        ...lease,
        messages,
        begun,
        given: now,
        until,
        confirmed: true,
        stored: true,
        older: undefined,
        newer: undefined,
      });
    }
  }

  /** Leases that run. */
  get size(): number {
    return this.#leases.size;
  }

  get usage(): TableUsage {
    return this.#leases.usage;
  }

  has(id: number): boolean {
    return this.#leases.has(id);
  }

  /** Messages of a mailbox, or of all, that are leased. */
  count(mailbox: string | undefined): number {
    return this.#leases.messages(mailbox);
  }

  /** What a session was given under this tag before. */
  given(session: string, tag: number): Leased | undefined {
    const lease = this.#leases.of(session, tag);
    if (lease === undefined) return undefined;
    return {
      token: lease.token,
      messages: [...lease.messages.keys()].map((id) => leasedMessage(this.#row(id))),
    };
  }

  /** Ends a lease where another one can't be given otherwise to this network, or this account. Returns whether it can. */
  makeRoom({ network = "", account = "" }: LeaseRequest): boolean {
    const leaving = this.#leases.roomFor({ network, account });
    if (typeof leaving === "object") this.#giveBack(leaving, new Map(leaving.messages));
    return leaving !== "full";
  }

  /** Gives these messages of a mailbox to a session. */
  give(
    { session, network = "", account = "", tag, mailbox, duration, ahead }: LeaseRequest,
    rows: readonly Row[],
  ): Leased {
    const { monotonicClock, random, transaction } = this.#options, now = monotonicClock();
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
      given: now,
      until: now + duration,
      confirmed: false,
      stored: false,
      older: undefined,
      newer: undefined,
    };
    this.#leases.add(lease);
    this.#changed.add(lease);
    transaction.onRollback(() => this.#leases.remove(lease));
    return { token: lease.token, messages: rows.map(leasedMessage) };
  }

  confirm(session: string, tag: number): "confirmed" | "unknown" {
    const lease = this.#leases.of(session, tag);
    if (lease === undefined) return "unknown";
    this.#confirmed(lease);
    return "confirmed";
  }

  #confirmed(lease: Lease) {
    if (lease.confirmed) return;
    lease.confirmed = true;
    this.#options.transaction.onRollback(() => {
      lease.confirmed = false;
      this.#leases.heed(lease);
    });
  }

  release(session: string, tag: number) {
    const lease = this.#leases.of(session, tag);
    if (lease !== undefined) this.#giveBack(lease, new Map(lease.messages));
  }

  /** Removes these messages. Returns those that are not the session's to acknowledge any more. */
  ack(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#sort(session, token, ids);
    if (lease !== undefined && held.size > 0) {
      this.#take(lease, held);
      this.#removeRows(lease, held);
    }
    return this.#each(token, others, ({ seq, bytes, due, mailbox }) => {
      const { mailboxes, rows, retries } = this.#options;
      mailboxes.touch(mailbox);
      rows.remove(mailbox, seq, seq, bytes);
      if (due !== null) retries.removed(mailbox.name);
    });
  }

  /**
   * Gives these messages out again: uncounted, or because an attempt failed. Returns those that are not the session's to
   * give back any more.
   */
  back(session: string, token: string, ids: readonly number[], failure?: FailedAttempt): number[] {
    const { lease, held, others } = this.#sort(session, token, ids);
    if (lease !== undefined) this.#giveBack(lease, held, () => failure);
    // they are back already
    return this.#each(token, others, () => {});
  }

  /** These messages count as given out. Returns those that are not the session's any more. */
  begin(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#sort(session, token, ids), begun = lease?.begun;
    if (lease === undefined || begun === undefined) return others;
    const more = held.keys().filter((id) => !begun.has(id)).toArray();
    for (const id of more) begun.add(id);
    this.#changed.add(lease);
    this.#options.transaction.onRollback(() => more.forEach((id) => begun.delete(id)));
    return others;
  }

  /** Whether the lease is there to be prolonged. */
  extend(session: string, token: string, duration: number): boolean {
    const lease = this.#leases.get(token);
    if (lease === undefined || lease.session !== session) return false;
    const { monotonicClock, transaction } = this.#options;
    const { duration: before, until } = lease;
    transaction.onRollback(() => {
      Object.assign(lease, { duration: before, until });
      this.#leases.heed(lease);
    });
    Object.assign(lease, { duration, until: monotonicClock() + duration });
    this.#leases.use(lease);
    this.#confirmed(lease);
    this.#leases.heed(lease);
    this.#changed.add(lease);
    return true;
  }

  /** Which of these messages are in the lease, and which are not. */
  #sort(session: string, token: string, ids: readonly number[]) {
    const found = this.#leases.get(token), lease = found?.session === session ? found : undefined;
    const held = new Map<number, number>(), others: number[] = [];
    if (lease !== undefined) this.#confirmed(lease);
    for (const id of new Set(ids)) {
      const bytes = lease?.messages.get(id);
      if (bytes === undefined) others.push(id);
      else held.set(id, bytes);
    }
    return { lease, held, others };
  }

  /**
   * Calls `act` for each message that came back from a lease with this token and that nobody has had since. Returns the
   * others.
   */
  #each(token: string, ids: readonly number[], act: (row: RowOf & { mailbox: Mailbox }) => void): number[] {
    return ids.filter((id) => {
      const row = this.#options.rows.get(id), mailbox = row?.mailbox;
      if (mailbox === undefined || this.#leases.has(id) || row!.token !== token) return true;
      act({ ...row!, mailbox });
      return false;
    });
  }

  /** Takes messages out of their lease. */
  #take(lease: Lease, messages: ReadonlyMap<number, number>) {
    this.#leases.take(lease, messages);
    this.#changed.add(lease);
    this.#options.transaction.onRollback(() => this.#leases.restore(lease, messages));
  }

  /** Takes out of a lease that ends without a trace all that it holds. */
  drop(mailbox: string) {
    for (const lease of this.#leases.in(mailbox)) this.#take(lease, new Map(lease.messages));
  }

  /** Removes messages of a lease, those with consecutive numbers together. */
  #removeRows({ mailbox: name }: Lease, messages: ReadonlyMap<number, number>) {
    const { mailboxes, rows } = this.#options, mailbox = this.#mailbox(name);
    mailboxes.touch(mailbox);
    const leased = [...messages].sort(([a], [b]) => a - b);
    for (let at = 0; at < leased.length;) {
      const first = leased[at]![0];
      let sum = 0, last = first;
      for (; leased[at]?.[0] === last; last++) sum += leased[at++]![1];
      rows.remove(mailbox, first, last - 1, sum);
    }
  }

  /**
   * Puts messages of a lease back at their place in the order, or with the dead letters.
   *
   * @param failureOf How the attempt at a message failed; undefined where none is counted.
   */
  #giveBack(
    lease: Lease,
    messages: ReadonlyMap<number, number>,
    failureOf: (id: number) => FailedAttempt | undefined = () => undefined,
  ) {
    const { mailboxes, rows, dead, owned, retries, watches } = this.#options;
    const mailbox = this.#mailbox(lease.mailbox), { name } = mailbox;
    mailboxes.touch(mailbox);
    this.#take(lease, messages);
    const wall = this.#options.wallClock();
    for (const [id, bytes] of messages) {
      const failure = failureOf(id);
      const row = this.#row(id), attempts = row.attempts + (failure === undefined ? 0 : 1);
      const isExpired = row.expires !== null && row.expires <= wall;
      const isBefore = owned.isBefore(name, id);
      const isDead = failure !== undefined && attempts >= failure.attempts;
      if (isBefore && !isExpired) dead.setApart(name, { ...row, id, text: row.body, attempts });
      else if (isDead && !isBefore) dead.add(name, { seq: id, bytes, attempts, reason: failure.reason });
      if (isDead || isBefore || isExpired) {
        rows.remove(mailbox, id, id, bytes);
        continue;
      }
      rows.giveBack(id, attempts, lease.token);
      if (failure !== undefined && failure.delay > 0) {
        retries.add(name, id, wall + failure.delay);
        continue;
      }
      mailbox.comesBack(row);
      watches.notice(name);
    }
  }

  /** Takes back what leases hold that have ended, up to about so many messages. Returns whether there may be more. */
  end(limit: number): boolean {
    const { leases, isMore } = this.#leases.ended(this.#options.monotonicClock(), limit);
    for (const lease of leases) {
      const counts = (id: number) => lease.confirmed && (lease.begun?.has(id) ?? true);
      this.#giveBack(lease, new Map(lease.messages), (id) => counts(id) ? RAN_OUT : undefined);
    }
    return isMore;
  }

  #row(id: number): Row {
    const row = this.#options.rows.get(id);
    if (row === undefined) throw new StoreLost(`Message ${id} of a lease is missing`);
    return row;
  }

  #mailbox(name: string) {
    const mailbox = this.#options.mailboxes.get(name);
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
    const { transaction } = this.#options;
    transaction.begin();
    transaction.onRollback(() => lease.stored = stored);
    if (messages.size === 0) this.#sql.drop.run(token);
    else {
      const ids = [...messages.keys()].join(" ");
      const begunIds = begun === undefined ? null : [...begun].join(" ");
      this.#sql.set.run(token, session, tag, mailbox, duration, ids, network, account, begunIds);
    }
    lease.stored = messages.size > 0;
  }

  rollback() {
    this.#changed.clear();
  }
}

function leasedMessage({ seq, sender, time, body, attempts }: Row): LeasedMessage {
  return { id: seq, attempt: attempts + 1, sender, time, text: body };
}

function prepare(db: DatabaseSync) {
  return {
    set: db.prepare(
      `REPLACE INTO lease (token, session, tag, mailbox, duration, messages, network, owner, begun)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    drop: db.prepare("DELETE FROM lease WHERE token = ?"),
  };
}
