/**
 * The logical dump: the whole state as text, a line for each thing, sorted, without numbers that only the database's
 * layout needs. After the same records it is the same (store 4.7).
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { jsonOf } from "../database/json.ts";
import { allRows } from "../database/statements.ts";
import type { Configuration } from "../requests/upkeep.ts";

/** What is dumped as rows of the database, once memory has written what it had: the query of each kind of line. */
const ROWS: Readonly<Record<string, string>> = {
  epoch: "SELECT id FROM epoch",
  engine: "SELECT version FROM engine",
  sequence: "SELECT last FROM sequence",
  mailbox: `SELECT mailbox.name, owner.name AS owner, messages, bytes FROM mailbox
    LEFT JOIN owner ON owner.id = owner WHERE messages > 0 ORDER BY mailbox.name`,
  "mailbox owner":
    `SELECT mailbox.name, owner.name AS owner, other.messages, other.bytes FROM mailbox_owner AS other
    JOIN mailbox ON mailbox.id = mailbox LEFT JOIN owner ON owner.id = other.owner
    WHERE other.messages > 0 ORDER BY mailbox.name, owner.name`,
  message: `SELECT seq, mailbox.name AS mailbox, sender, time, text, message.bytes, owner.name AS owner,
      expires, attempts, due, token
    FROM message JOIN mailbox ON mailbox.id = mailbox LEFT JOIN owner ON owner.id = message.owner ORDER BY seq`,
  delayed: `SELECT delayed.id, due, mailbox, sender, time, text, bytes, expires, owner.name AS owner
    FROM delayed LEFT JOIN owner ON owner.id = owner ORDER BY delayed.id`,
  dead: "SELECT id, mailbox, sender, time, text, bytes, attempts, reason, apart FROM dead ORDER BY id",
  lease:
    `SELECT token, session, tag, network, account, mailbox, duration, messages, begun, given, until, confirmed, taken
    FROM lease ORDER BY use`,
  account: "SELECT name, verifier, last, role, tokens, network FROM account ORDER BY name",
  covering: "SELECT mailbox, last, requests, apart FROM covering ORDER BY mailbox",
  "request key": "SELECT key, digest, owner, used_at, message, time, place FROM request_key ORDER BY number",
  // in the order of their last use: that decides which one makes room
  session: "SELECT id, account, network, start_time, ended, done, used_at FROM session ORDER BY use",
  outcome: "SELECT session, number, text FROM outcome ORDER BY session, number",
  forgotten: "SELECT id, start_time, number FROM forgotten ORDER BY number",
  "forgotten times": "SELECT latest, horizon FROM forgotten_times",
  measure: "SELECT what, subject, since, until FROM measure ORDER BY what, subject",
  // those that are not listed too are given in an order
  channel: "SELECT name, owner, place, history, first FROM channel ORDER BY place = 0, place, id",
  said: `SELECT name AS channel, seq, time, sender, text FROM said JOIN channel ON channel.id = channel
    ORDER BY name, seq`,
  "channels complete": "SELECT complete FROM channels_complete",
  "last thread": "SELECT seq AS last FROM sqlite_sequence WHERE name = 'thread'",
  thread: "SELECT id, title, creator, last, entries, bytes FROM thread ORDER BY id",
  "thread owner": "SELECT thread, user, entries, bytes FROM thread_owner ORDER BY thread, user",
  entry: "SELECT thread, id, file, version, time, bytes, user, text FROM entry ORDER BY thread, id",
  content: "SELECT thread, name, user, size, hash, content FROM content ORDER BY thread, name",
  removed: "SELECT thread FROM removed ORDER BY thread",
  unused: "SELECT content FROM unused ORDER BY content",
};

/** Lines of everything that has rows. */
export function* dumpRows(db: DatabaseSync): Generator<string> {
  for (const [kind, query] of Object.entries(ROWS)) {
    for (const row of allRows<Record<string, unknown>>(db.prepare(query))) {
      yield lineOf(kind, Object.values(row));
    }
  }
}

export function configurationLine(
  { limits, takeBytesMax, forumLimits, sessionLimits, leaseLimits }: Configuration,
): string {
  const parts = [limits, forumLimits, sessionLimits, leaseLimits].map((part) => Object.entries(part).sort());
  return lineOf("configuration", [takeBytesMax, ...parts]);
}

export function lineOf(kind: string, values: readonly unknown[]): string {
  return `${kind} ${jsonOf(values)}\n`;
}
