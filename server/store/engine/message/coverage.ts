/**
 * Mailboxes that an account covers, and what they held before. `protocol/accounts.md` is the specification.
 *
 * Invariant: no message that was put before an account covered its mailbox is given out of it. When the account begins to
 * cover it, ready and delayed messages are set apart: they become dead letters of a kind of its own. Leased ones become
 * such when they are released.
 *
 * @module
 */

import type { Transaction } from "../../database/transaction.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { Mailboxes } from "../mailbox/mailboxes.ts";
import type { DeadLetterRows } from "./dead_letters.ts";
import type { DelayedMessages, Retries } from "./delayed_messages.ts";
import type { MessageRows } from "./message_rows.ts";

/** Rows that are read at a time. */
const PAGE_ROWS = 256;

/** For each covered mailbox, the number of the last message that was put before. */
export class CoveredMailboxes {
  readonly #transaction: Transaction;
  readonly #last = new Map<string, number>();

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  /** As the database has it. */
  load(mailbox: string, last: number) {
    this.#last.set(mailbox, last);
  }

  /** Whether a message of a mailbox was put before an account covered that. */
  isBefore(mailbox: string, id: number): boolean {
    return id <= (this.#last.get(mailbox) ?? 0);
  }

  /** The mailbox is covered from now on; `undefined`: it is not any more. */
  set(mailbox: string, last: number | undefined) {
    const before = this.#last.get(mailbox);
    this.#set(mailbox, last);
    this.#transaction.onRollback(() => this.#set(mailbox, before));
  }

  #set(mailbox: string, last: number | undefined) {
    if (last === undefined) this.#last.delete(mailbox);
    else this.#last.set(mailbox, last);
  }
}

interface SetApartOptions {
  mailboxes: Mailboxes;
  rows: MessageRows;
  delayed: DelayedMessages;
  retries: Retries;
  dead: DeadLetterRows;
  leased: { has(id: number): boolean };
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * Sets apart what a mailbox holds and is not leased, and its dead letters; every message has a row by now. Returns how
 * many they are, or `apart full` if there is no room for all: then nothing was done.
 */
export function setApart(name: string, options: SetApartOptions): number | "apart full" {
  const { mailboxes, dead } = options, mailbox = mailboxes.get(name);
  // leased messages count too: they are added when they are released
  if (!dead.hasRoomApart(name, mailbox?.messages ?? 0, mailbox?.bytes ?? 0)) return "apart full";
  const letters = dead.setAllApart(name);
  if (mailbox === undefined || mailbox.messages === 0) return letters;
  mailboxes.touch(mailbox);
  return letters + setDelayedApart(mailbox, options) + setRowsApart(mailbox, options);
}

function setDelayedApart(mailbox: Mailbox, { mailboxes, delayed, dead, now }: SetApartOptions): number {
  let count = 0;
  for (const message of delayed.of(mailbox.name)) {
    const { owner, bytes, expires } = message;
    delayed.remove(message);
    mailboxes.change(mailbox, mailboxes.owners.withId(owner), -1, -bytes);
    if (expires !== null && expires <= now) continue;
    dead.setApart(mailbox.name, message.id, message, 0);
    count++;
  }
  return count;
}

function setRowsApart(mailbox: Mailbox, { rows, retries, dead, leased, now }: SetApartOptions): number {
  let count = 0;
  for (const { isLong } of mailbox.queues) {
    for (let cursor = 0, isMore = true; isMore;) {
      const page = rows.whole.from(mailbox, { isLong, cursor }, PAGE_ROWS);
      for (const row of page) {
        const { seq: id, expires, due } = row;
        cursor = id + 1;
        if (leased.has(id)) continue;
        if (due !== null) retries.counts.add(mailbox.name, -1);
        rows.remove(mailbox, row);
        if (expires !== null && expires <= now) continue;
        dead.setApart(mailbox.name, id, row, row.attempts);
        count++;
      }
      isMore = page.length === PAGE_ROWS;
    }
  }
  return count;
}
