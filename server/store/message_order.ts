/**
 * The index by which messages are found: those of a mailbox that a take may give, and those that are too long for it,
 * each in the order of their numbers. So neither is looked for among the others, however many of them there are.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";

/** Where a take gives messages of any length. */
export const ANY_LENGTH = Number.MAX_SAFE_INTEGER;

/**
 * Whether a row of `message` is too long for a take, in SQL: 0 or 1. Both lengths are read from the head of a row, so
 * that a long one costs no more than a short one.
 *
 * @param takenBytes Most bytes of sender and text that a take gives.
 */
export function isLong(takenBytes: number): string {
  return `octet_length(sender) + octet_length(body) > ${takenBytes}`;
}

/** Makes the index, inside a transaction, where there is none for this limit. It takes a while where there are many. */
export function orderMessages(db: DatabaseSync, takenBytes: number) {
  const sql = `CREATE INDEX message_order ON message (mailbox, ${isLong(takenBytes)}, seq)`;
  const made = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'message_order'").get();
  if (made?.sql === sql) return;
  db.exec("DROP INDEX IF EXISTS message_order");
  db.exec(sql);
}
