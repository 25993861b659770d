import type { Context } from "../../database/context.ts";
import { StoreLost } from "../../errors.ts";
import type { Settle, SettleOutcome } from "../../requests/keyed.ts";
import type { Leased, LeasedMessage, LeaseRequest } from "../../requests/lease.ts";
import type { FailedAttempt } from "../../requests/message.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { Mailboxes } from "../mailbox/mailboxes.ts";
import { buryDamaged } from "./rows/damage.ts";
import type { CoveredMailboxes } from "./covered_mailboxes.ts";
import type { DeadLetterRows } from "./dead_letters.ts";
import type { DelayedMessages } from "./rows/delayed_messages.ts";
import type { KeptMessages } from "./kept_messages.ts";
import { type Lease, Leases } from "./leases.ts";
import { LeaseRows } from "./rows/lease_rows.ts";
import { isWhole, type Message, type MessageOf } from "./rows/message_rows.ts";
import type { ReadyEvents } from "./ready_events.ts";

/** The failed attempt of a lease that ends by itself. */
const LEASE_RAN_OUT: FailedAttempt = { delay: 0, attempts: 5, reason: "lease ran out" };

/** Where messages are kept, by their states. */
export interface MessageTables {
  mailboxes: Mailboxes;
  kept: KeptMessages;
  delayed: DelayedMessages;
  dead: DeadLetterRows;
  covered: CoveredMailboxes;
  events: ReadyEvents;
}

/** Messages that are with a session. */
export class LeasedMessages {
  readonly leases: Leases;
  readonly #context: Context;
  readonly #tables: MessageTables;
  readonly #rows: LeaseRows;
  /** Leases whose rows are not up to date. One that has ended and has no row is not among them. */
  #changed = new Set<Lease>();
  /** Leases that were cleared together, whose rows are to be removed, and about how many these are. */
  readonly #cleared: IterableIterator<Lease>[] = [];
  #clearedCount = 0;

