import { greatestOf } from "../../quota/share.ts";
import type { Context } from "../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../database/statements.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import type { Fullest, OldestMailbox } from "../requests/report.ts";
import type { Messages } from "./message/messages.ts";
import type { Threads } from "./thread/threads.ts";

/** The oldest messages that are looked at: about a millisecond's work. */
const OLDEST_ROWS = 4096;

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
      oldest: `SELECT name AS mailbox, min(time) AS time
        FROM (SELECT mailbox, seq, time FROM message ORDER BY seq LIMIT ${OLDEST_ROWS}) AS first
        JOIN mailbox ON mailbox.id = first.mailbox GROUP BY mailbox.id ORDER BY min(seq) ${LIMIT}`,
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
      databaseBytes: pages * PAGE_BYTES,
    };
  }

  /** Of what only memory has, a mailbox counts that has nothing else: all with rows are older. */
  oldest(limit: number): OldestMailbox[] {
    const found = new Map<string, { mailbox: string; time: number }>();
    for (const row of allRows<{ mailbox: string; time: number }>(this.#sql.oldest, limit)) {
      found.set(row.mailbox, row);
    }
    for (
      const { mailbox: { name: mailbox, stored }, time } of this.#messages.tables.kept.pending.oldest(
        OLDEST_ROWS,
      )
    ) {
      if (stored === 0) {
        found.set(mailbox, { mailbox, time: Math.min(time, found.get(mailbox)?.time ?? Infinity) });
      }
    }
    return [...found.values()].slice(0, limit)
      .map((row) => ({ ...row, messages: this.#messages.count(row.mailbox).messages }));
  }
}
