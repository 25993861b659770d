/**
 * Which messages are too long for a take. Each says so in its row, so that the index by which messages are found has
 * those of a mailbox that a take may give and the others apart, each in the order of their numbers: neither is looked
 * for among the others, however many of them there are.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";

/** Where a take gives messages of any length. */
export const ANY_LENGTH = Number.MAX_SAFE_INTEGER;

/**
 * Has every row of `message` say whether it is too long for a take, inside a transaction. It takes a while where there
 * are many and the limit was another one before; otherwise nothing is changed.
 *
 * @param takenBytes Most bytes of sender and text that a take gives.
 */
export function orderMessages(db: DatabaseSync, takenBytes: number) {
  if (db.prepare("SELECT bytes FROM taken").get()!.bytes === takenBytes) return;
  // both lengths are read from the head of a row: a long one costs no more than a short one
  const isLong = "octet_length(sender) + octet_length(body) > ?1";
  db.prepare(`UPDATE message SET long = ${isLong} WHERE long <> (${isLong})`).run(takenBytes);
  db.prepare("UPDATE taken SET bytes = ?").run(takenBytes);
}
