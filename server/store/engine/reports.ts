import { greatestOf } from "../../quota/share.ts";
import type { Context } from "../database/context.ts";
import { allRows, firstRow, prepareAll } from "../database/statements.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import type { Fullest, OldestMailbox } from "../requests/report.ts";
import type { Messages } from "./message/messages.ts";
import type { Threads } from "./thread/threads.ts";

/** The oldest messages that are looked at: about a millisecond's work. */
const OLDEST_ROWS = 4096;

/** A mailbox, the time of the oldest of its messages that were looked at, and how many these are. */
interface OldestRow {
  mailbox: string;
  id: number;
  time: number;
  count: number;
}

/** Answers what is near its limits, and what is oldest: what an administrator asks for. */
export class Reports {
  readonly #context: Context;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #sql;

  constructor(context: Context, messages: Messages, threads: Threads) {
    this.#context = context;
    this.#messages = messages;
    this.#threads = threads;
    this.#sql = prepareAll(context.db, {
      oldest: `SELECT name AS mailbox, mailbox.id AS id, min(time) AS time, count(*) AS count
        FROM (SELECT mailbox, seq, time FROM message ORDER BY seq LIMIT ${OLDEST_ROWS}) AS first
        JOIN mailbox ON mailbox.id = first.mailbox GROUP BY mailbox.id ORDER BY min(seq)`,
      pages: "PRAGMA page_count",
    });
  }

  fullest(): Fullest {
    const { mailboxes, dead } = this.#messages.tables, { limits } = this.#context;
    const most = greatestOf(["messages", "bytes"], mailboxes.all());
    const { page_count: pages } = firstRow<{ page_count: number }>(this.#sql.pages)!;
    return {
      mailbox: { ...most, messagesMax: limits.mailboxMessages },
      owner: mailboxes.owners.fullest,
      ...this.#threads.fullest,
      dead: { letters: dead.counts.of(), bytes: dead.bytes },
      apart: dead.apart,
      owners: mailboxes.owners.holding,
      databaseBytes: pages * PAGE_BYTES,
    };
  }

  /** The mailboxes of the oldest messages: those with rows, and then those that only memory has. */
  oldest(limit: number): OldestMailbox[] {
    const found = new Map<string, number>();
    let left = OLDEST_ROWS;
    const { kept, mailboxes } = this.#messages.tables;
    for (const { mailbox, id, time, count } of allRows<OldestRow>(this.#sql.oldest)) {
      // it may have been cleared, and its name is another one's
      if (mailboxes.get(mailbox)?.id !== id) continue;
      found.set(mailbox, time);
      left -= count;
    }
    for (const { mailbox: { name, isCleared }, time } of kept.pending.oldest(left)) {
      if (isCleared) continue;
      found.set(name, Math.min(time, found.get(name) ?? Infinity));
    }
    return [...found].slice(0, limit)
      .map(([mailbox, time]) => ({ mailbox, time, messages: this.#messages.count(mailbox).messages }));
  }
}
