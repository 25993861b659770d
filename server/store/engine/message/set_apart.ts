/**
 * What was put into a mailbox before it was an account's. `protocol/README.md`, "Accounts", is the specification.
 *
 * Invariant: no message with a number up to that with which an account began to own its mailbox is given out of it. When
 * that begins, those that nobody has become dead letters; those that a lease has then become such when they come back.
 *
 * @module
 */

import type { DeadLetterRows } from "./dead_letters.ts";
import type { DelayedMessages } from "./delayed.ts";
import type { LeasedMessages } from "./leased_messages.ts";
import type { Mailbox, Mailboxes } from "./mailboxes.ts";
import type { MessageRows } from "./message_rows.ts";
import type { Retries } from "./retries.ts";
import type { Transaction } from "../../database/transaction.ts";

/** Rows that are read at a time. */
const PAGE = 256;

/** The last message that was put into each mailbox before it was an account's. */
export class Owned {
  readonly #transaction: Transaction;
  readonly #last = new Map<string, number>();

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  /** As the database has it. */
  load(mailbox: string, last: number) {
    if (last > 0) this.#last.set(mailbox, last);
  }

  /** Whether the message with this number was put into the mailbox before an account owned it that owns it now. */
  isBefore(mailbox: string, id: number): boolean {
    return id <= (this.#last.get(mailbox) ?? 0);
  }

  /** From now on the mailbox is an account's, or is not any more. */
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

export interface SetApartOptions {
  mailboxes: Mailboxes;
  rows: MessageRows;
  delayed: DelayedMessages;
  retries: Retries;
  dead: DeadLetterRows;
  leased: LeasedMessages;
  /** Milliseconds since 1970. */
  wallClock(): number;
}

/**
 * Makes dead letters of what a mailbox holds and nobody has; every message has a row by now. Its dead letters are set
 * apart with them. Returns how many they are, or `apart full` where there is no room for all: then nothing was done.
 */
export function setApart(name: string, options: SetApartOptions): number | "apart full" {
  const { mailboxes, dead } = options, mailbox = mailboxes.get(name);
  // what a lease has too: it is added when it comes back
  if (!dead.hasRoomApart(name, mailbox?.messages ?? 0, mailbox?.bytes ?? 0)) return "apart full";
  const letters = dead.setAllApart(name);
  if (mailbox === undefined || mailbox.messages === 0) return letters;
  mailboxes.touch(mailbox);
  return letters + setDelayedApart(mailbox, options) + setRowsApart(mailbox, options);
}

function setDelayedApart(mailbox: Mailbox, options: SetApartOptions): number {
  const { mailboxes, rows, delayed, dead, wallClock } = options;
  const wall = wallClock();
  let count = 0;
  for (const one of delayed.of(mailbox.name)) {
    const { id, expires, holder, ...message } = one;
    delayed.remove(one);
    mailboxes.change(mailbox, rows.holders.get(holder), -1, -message.bytes);
    if (expires !== null && expires <= wall) continue;
    dead.setApart(mailbox.name, { id, attempts: 0, ...message });
    count++;
  }
  return count;
}

function setRowsApart(mailbox: Mailbox, options: SetApartOptions): number {
  const { rows, retries, dead, leased, wallClock } = options, wall = wallClock();
  let count = 0;
  for (const { isLong } of mailbox.lanes) {
    for (let cursor = 0, isMore = true; isMore;) {
      const page = rows.from(mailbox, { isLong, cursor }, PAGE);
      for (const row of page) {
        const { seq: id, body: text, bytes, expires, due } = row;
        cursor = id + 1;
        if (leased.has(id)) continue;
        if (due !== null) retries.removed(mailbox.name);
        rows.remove(mailbox, id, id, bytes);
        if (expires !== null && expires <= wall) continue;
        dead.setApart(mailbox.name, { ...row, id, text });
        count++;
      }
      isMore = page.length === PAGE;
    }
  }
  return count;
}
