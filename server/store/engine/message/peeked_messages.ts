import type { Context } from "../../database/context.ts";
import { allRows, LIMIT, prepareAll } from "../../database/statements.ts";
import type { PeekedMessage, PeekedPage } from "../../requests/message.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";
import { reportDamage } from "../whole_row.ts";
import { type DelayedMessage, type DelayedMessages, isWholeDelayed } from "./rows/delayed_messages.ts";
import { isWhole, type Message, STORED_COLUMNS, type StoredMessage } from "./rows/message_rows.ts";

/** Characters of a text that are shown: at least as many as the bytes of session.md 2.13. */
const SHOWN_CHARACTERS = 128;

/** Bytes of text that are read for one page, about: to show the beginning of a long text, all of it is read. */
const PAGE_BYTES = 256 * 1024;

/** Shows the messages of a mailbox by their IDs, and changes nothing. */
export class PeekedMessages {
  readonly #context: Pick<Context, "onEvent">;
  readonly #leased: { has(id: number): boolean };
  readonly #delayed: Pick<DelayedMessages, "of">;
  readonly #sql;

  constructor(
    context: Pick<Context, "db" | "onEvent">,
    leased: { has(id: number): boolean },
    delayed: Pick<DelayedMessages, "of">,
  ) {
    const { db } = this.#context = context;
    this.#leased = leased;
    this.#delayed = delayed;
    this.#sql = prepareAll(db, {
      stored: `SELECT ${STORED_COLUMNS} FROM message
        WHERE mailbox = ? AND long = ? AND seq > ? ORDER BY seq ${LIMIT}`,
    });
  }

  /**
   * Up to `limit` messages of a mailbox, from the first behind `after`. Damaged ones are left out: they become dead letters
   * when they are come across by what may change something.
   */
  page(mailbox: Mailbox, after: number, limit: number): PeekedPage {
    const about = Math.ceil(PAGE_BYTES / (mailbox.bytes / mailbox.messages + 1));
    const count = Math.max(1, Math.min(limit, about)), { stored } = this.#sql;
    const pending = mailbox.queues.flatMap((queue) => queue.pendingFrom(after + 1, count + 1));
    // each list is ordered, by an index or in memory, so that a page costs the same at every place
    const rows = [
      ...pending.map((row) => ({ id: row.seq, row })),
      ...[0, 1].flatMap((long) => allRows<StoredMessage>(stored, mailbox.id, long, after, count + 1))
        .map((row) => ({ id: row.seq, row })),
      ...this.#delayed.of(mailbox.name, after, count + 1).map((row) => ({ id: row.id, row })),
    ].sort((a, b) => a.id - b.id);
    const messages = rows.slice(0, count).flatMap(({ row }) => this.#shown(mailbox.name, row));
    const more = rows.length > count;
    return messages.length === 0 && more
      ? this.page(mailbox, rows[count - 1]!.id, limit)
      : { messages, more };
  }

  #shown(mailbox: string, row: Message | DelayedMessage): PeekedMessage[] {
    const isStored = "seq" in row;
    if (!(isStored ? isWhole(mailbox, row) : isWholeDelayed(row))) {
      reportDamage(this.#context, isStored ? "message" : "delayed", isStored ? row.seq : row.id);
      return [];
    }
    const { due, sender, time, bytes } = row, id = isStored ? row.seq : row.id;
    const attempts = isStored ? row.attempts : 0;
    const state = due !== null ? "delayed" : this.#leased.has(id) ? "leased" : "ready";
    return [{ id, state, attempts, sender, time, bytes, text: beginningOf(row.text) }];
  }
}

/** What is shown of a text. */
export function beginningOf(text: string): string {
  // a character may take two places
  return text.length <= SHOWN_CHARACTERS
    ? text
    : [...text.slice(0, 2 * SHOWN_CHARACTERS)].slice(0, SHOWN_CHARACTERS).join("");
}
