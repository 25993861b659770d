import type { Context } from "../../database/context.ts";
import type { Put } from "../../requests/message.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { Owner } from "../mailbox/owners.ts";
import type { DueMessage } from "./kept_messages.ts";
import type { LeasedMessages, MessageTables } from "./leased_messages.ts";
import { buryDamaged, buryDamagedDelayed } from "./rows/damage.ts";
import { type DelayedMessage, isWholeDelayed } from "./rows/delayed_messages.ts";
import { isWhole } from "./rows/message_rows.ts";

/** How many times as many messages as a tick may have added it gives rows: those that waited and those that were delayed. */
const TICK_FLUSHES = 2;

/** Bytes that messages may have in memory before a tick, which adds some that are in no record, gives as many of the oldest rows. */
const PENDING_BYTES_MAX = 16 * 1024 * 1024;

interface DueMessagesOptions {
  context: Pick<Context, "onEvent" | "wallClock">;
  tables: MessageTables;
  leased: Pick<LeasedMessages, "leases" | "end">;
  /** Adds a message at the end of its mailbox. */
  append(put: Omit<Put, "kind">, mailbox: Mailbox, owner: Owner): void;
}

/** What becomes of messages as time passes: delays, leases and waits end, and messages expire. */
export class DueMessages {
  readonly #options: DueMessagesOptions;

  constructor(options: DueMessagesOptions) {
    this.#options = options;
  }

  /** When {@linkcode tick} may have something to do, by both clocks; `Infinity`: not as time passes. */
  get #next(): { wallClock: number; monotonicClock: number } {
    const { tables: { delayed, kept }, leased: { leases } } = this.#options;
    return {
      wallClock: Math.min(delayed.next, kept.nextDue),
      monotonicClock: leases.nextEnd ?? Infinity,
    };
  }

  /**
   * How much of what is due {@linkcode tick} is to do at once, up to `limit`; 0 if nothing is due. `not yet`: that is still
   * looked for among what stays.
   */
  rows(wallClock: number, monotonicClock: number, limit: number): number | "not yet" {
    const isDue = () => this.#next.wallClock <= wallClock || this.#next.monotonicClock <= monotonicClock;
    if (!isDue()) return 0;
    const { tables: { kept }, leased: { leases } } = this.#options;
    const rows = kept.passStaying(wallClock, (seq) => leases.has(seq)) ?? limit;
    if (rows === 0) return "not yet";
    return isDue() ? Math.min(rows, limit) : 0;
  }

  /**
   * Ends leases, makes delayed messages ready and removes expired ones, as far as it is time, about `limit` of each.
   */
  tick(limit: number): "done" {
    const { context, tables: { delayed, kept }, leased } = this.#options, now = context.wallClock();
    leased.end(limit);
    for (const message of delayed.due(now, limit)) this.#endDelay(message, now);
    kept.passWaited(now, limit, (message) => this.#endWait(message));
    kept.passExpired(now, limit, ({ mailbox, waits, ...message }) => {
      // a leased message is removed when it is released
      if (leased.leases.has(message.seq)) return false;
      kept.remove(mailbox, { ...message, due: waits ? 0 : null });
      return true;
    });
    // not all at once: after a long journal there are many
    if (kept.pending.bytes > PENDING_BYTES_MAX) kept.flush(TICK_FLUSHES * limit);
    return "done";
  }

  /** Makes a message ready for its next attempt, at its place. */
  #endWait({ mailbox, seq }: DueMessage): boolean {
    const { kept, dead, covered, events } = this.#options.tables, message = kept.get(seq)!;
    if (isWhole(mailbox.name, message) && seq <= covered.last(mailbox.name)) {
      kept.remove(mailbox, message);
      dead.setApart(mailbox.name, message, message.attempts);
    } else if (isWhole(mailbox.name, message)) {
      kept.endWait(mailbox, message);
      mailbox.addReady(message);
      events.notify(mailbox.name);
    } else {
      buryDamaged(this.#options.context, this.#options.tables, mailbox, message);
    }
    return true;
  }

  /** Moves a message from the delayed ones to the end of its mailbox, unless it has expired meanwhile. */
  #endDelay(message: DelayedMessage, now: number) {
    const { mailboxes, delayed, dead, covered } = this.#options.tables;
    const { expires, owner: ownerId, ...rest } = message, owner = mailboxes.owners.withId(ownerId);
    const mailbox = mailboxes.obtain(message.mailbox);
    delayed.remove(message);
    const isDamaged = !isWholeDelayed(message), isExpired = expires !== null && expires <= now;
    if (!isDamaged && !isExpired && !covered.mustSetApart(message.mailbox, message.id)) {
      return this.#options.append(expires === null ? rest : { ...rest, expires }, mailbox, owner);
    }
    mailboxes.change(mailbox, owner, -1, -message.bytes);
    if (isDamaged) buryDamagedDelayed(this.#options.context, dead, message);
    else if (!isExpired) dead.setApart(message.mailbox, { ...message, seq: message.id }, 0);
  }
}