  constructor(context: Context, tables: MessageTables) {
    this.#context = context;
    this.#tables = tables;
    this.leases = new Leases(context.configuration.leaseLimits);
    this.#rows = new LeaseRows(context, (id) => tables.kept.get(id)?.bytes ?? 0);
    for (const lease of this.#rows.read()) this.leases.load(lease);
  }

  /** What a session was given under this tag before. */
  given(session: string, tag: number): Leased | undefined {
    const lease = this.leases.of(session, tag);
    if (lease === undefined) return undefined;
    // a damaged one is found when it is released
    const messages = [...lease.messages.keys()].map((id) => this.#message(id))
      .filter((message) => isWhole(lease.mailbox, message)).map(leasedMessage);
    return { token: lease.token, messages };
  }

  /** Ends a lease if the network or account could get no other one otherwise. Returns whether it can get one now. */
  makeRoom({ network = "", account = "" }: LeaseRequest): boolean {
    const leaving = this.leases.table.roomFor({ network, account });
    if (typeof leaving === "object") this.#end(leaving);
    return leaving !== "full";
  }

  /** Leases these messages of a mailbox to a session. */
  give(request: LeaseRequest, messages: readonly Message[]): Leased {
    const { session, network = "", account = "", tag, mailbox, duration, ahead, taken = false } = request;
    const { monotonicClock, random } = this.#context, given = monotonicClock();
    const bytesOf = new Map<number, number>();
    for (const { seq, bytes } of messages) bytesOf.set(seq, bytes);
    const lease: Lease = {
      token: random(8).toHex(),
      session,
      network,
      account,
      tag,
      mailbox,
      duration,
      messages: bytesOf,
      begun: ahead ? new Set() : undefined,
      given,
      until: given + duration,
      // a client that takes has nothing to confirm
      confirmed: taken,
      taken,
      stored: false,
      older: undefined,
      newer: undefined,
      use: 0,
    };
    this.leases.add(lease);
    this.#changed.add(lease);
    return { token: lease.token, messages: messages.map(leasedMessage) };
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
    this.#changed.add(lease);
  }

  /** Releases the messages of a lease. */
  release(session: string, tag: number): "released" {
    const lease = this.leases.of(session, tag);
    if (lease !== undefined) this.#release(lease, new Map(lease.messages));
    return "released";
  }

  /** Releases the messages of all leases. */
  releaseAll() {
    for (const lease of this.leases.all()) this.#end(lease);
  }

  /** Ends a lease: its messages are given out again, or were taken. */
  #end(lease: Lease, failureOf?: (id: number) => FailedAttempt | undefined) {
    const messages = new Map(lease.messages);
    if (!lease.taken) return this.#release(lease, messages, failureOf);
    this.#takeOut(lease, messages.keys());
    this.#tables.kept.removeAll(this.#mailbox(lease.mailbox), messages);
  }

  /** Does something with one message of a lease, for whoever knows its session and token (store 12.5). */
  settle({ session, token, id, account, what }: Settle): SettleOutcome {
    if (this.isDenied(id, token, account)) return "denied";
    const isDone = what.kind === "extend"
      ? this.extend(session, token, what.duration)
      : what.kind === "ack"
      ? this.ack(session, token, [id]).length === 0
      : this.back(session, token, [id], what.kind === "fail" ? what : undefined).length === 0;
    return isDone ? "done" : "lost";
  }

  /** Whether a message of a lease with this token is in a mailbox that belongs to another account (accounts.md 2.4). */
  isDenied(id: number, token: string, account: string): boolean {
    const mailbox = this.leases.get(token)?.mailbox ?? this.#released(id, token)?.mailbox.name;
    return mailbox !== undefined && mailbox !== account && this.#tables.covered.last(mailbox) > 0;
  }

  /** Acknowledges these messages: removes them. Returns those that the lease does not hold any more. */
  ack(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#find(session, token, ids);
    const { kept } = this.#tables;
    if (lease !== undefined && held.size > 0) {
      this.#takeOut(lease, held.keys());
      kept.removeAll(this.#mailbox(lease.mailbox), held);
    }
    return others.filter((id) => {
      const message = this.#released(id, token);
      if (message !== undefined) kept.remove(message.mailbox, message);
      return message === undefined;
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
    return others.filter((id) => this.#released(id, token) === undefined);
  }

  /** Counts an attempt for these messages. Returns those that the lease does not hold any more. */
  begin(session: string, token: string, ids: readonly number[]): number[] {
    const { lease, held, others } = this.#find(session, token, ids), begun = lease?.begun;
    if (lease === undefined || begun === undefined) return others;
    for (const id of held.keys()) begun.add(id);
    this.#changed.add(lease);
    return others;
  }

  /** Extends a lease. Returns whether it was there. */
  extend(session: string, token: string, duration: number): boolean {
    const lease = this.leases.get(token);
    if (lease === undefined || lease.session !== session) return false;
    lease.duration = duration;
    lease.until = this.#context.monotonicClock() + duration;
    lease.confirmed = true;
    this.leases.table.use(lease);
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

  /** A message, if the lease with this token has released it and it was not leased since. */
  #released(id: number, token: string): MessageOf & { mailbox: Mailbox } | undefined {
    const message = this.#tables.kept.get(id);
    if (message?.mailbox === undefined || message.token !== token || this.leases.has(id)) return undefined;
    return message as MessageOf & { mailbox: Mailbox };
  }

  /** Takes messages out of their lease. */
  #takeOut(lease: Lease, ids: Iterable<number>) {
    this.leases.removeMessages(lease, ids);
    if (lease.messages.size > 0 || lease.stored) this.#changed.add(lease);
    else this.#changed.delete(lease);
  }

  /** Ends all leases: every mailbox is cleared. */
  clearAll() {
    // those that ended before may have rows still, too
    this.#clearedCount += this.#changed.size + this.leases.count;
    this.#cleared.push(this.#changed.values(), this.leases.clear());
    this.#changed = new Set();
  }

  /** Ends the leases of a mailbox that is cleared. */
  clear(mailbox: string) {
    for (const lease of this.leases.in(mailbox)) this.#takeOut(lease, lease.messages.keys());
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
    const { kept, dead, covered, events } = this.#tables;
    const mailbox = this.#mailbox(lease.mailbox), { name } = mailbox;
    this.#takeOut(lease, messages.keys());
    const now = this.#context.wallClock();
    for (const id of messages.keys()) {
      const failure = failureOf(id);
      const message = this.#message(id), attempts = message.attempts + (failure === undefined ? 0 : 1);
      if (!isWhole(name, message)) {
        buryDamaged(this.#context, this.#tables, mailbox, message);
        continue;
      }
      const isExpired = message.expires !== null && message.expires <= now;
      const isBefore = id <= covered.last(name);
      const isDead = failure !== undefined && attempts >= failure.attempts;
      if (isBefore && !isExpired) dead.setApart(name, message, attempts);
      else if (isDead && !isBefore) dead.add(name, message, attempts, failure.reason);
      if (isDead || isBefore || isExpired) {
        kept.remove(mailbox, message);
        continue;
      }
      const due = failure !== undefined && failure.delay > 0 ? now + failure.delay : null;
      kept.release(mailbox, message, { attempts, due, token: lease.token });
      if (due !== null) continue;
      mailbox.addReady(message);
      events.notify(name);
    }
  }

  /** Ends leases whose time is over, with about `limit` messages together. */
  end(limit: number) {
    const now = this.#context.monotonicClock();
    for (let count = 0; count < limit;) {
      const lease = this.leases.ended(now);
      if (lease === undefined) return;
      count += lease.messages.size;
      const counts = (id: number) => lease.confirmed && (lease.begun?.has(id) ?? true);
      this.#end(lease, (id) => counts(id) ? LEASE_RAN_OUT : undefined);
    }
  }

  /** Prolongs every lease to its full duration from now on: the server was started (session.md 6.13). */
  start() {
    const given = this.#context.monotonicClock();
    for (const lease of this.leases.all()) {
      Object.assign(lease, { given, until: given + lease.duration, confirmed: true });
      this.#changed.add(lease);
    }
  }

  #message(id: number): MessageOf {
    const message = this.#tables.kept.get(id);
    if (message === undefined) throw new StoreLost(`Message ${id} of a lease is missing`);
    return message;
  }

  #mailbox(name: string): Mailbox {
    const mailbox = this.#tables.mailboxes.get(name);
    if (mailbox === undefined) throw new StoreLost(`Mailbox ${name} of a lease is missing`);
    return mailbox;
  }

  /** Brings the rows of up to `rows` leases up to date. Returns how many they were. */
  flush(rows: number): number {
    let count = 0;
    while (this.#cleared.length > 0 && count < rows) {
      const { done, value: lease } = this.#cleared[0]!.next();
      if (!done) this.#clearedCount--;
      if (done) this.#cleared.shift();
      else if (lease.stored) this.#rows.remove(lease);
      count++;
    }
    for (const lease of this.#changed) {
      if (count >= rows) break;
      this.#rows.write(lease);
      this.#changed.delete(lease);
      count++;
    }
    return count;
  }

  /** How much there is to {@linkcode flush}. */
  get unflushed(): number {
    return this.#changed.size + this.#cleared.length + this.#clearedCount;
  }
}

function leasedMessage({ seq, sender, time, text, attempts }: Message): LeasedMessage {
  return { id: seq, attempt: attempts + 1, sender, time, text };
}
