/**
 * Mailboxes that an account covers, and what they held before. `protocol/accounts.md` is the specification.
 *
 * Invariant: no message that was put before an account covered its mailbox is given out of it. When the account begins to
 * cover it, ready and delayed messages are set apart: they become dead letters of a kind of its own. Leased ones become
 * such when they are released.
 *
 * @module
 */

import type { Context } from "../../database/context.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import type { MessageTables } from "./leased_messages.ts";
import { buryDamaged, buryDamagedDelayed } from "./rows/damage.ts";
import { isWholeDelayed } from "./rows/delayed_messages.ts";
import { isWhole } from "./rows/message_rows.ts";

/** Rows that are read at a time. */
const PAGE_ROWS = 256;

/** What is set apart from, and by what time. */
interface Source extends MessageTables {
  context: Pick<Context, "onEvent">;
  leased: { has(id: number): boolean };
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * Sets apart what a mailbox holds and is not leased, and its dead letters; none of its messages is pending. Returns
 * how many they are, or `apart full` if there is no room for all: then nothing was done.
 */
export function setApart(name: string, source: Source): number | "apart full" {
  const { mailboxes, dead } = source, mailbox = mailboxes.get(name);
  // leased messages count too: they are added when they are released
  if (!dead.hasRoomApart(name, mailbox?.messages ?? 0, mailbox?.bytes ?? 0)) return "apart full";
  const letters = dead.setAllApart(name);
  if (mailbox === undefined || mailbox.messages === 0) return letters;
  return letters + setDelayedApart(mailbox, source) + setRowsApart(mailbox, source);
}

function setDelayedApart(mailbox: Mailbox, { context, mailboxes, delayed, dead, now }: Source): number {
  let count = 0;
  for (const message of delayed.of(mailbox.name)) {
    const { owner, bytes, expires } = message;
    delayed.remove(message);
    mailboxes.change(mailbox, mailboxes.owners.withId(owner), -1, -bytes);
    if (!isWholeDelayed(message)) {
      buryDamagedDelayed(context, dead, message);
      continue;
    }
    if (expires !== null && expires <= now) continue;
    dead.setApart(mailbox.name, { ...message, seq: message.id }, 0);
    count++;
  }
  return count;
}

function setRowsApart(mailbox: Mailbox, source: Source): number {
  const { context, kept, dead, leased, now } = source;
  let count = 0;
  for (const { isLong } of mailbox.queues) {
    for (let cursor = 0, isMore = true; isMore;) {
      const page = kept.rows.whole.from(mailbox, { isLong, cursor }, PAGE_ROWS);
      for (const row of page) {
        const { seq: id, expires } = row;
        cursor = id + 1;
        if (leased.has(id)) continue;
        if (!isWhole(mailbox.name, row)) {
          buryDamaged(context, source, mailbox, row);
          continue;
        }
        kept.remove(mailbox, row);
        if (expires !== null && expires <= now) continue;
        dead.setApart(mailbox.name, row, row.attempts);
        count++;
      }
      isMore = page.length === PAGE_ROWS;
    }
  }
  return count;
}
