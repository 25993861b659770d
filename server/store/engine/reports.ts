import { greatestOf } from "../../quota/share.ts";
import type { Context } from "../database/context.ts";
import { allRows, firstRow, LIMIT, prepareAll } from "../database/statements.ts";
import { PAGE_BYTES } from "../database/transaction.ts";
import { Again } from "../requests/again.ts";
import type { Fullest, OldestMailbox, OldestRequest, OldestSearch } from "../requests/report.ts";
import type { RequestKeys } from "./key/request_keys.ts";
import type { Messages } from "./message/messages.ts";
import type { Threads } from "./thread/threads.ts";

/** The oldest messages that are looked at, and the rows of one piece, of messages that were cleared too: half a millisecond. */
const OLDEST_MESSAGES = 4096, PIECE_ROWS = 1024;

interface OldestRow {
  seq: number;
  /** The mailbox's, null if another one may have its name. */
  name: string | null;
  /** The mailbox's number. */
  mailbox: number;
  time: number;
}

/** Answers what is near its limits, and what is oldest: what an administrator asks for. */
export class Reports {
  readonly #context: Context;
  readonly #messages: Messages;
  readonly #threads: Threads;
  readonly #keys: RequestKeys;
  readonly #sql;

  constructor(context: Context, messages: Messages, threads: Threads, keys: RequestKeys) {
    this.#context = context;
    this.#messages = messages;
    this.#threads = threads;
    this.#keys = keys;
    this.#sql = prepareAll(context.db, {
      oldest: `SELECT seq, name, mailbox, time FROM message LEFT JOIN mailbox ON mailbox.id = mailbox
        WHERE seq > ? ORDER BY seq ${LIMIT}`,
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
      requestKeys: this.#keys.usage,
      databaseBytes: pages * PAGE_BYTES,
    };
  }

  /**
   * The mailboxes of the oldest messages: those with rows, and then those that only memory has.
   *
   * @param before What the pieces before this one came to; by default it is the first.
   */
  oldest(limit: number, before?: OldestSearch): OldestMailbox[] | Again<OldestRequest> {
    const found = new Map(before?.found);
    let { left, after } = before ?? { left: OLDEST_MESSAGES, after: 0 };
    const { kept } = this.#messages.tables;
    const see = (mailbox: string, time: number) => {
      found.set(mailbox, Math.min(time, found.get(mailbox) ?? Infinity));
      left--;
    };
    const rows = allRows<OldestRow>(this.#sql.oldest, after, PIECE_ROWS);
    for (const row of rows) {
      if (left === 0) break;
      after = row.seq;
      // whether a message that was cleared has a row still depends on when that was written
      const mailbox = kept.rows.mailboxOf(row);
      if (mailbox !== undefined) see(mailbox.name, row.time);
    }
    if (left > 0 && rows.length === PIECE_ROWS) {
      return new Again({ kind: "oldest", limit, before: { after, left, found: [...found] } });
    }
    for (const { mailbox, time } of kept.pending.oldestKept(left)) see(mailbox.name, time);
    return [...found].slice(0, limit)
      .map(([mailbox, time]) => ({ mailbox, time, messages: this.#messages.count(mailbox).messages }));
  }
}
