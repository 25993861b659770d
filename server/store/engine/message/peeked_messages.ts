import type { DatabaseSync } from "node:sqlite";
import { allRows, LIMIT, prepareAll } from "../../database/statements.ts";
import type { PeekedMessage, PeekedPage } from "../../requests/message.ts";
import type { Mailbox } from "../mailbox/mailbox.ts";

/** Characters of a text that are shown: at least as many as the bytes of session.md 2.13. */
const SHOWN_CHARACTERS = 128;

/** Bytes of text that are read for one page, about: to show the beginning of a long text, all of it is read. */
const PAGE_BYTES = 256 * 1024;

interface PeekedRow extends Omit<PeekedMessage, "state"> {
  /** When its next attempt may be, or its delay is over; null if it waits for nothing. */
  due: number | null;
}

/** Shows the messages of a mailbox by their IDs, and changes nothing. */
export class PeekedMessages {
  readonly #leased: { has(id: number): boolean };
  readonly #sql;

  constructor({ db }: { readonly db: DatabaseSync }, leased: { has(id: number): boolean }) {
    this.#leased = leased;
    const shown = `sender, time, bytes, substr(text, 1, ${SHOWN_CHARACTERS}) AS text`;
    this.#sql = prepareAll(db, {
      stored: `SELECT seq AS id, due, attempts, ${shown} FROM message
        WHERE mailbox = ? AND long = ? AND seq > ? ORDER BY seq ${LIMIT}`,
      delayed: `SELECT id, due, 0 AS attempts, ${shown} FROM delayed
        WHERE mailbox = ? AND id > ? ORDER BY id ${LIMIT}`,
    });
  }

  /** Up to `limit` messages of a mailbox whose messages all have rows, from the first behind `after`. */
  page(mailbox: Mailbox, after: number, limit: number): PeekedPage {
    const about = Math.ceil(PAGE_BYTES / (mailbox.bytes / mailbox.messages + 1));
    const count = Math.max(1, Math.min(limit, about)), { stored, delayed } = this.#sql;
    // each list is ordered by an index, so that a page costs the same at every place
    const rows = [
      ...allRows<PeekedRow>(stored, mailbox.id, 0, after, count + 1),
      ...allRows<PeekedRow>(stored, mailbox.id, 1, after, count + 1),
      ...allRows<PeekedRow>(delayed, mailbox.name, after, count + 1),
    ].sort((a, b) => a.id - b.id);
    const messages = rows.slice(0, count).map(({ due, ...row }): PeekedMessage => ({
      ...row,
      state: due !== null ? "delayed" : this.#leased.has(row.id) ? "leased" : "ready",
    }));
    return { messages, more: rows.length > count };
  }
}
